"""The sequencer: the one reader of the queue, which gives entries their places and signs the tree.

Per batch one transaction takes rows, writes tiles, bundles, positions and the signed head. A checkpoint is
seen only through that commit, so none escapes that the tables could not back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gongzhi.audit.faults import broken
from gongzhi.audit.growth import Edge, edge_fits, edge_root, grow
from gongzhi.audit.log import public_key_of
from gongzhi.audit.merkle import leaf_hash
from gongzhi.audit.notes import Checkpoint, open_checkpoint
from gongzhi.audit.sources import Connection
from gongzhi.audit.tiles import WIDTH, levels, pack_entries
from gongzhi.clock.instant import Clock
from gongzhi.errors import GongzhiError, InternalError
from gongzhi.store import Store

BATCH = 1_024
"""Under a backlog; otherwise there are fewer. Each batch costs a signature, a commit and the last tiles once more."""
POLL_SECONDS = 0.1
_RETRY_SECONDS = 5.0
LOCK = int.from_bytes(b"gz-audit")
_log = structlog.get_logger("gongzhi.audit")

# ARRAY(…) makes the planner walk the index: the queue's statistics are always out of date.
_TAKE = """
DELETE FROM audit_pending
WHERE id = ANY (ARRAY(SELECT id FROM audit_pending ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING id, leaf
"""
# The tile that the next hash of each level goes to, where that level does not end with a full one.
_HEAD = """
SELECT size, root, checkpoint, tile.level, tile.hashes
FROM audit_head LEFT JOIN LATERAL (
    SELECT found.level, found.hashes FROM generate_series(0, 6) AS at (level)
    JOIN audit_tile AS found ON found.level = at.level AND found.index = size >> 8 * (at.level + 1)
) AS tile ON true
"""
# A hash comes twice only if a row of the queue was copied by hand; its first place counts, and `scan` tells.
_WRITE = """
WITH tiles AS (
    INSERT INTO audit_tile (level, index, hashes)
    SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
    ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes
), bundles AS (
    INSERT INTO audit_bundle (index, first, entries)
    SELECT * FROM unnest($4::bigint[], $5::smallint[], $6::bytea[])
), positions AS (
    INSERT INTO audit_position (leaf_hash, index)
    SELECT hash, $8::bigint + place - 1 FROM unnest($7::bytea[]) WITH ORDINALITY AS leaves (hash, place)
    ON CONFLICT (leaf_hash) DO NOTHING
)
INSERT INTO audit_head (size, root, checkpoint, at) VALUES ($9, $10, $11, $12)
ON CONFLICT (only_row) DO UPDATE
SET size = excluded.size, root = excluded.root, checkpoint = excluded.checkpoint, at = excluded.at
"""
ANY_TREE = "EXISTS (TABLE audit_tile) OR EXISTS (TABLE audit_bundle) OR EXISTS (TABLE audit_position)"


@dataclass(frozen=True, kw_only=True)
class _Head:
    size: int
    edge: Edge


class Sequencer:
    """Moves entries from the queue into the tree. Any number may run; a lock lets one work at a time.

    `fault` is the reason why it stands still, None while it works. It polls, and `wake` spares it the wait:
    NOTIFY in every write would take a lock of the whole server at each commit.
    """

    def __init__(
        self, store: Store, clock: Clock, *, origin: str = "gongzhi.local/audit", batch_size: int = BATCH
    ) -> None:
        self._store, self._clock, self._batch_size = store, clock, batch_size
        self._private = store.keys.audit_signing
        self._key = public_key_of(store, origin)
        self._signed = ""
        self._awake = asyncio.Event()
        self.fault: GongzhiError | None = None
        self._told = ""

    async def run_once(self) -> int:
        """Sequence one batch and sign; answers how many it took, 0 also while another sequencer works.

        Raises `AuditBroken` when the tables are not what was signed last: it never signs on top of that.
        """
        async with self._store.unit_of_work() as uow:
            connection = uow.connection
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
                return 0
            taken = await connection.fetch(_TAKE, self._batch_size)
            head = await self._head(connection)
            if head is not None and not taken:
                return 0
            entries = [row["leaf"] for row in sorted(taken, key=lambda row: row["id"])]
            note = await self._write(connection, head or _Head(size=0, edge=()), entries)
        self._signed = note
        return len(entries)

    async def drain(self) -> int:
        """Sequence until the queue is empty, waiting for another sequencer if one works; answers how many."""
        total = taken = 0
        while taken == self._batch_size or await self._waiting():
            taken = await self.run_once()
            total += taken
            if not taken:
                await asyncio.sleep(POLL_SECONDS)
        return total

    async def run(self, stop: asyncio.Event) -> None:
        """Sequence until `stop` is set. A broken log, a lost database or anything else is reported and tried again."""
        taken = 0
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                if taken == self._batch_size or await self._waiting():
                    taken = await self.run_once()
                    pause = 0.0 if taken == self._batch_size else POLL_SECONDS
                self.fault, self._told = None, ""
            except Exception as error:
                self._stand_still(error)
                pause, taken = _RETRY_SECONDS, 0
            if pause:
                await self._pause(stop, pause)

    def _stand_still(self, error: Exception) -> None:
        """Remember the fault, and log it once; of what is not ours the class only, since its text may be personal."""
        self.fault = error if isinstance(error, GongzhiError) else InternalError()
        if type(error).__name__ != self._told:
            self._told = type(error).__name__
            fault = self.fault
            _log.error("audit sequencer stands still", code=fault.code, where=fault.where, error=self._told)

    def wake(self) -> None:
        """Tell it, from the same event loop, that the queue has something."""
        self._awake.set()

    async def _waiting(self) -> bool:
        async with self._store.unit_of_work() as uow:
            return bool(
                await uow.fetchval("SELECT EXISTS (TABLE audit_pending) OR NOT EXISTS (TABLE audit_head)")
            )

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(stop.wait())]
        if self.fault is None:
            waits.append(asyncio.ensure_future(self._awake.wait()))
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await wait
            self._awake.clear()

    async def _head(self, connection: Connection) -> _Head | None:
        """The tree as it was signed last, checked against that signature; None before the first one."""
        rows = await connection.fetch(_HEAD)
        if not rows:
            if await connection.fetchval(f"SELECT {ANY_TREE}"):
                raise broken("checkpoint", zh="日志的检查点已丢失", en="the log's checkpoint is gone")
            return None
        size, root, note = rows[0]["size"], rows[0]["root"], rows[0]["checkpoint"]
        if note != self._signed:
            signed = open_checkpoint(note.encode(), self._key)
            if (signed.size, signed.root) != (size, root):
                raise broken(
                    "checkpoint", zh="数据库中的树头与签名不符", en="the stored head is not the signed one"
                )
        found = {row["level"]: row["hashes"] for row in rows}
        edge = tuple(found.get(level, b"") for level in range(levels(size)))
        if not edge_fits(size, edge) or edge_root(edge) != root:
            raise broken(
                "tile", zh="树的右缘与已签名的根不符", en="the tree's right edge is not what was signed"
            )
        return _Head(size=size, edge=edge)

    async def _write(self, connection: Connection, head: _Head, entries: Sequence[bytes]) -> str:
        hashes = [leaf_hash(entry) for entry in entries]
        growth = grow(head.size, head.edge, hashes)
        note = Checkpoint(origin=self._key.name, size=growth.size, root=growth.root).sign(self._private)
        bundles = _bundles(head.size, entries)
        await connection.execute(
            _WRITE,
            [level for level, _ in growth.tiles],
            [index for _, index in growth.tiles],
            list(growth.tiles.values()),
            [index for index, _, _ in bundles],
            [first for _, first, _ in bundles],
            [packed for _, _, packed in bundles],
            hashes,
            head.size,
            growth.size,
            growth.root,
            note,
            self._clock.now(),
        )
        return note


def _bundles(size: int, entries: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
    """What a batch adds to bundles after the first `size` entries: bundle, first item, framed entries."""
    end = size + len(entries)
    starts = [size, *range((size // WIDTH + 1) * WIDTH, end, WIDTH)] if entries else []
    return [
        (*divmod(start, WIDTH), pack_entries(entries[start - size : stop - size]))
        for start, stop in zip(starts, [*starts[1:], end], strict=False)
    ]
