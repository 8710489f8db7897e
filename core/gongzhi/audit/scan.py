"""The scan: the audited tables must be what the log says they became, row by row.

Entries carry keyed hashes of each row before and after. Folded in order, with those still in the queue, they
say what every row must be now; an edit made straight in SQL is named by table and id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from gongzhi.audit.leaf import Entry, RowHashes, Sealer, read_entry
from gongzhi.audit.log import AuditLog
from gongzhi.audit.merkle import leaf_hash
from gongzhi.audit.notes import Checkpoint
from gongzhi.audit.sources import DatabaseSource
from gongzhi.audit.verify import verify_log
from gongzhi.declarations import Json, Text
from gongzhi.errors import InvalidInput
from gongzhi.store import AUDITED, Store, UnitOfWork

Kind = Literal["edited", "deleted", "inserted", "overwritten", "forged", "repeated", "unlogged", "misplaced"]

SAYS: Mapping[Kind, Text] = {
    "edited": Text(zh="内容与日志不符", en="is not as the log left it"),
    "deleted": Text(zh="已不在表中，日志未记载其删除", en="is gone, and the log does not say so"),
    "inserted": Text(zh="日志从未记载", en="was never in the log"),
    "overwritten": Text(zh="曾在日志之外被改动", en="was changed outside the log before this entry"),
    "forged": Text(zh="条目不是本平台写入的", en="was not written by this platform"),
    "repeated": Text(zh="条目重复出现", en="repeats an earlier entry"),
    "unlogged": Text(zh="所指的日志条目不存在", en="names an entry that is not in the log"),
    "misplaced": Text(zh="条目位置索引缺失", en="has lost places of entries"),
}
_PAGE = 1000
_UNLOGGED = """
SELECT id, leaf_hash FROM case_event
WHERE NOT EXISTS (SELECT FROM audit_position WHERE audit_position.leaf_hash = case_event.leaf_hash)
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that does not agree. `entry` is a place in the log; None for the present state of a table."""

    kind: Kind
    table: str
    id: UUID | None = None
    entry: int | None = None

    def __str__(self) -> str:
        what = " ".join(str(part) for part in (self.table, self.id) if part is not None)
        place = f" [{self.entry}]" if self.entry is not None else ""
        return f"{what}{place}: {SAYS[self.kind].zh} · {SAYS[self.kind].en}"


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a scan saw: the verified log, entries that were still waiting, rows, and all that disagreed."""

    checkpoint: Checkpoint
    waiting: int
    rows: int
    findings: tuple[Finding, ...]


@dataclass(kw_only=True)
class Fold:
    """The log folded into what each row must be now: its hash, None once deleted."""

    sealer: Sealer
    rows: dict[tuple[str, UUID], str | None] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    repeated: int = 0
    _nonces: set[str] = field(default_factory=set)

    def take(self, place: int, entries: Sequence[bytes]) -> None:
        """Fold entries that stand from `place` on. Forged and repeated ones change nothing."""
        for number, raw in enumerate(entries, start=place):
            entry = read_entry(raw)
            if entry is None or not self.sealer.wrote(raw):
                self._find("forged", number)
            elif entry.nonce in self._nonces:
                self.repeated += 1
                self._find("repeated", number)
            else:
                self._nonces.add(entry.nonce)
                self._apply(number, entry)

    def _apply(self, number: int, entry: Entry) -> None:
        for row in entry.rows:
            key = (row.table, row.id)
            if self.rows.get(key) != row.before:
                self._find("overwritten", number, row)
            self.rows[key] = row.after

    def _find(self, kind: Kind, number: int, row: RowHashes | None = None) -> None:
        table, row_id = (row.table, row.id) if row else ("audit", None)
        self.findings.append(Finding(kind=kind, table=table, id=row_id, entry=number))


async def scan(store: Store, log: AuditLog) -> Scan:
    """Verify the log and compare every audited row with it, all in one snapshot; writers go on meanwhile.

    Raises `AuditBroken` when the log itself does not verify, for then it says nothing about tables.
    """
    async with store.unit_of_work() as uow:
        await uow.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        fold = Fold(sealer=log.sealer)
        source = DatabaseSource(connection=uow.connection)
        verified = await verify_log(source, log.public_key, visit=fold.take)
        size = verified.checkpoint.size
        waiting = [row["leaf"] for row in await uow.fetch("SELECT leaf FROM audit_pending ORDER BY id")]
        fold.take(size, waiting)
        findings = [finding async for finding in _differences(uow, fold)]
        findings += await _unlogged(uow, {leaf_hash(entry) for entry in waiting})
        if await uow.fetchval("SELECT count(*) FROM audit_position") != size - _stood_twice(fold, size):
            findings.append(Finding(kind="misplaced", table="audit_position"))
    rows = sum(expected is not None for expected in fold.rows.values())
    return Scan(
        checkpoint=verified.checkpoint,
        waiting=len(waiting),
        rows=rows,
        findings=(*fold.findings, *findings),
    )


def _stood_twice(fold: Fold, size: int) -> int:
    """Repeated entries among those that have places: the first place of each counts alone."""
    return sum(f.kind == "repeated" and f.entry is not None and f.entry < size for f in fold.findings)


async def _differences(uow: UnitOfWork, fold: Fold) -> AsyncIterator[Finding]:
    for table in sorted(AUDITED):
        left = {row_id: kept for (name, row_id), kept in fold.rows.items() if name == table and kept}
        async for row in _rows(uow, table):
            expected = left.pop(row["id"], None)
            if expected is None:
                yield Finding(kind="inserted", table=table, id=row["id"])
            elif expected != _hash(fold.sealer, table, row):
                yield Finding(kind="edited", table=table, id=row["id"])
        for row_id in sorted(left):
            yield Finding(kind="deleted", table=table, id=row_id)


async def _rows(uow: UnitOfWork, table: str) -> AsyncIterator[Mapping[str, Json]]:
    page = await uow.fetch(f'SELECT * FROM "{table}" ORDER BY id LIMIT {_PAGE}')
    while page:
        for row in page:
            yield row
        page = await uow.fetch(
            f'SELECT * FROM "{table}" WHERE id > $1 ORDER BY id LIMIT {_PAGE}', page[-1]["id"]
        )


def _hash(sealer: Sealer, table: str, row: Mapping[str, Json]) -> str | None:
    try:
        return sealer.row_hash(table, row)
    except InvalidInput:
        return None  # such a row was never written through the log


async def _unlogged(uow: UnitOfWork, waiting: set[bytes]) -> list[Finding]:
    rows = await uow.fetch(_UNLOGGED)
    return [
        Finding(kind="unlogged", table="case_event", id=row["id"])
        for row in rows
        if row["leaf_hash"] not in waiting
    ]
