"""From the queue into the signed tree, on the real store."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextvars import Context
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.audit.leaf import read_entry
from gongzhi.audit.merkle import EMPTY_ROOT
from gongzhi.audit.notes import Checkpoint
from gongzhi.audit.sequencer import LOCK
from gongzhi.audit.sources import DatabaseSource
from gongzhi.audit.tiles import tiles_at, unpack_entries
from gongzhi.audit.verify import Verified, verify_log
from gongzhi.clock import VirtualClock
from gongzhi.errors import AuditBroken
from gongzhi.store import Store

pytestmark = pytest.mark.anyio
T = TypeVar("T")

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
LEAF = Leaf(
    at=START,
    actor=uuid4(),
    organ=uuid4(),
    namespace="minor_protection",
    version="0.1.0",
    action="report",
    region="330523",
    case_id=uuid4(),
    outcome="done",
)


@pytest.fixture
def log(store: Store) -> AuditLog:
    return AuditLog(store)


@pytest.fixture
def sequencer(store: Store) -> Sequencer:
    return Sequencer(store, VirtualClock(START))


async def append(log: AuditLog, store: Store, count: int) -> list[bytes]:
    async with store.unit_of_work() as uow:
        return [await log.append(uow, replace(LEAF, action=f"act_{number}")) for number in range(count)]


async def verified(log: AuditLog, store: Store) -> Verified:
    async with store.unit_of_work() as uow:
        return await verify_log(DatabaseSource(connection=uow.connection), log.public_key)


async def actions(store: Store, size: int) -> list[str]:
    """The actions in the log, in its order."""
    async with store.unit_of_work() as uow:
        source = DatabaseSource(connection=uow.connection)
        bundles = [await source.read(tile) for tile in tiles_at(size, 0, "entries")]
    entries = [read_entry(entry) for bundle in bundles for entry in unpack_entries(bundle, where="")]
    return [entry.action for entry in entries if entry is not None]


async def counts(store: Store) -> tuple[int, int]:
    """Entries waiting, and places given."""
    async with store.unit_of_work() as uow:
        waiting = await uow.fetchval("SELECT count(*) FROM audit_pending")
        return waiting, await uow.fetchval("SELECT count(*) FROM audit_position")


async def test_an_empty_log_has_a_signed_checkpoint(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """So that from the first day there is something to hold the log to."""
    assert await sequencer.drain() == 0
    assert (await verified(log, store)).checkpoint == Checkpoint(
        origin="gongzhi.local/audit", size=0, root=EMPTY_ROOT
    )


@pytest.mark.parametrize("batch_size", [1, 7, 256, 1000])
async def test_entries_stand_in_the_order_of_the_queue(log: AuditLog, store: Store, batch_size: int) -> None:
    """Whatever the batches; each leaf hash finds its place, and the whole verifies."""
    count = 40 if batch_size == 1 else 600
    hashes = await append(log, store, count)
    sequencer = Sequencer(store, VirtualClock(START), batch_size=batch_size)
    assert await sequencer.drain() == count
    assert (await verified(log, store)).checkpoint.size == count
    assert await actions(store, count) == [f"act_{number}" for number in range(count)]
    async with store.unit_of_work() as uow:
        found = await uow.fetch("SELECT leaf_hash FROM audit_position ORDER BY index")
    assert [row["leaf_hash"] for row in found] == hashes
    assert await counts(store) == (0, count)


async def test_a_leaf_is_in_the_log_only_if_its_act_committed(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """A rolled-back act leaves nothing, its leaf neither."""
    with pytest.raises(RuntimeError, match="undo"):
        async with store.unit_of_work() as uow:
            await log.append(uow, LEAF)
            raise RuntimeError("undo")
    await append(log, store, 1)
    await sequencer.drain()
    assert await actions(store, 1) == ["act_0"]
    assert await counts(store) == (0, 1)


async def apart(work: Coroutine[Any, Any, T]) -> T:
    """Do it as another request would: a task inherits its maker's unit of work, unless told otherwise."""
    return await asyncio.create_task(work, context=Context())


async def test_a_leaf_that_commits_late_is_not_lost(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """Its number in the queue is lower than one that the sequencer took before."""
    async with store.unit_of_work() as late:
        await log.append(late, replace(LEAF, action="late"))
        await apart(append(log, store, 1))
        assert await apart(sequencer.drain()) == 1
    await sequencer.drain()
    assert await actions(store, 2) == ["act_0", "late"]


async def test_many_sequencers_take_each_entry_once(log: AuditLog, store: Store) -> None:
    """The lock lets one work at a time; the others wait their turn."""
    await append(log, store, 300)
    sequencers = [Sequencer(store, VirtualClock(START), batch_size=20) for _ in range(4)]
    taken = await asyncio.gather(*(sequencer.drain() for sequencer in sequencers))
    assert sum(taken) == 300
    assert await actions(store, 300) == [f"act_{number}" for number in range(300)]
    await verified(log, store)


async def test_a_sequencer_gives_way_while_another_one_works(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """It takes nothing and waits for nothing."""
    await append(log, store, 1)
    async with store.unit_of_work() as other:
        assert await other.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK)
        assert await apart(sequencer.run_once()) == 0
    assert await sequencer.run_once() == 1


async def until_nothing_waits(store: Store) -> None:
    async with asyncio.timeout(60):
        while (await counts(store))[0]:
            await asyncio.sleep(0.01)


async def test_it_runs_until_stopped_and_sequences_soon(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """Woken or not; a stop is obeyed at once."""
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stop))
    for woken in (True, False):
        await append(log, store, 300)
        if woken:
            sequencer.wake()
        await until_nothing_waits(store)
    stop.set()
    async with asyncio.timeout(4):
        await running
    assert await counts(store) == (0, 600)
    await verified(log, store)


SPOILED = {
    "the size": "UPDATE audit_head SET size = size - 1",
    "the root": "UPDATE audit_head SET root = sha256('other')",
    "the checkpoint": "UPDATE audit_head SET checkpoint = replace(checkpoint, '300', '299')",
    "the head": "DELETE FROM audit_head",
    "a hash": "UPDATE audit_tile SET hashes = set_byte(hashes, 40, 0) WHERE level = 0 AND index = 1",
    "the edge": "DELETE FROM audit_tile WHERE level = 0 AND index = 1",
    "a level": "UPDATE audit_tile SET hashes = sha256('other') WHERE level = 1",
}


@pytest.mark.parametrize("sql", SPOILED.values(), ids=SPOILED.keys())
async def test_nothing_is_signed_on_top_of_a_spoiled_tree(log: AuditLog, store: Store, sql: str) -> None:
    """Signing would make the damage good; the entries stay in the queue and the reason is shown."""
    await append(log, store, 300)
    await Sequencer(store, VirtualClock(START)).drain()
    async with store.unit_of_work() as uow:
        assert await uow.execute(sql) in ("UPDATE 1", "DELETE 1")
    spoiled = await head(store)
    await append(log, store, 1)
    sequencer = Sequencer(store, VirtualClock(START))
    with pytest.raises(AuditBroken):
        await sequencer.run_once()
    assert (await counts(store))[0] == 1
    assert await head(store) == spoiled
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stop))
    async with asyncio.timeout(20):
        while sequencer.fault is None:
            await asyncio.sleep(0.01)
    assert isinstance(sequencer.fault, AuditBroken)
    stop.set()
    async with asyncio.timeout(4):
        await running


async def head(store: Store) -> Mapping[str, Any] | None:
    async with store.unit_of_work() as uow:
        return await uow.fetchrow("SELECT * FROM audit_head")


async def test_an_older_signed_head_is_not_continued(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """Who puts an old checkpoint back, to have another history signed, fails on the tree that is there."""
    await append(log, store, 10)
    await sequencer.drain()
    older = await head(store)
    assert older is not None
    await append(log, store, 10)
    await sequencer.drain()
    async with store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE audit_head SET size = $1, root = $2, checkpoint = $3",
            older["size"],
            older["root"],
            older["checkpoint"],
        )
    await append(log, store, 1)
    with pytest.raises(AuditBroken):
        await sequencer.run_once()


async def test_an_entry_of_the_queue_that_was_copied_does_not_stop_the_log(
    log: AuditLog, store: Store, sequencer: Sequencer
) -> None:
    """Both stand in the log; the hash leads to the first. (The scan reports the second.)"""
    [leaf] = await append(log, store, 1)
    async with store.unit_of_work() as uow:
        await uow.execute("INSERT INTO audit_pending (leaf) SELECT leaf FROM audit_pending")
    assert await sequencer.drain() == 2
    async with store.unit_of_work() as uow:
        assert await uow.fetch("SELECT * FROM audit_position") == [{"leaf_hash": leaf, "index": 0}]
    assert (await verified(log, store)).checkpoint.size == 2


async def test_a_lost_database_is_reported_and_tried_again(log: AuditLog, store: Store) -> None:
    """The sequencer outlives the connections that it had."""
    sequencer = Sequencer(store, VirtualClock(START))
    await append(log, store, 1)
    async with store.unit_of_work() as uow:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        await uow.execute(f"{others} AND pid <> pg_backend_pid()")
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stop))
    await until_nothing_waits(store)
    stop.set()
    await running
    await verified(log, store)


async def test_what_nobody_foresaw_is_reported_and_tried_again(
    log: AuditLog, store: Store, sequencer: Sequencer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any exception at all: the task lives, the fault is there to be seen, and the log goes on afterwards."""
    await append(log, store, 1)
    async with store.unit_of_work() as uow:
        await uow.execute("ALTER TABLE audit_position RENAME TO mislaid")
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(stop))
    async with asyncio.timeout(20):
        while sequencer.fault is None:
            await asyncio.sleep(0.01)
    assert sequencer.fault.code == "internal_error"
    async with store.unit_of_work() as uow:
        await uow.execute("ALTER TABLE mislaid RENAME TO audit_position")
    await until_nothing_waits(store)
    stop.set()
    await running
    assert sequencer.fault is None
    assert [line for line in capsys.readouterr().out.splitlines() if "UndefinedTableError" in line] != []
    await verified(log, store)
