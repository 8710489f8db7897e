"""The scan: whatever was done to audited rows past the log is found, and named by table and id."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.audit.scan import Finding, scan
from gongzhi.clock import VirtualClock
from gongzhi.errors import AuditBroken
from gongzhi.store import AUDITED, Jsonb, Store, UnitOfWork

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
Row = Mapping[str, Any]


@pytest.fixture
def log(store: Store) -> AuditLog:
    return AuditLog(store)


async def sequence(store: Store) -> None:
    await Sequencer(store, VirtualClock(START)).drain()


async def keep(log: AuditLog, uow: UnitOfWork) -> bytes:
    """Append a leaf for all that the unit of work changed, as dispatch does."""
    return await log.append(
        uow,
        Leaf(
            at=START,
            actor=None,
            organ=None,
            namespace="core",
            version="",
            action="try",
            region="330523",
            case_id=None,
            outcome="done",
            rows=tuple(uow.changes),
        ),
    )


async def add_organ(uow: UnitOfWork) -> Row:
    [organ] = await uow.insert(
        "organ",
        {
            "id": uuid4(),
            "name": "安吉县公安局",
            "name_en": "Anji police",
            "type": "police",
            "line": "public_security",
            "level": "county",
            "region": "330523",
            "valid_from": date(2020, 1, 1),
        },
    )
    return organ


async def add_case(uow: UnitOfWork) -> Row:
    [case] = await uow.insert(
        "cases",
        {
            "id": uuid4(),
            "scene": "minor_protection",
            "version": "0.1.0",
            "region": "330523",
            "title": Jsonb({"zh": "强制报告", "en": "Mandatory report"}),
            "state": ["reported"],
            "data": Jsonb({"n": 1, "list": [None, True, "x"]}),
            "personal": b"\x00\x01",
            "minor": True,
            "created_at": START,
            "updated_at": START + timedelta(microseconds=1),
            "row_version": 1,
        },
    )
    return case


@pytest.fixture
async def rows(store: Store, log: AuditLog) -> tuple[Row, Row]:
    """An organ and a case, made, and changed once, through the log; half of it still in the queue."""
    async with store.unit_of_work() as uow:
        organ, case = await add_organ(uow), await add_case(uow)
        await keep(log, uow)
    await sequence(store)
    async with store.unit_of_work() as uow:
        organ = await uow.update("organ", organ, code_word="安公")
        case = await uow.update("cases", case, state=["received"], closed_at=START)
        await keep(log, uow)
    return organ, case


async def findings(store: Store, log: AuditLog) -> list[tuple[str, str, UUID | None]]:
    return [(found.kind, found.table, found.id) for found in (await scan(store, log)).findings]


async def execute(store: Store, sql: str, *args: object) -> None:
    async with store.unit_of_work() as uow:
        assert await uow.execute(sql, *args) not in ("UPDATE 0", "DELETE 0", "INSERT 0 0")


async def test_tables_that_only_the_log_wrote_agree_with_it(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """With entries in the queue, and once they are sequenced."""
    waiting = await scan(store, log)
    assert (waiting.findings, waiting.rows, waiting.waiting, waiting.checkpoint.size) == ((), 2, 1, 1)
    await sequence(store)
    sequenced = await scan(store, log)
    assert (sequenced.findings, sequenced.rows, sequenced.waiting) == ((), 2, 0)


@pytest.mark.parametrize("sequenced", [False, True])
async def test_an_edit_in_sql_is_found(
    store: Store, log: AuditLog, rows: tuple[Row, Row], *, sequenced: bool
) -> None:
    """In any column, whatever its type; an update to the value that is there already is no edit."""
    organ, case = rows
    if sequenced:
        await sequence(store)
    await execute(store, "UPDATE organ SET name = name")
    assert await findings(store, log) == []
    edits = [
        "state = ARRAY['reported']",
        "data = jsonb_set(data, '{n}', '2')",
        "data = jsonb_set(data, '{n}', '1.5')",
        "data = data || '{\"名\": 1}'",
        "personal = '\\x0002'",
        "minor = false",
        "closed_at = NULL",
        "updated_at = updated_at + interval '1 microsecond'",
        "row_version = 1",
        "subject_id = gen_random_uuid()",
    ]
    for edit in edits:
        async with store.unit_of_work() as uow:
            kept = await uow.fetchrow("SELECT * FROM cases")
        await execute(store, f"UPDATE cases SET {edit}")
        assert await findings(store, log) == [("edited", "cases", case["id"])], edit
        await restore(store, kept)
    assert await findings(store, log) == []
    await execute(store, "UPDATE organ SET region = '330000'")
    assert await findings(store, log) == [("edited", "organ", organ["id"])]


async def restore(store: Store, row: Row | None) -> None:
    assert row is not None
    async with store.unit_of_work() as uow:
        await uow.execute("DELETE FROM cases WHERE id = $1", row["id"])
        await uow.insert("cases", row)


async def test_a_row_deleted_in_sql_is_found(store: Store, log: AuditLog, rows: tuple[Row, Row]) -> None:
    """Named by its table and id, though it is gone."""
    _, case = rows
    await execute(store, "DELETE FROM cases")
    assert await findings(store, log) == [("deleted", "cases", case["id"])]


@pytest.mark.usefixtures("rows")
async def test_a_row_inserted_in_sql_is_found(store: Store, log: AuditLog) -> None:
    """Also in a table that the log has never heard of."""
    stranger = uuid4()
    await execute(store, "INSERT INTO person (id, name) VALUES ($1, '某人')", stranger)
    assert await findings(store, log) == [("inserted", "person", stranger)]
    copy = (
        "INSERT INTO organ"
        " SELECT (jsonb_populate_record(organ, jsonb_build_object('id', $1::text))).* FROM organ"
    )
    await execute(store, copy, str(stranger))
    assert sorted(await findings(store, log)) == [
        ("inserted", "organ", stranger),
        ("inserted", "person", stranger),
    ]


async def test_an_edit_that_was_covered_by_an_act_is_found(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """Somebody edits a row, then an honest act changes it again: its entry begins with another row."""
    organ, _ = rows
    await sequence(store)
    await execute(store, "UPDATE organ SET region = '330000'")
    async with store.unit_of_work() as uow:
        edited = await uow.fetchrow("SELECT * FROM organ")
        assert edited is not None
        await uow.update("organ", edited, region="330523")
        await keep(log, uow)
    await sequence(store)
    assert (await scan(store, log)).findings == (
        Finding(kind="overwritten", table="organ", id=organ["id"], entry=2),
    )


async def test_a_deletion_through_the_log_is_no_finding(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """And to put the row back in SQL is one."""
    _, case = rows
    async with store.unit_of_work() as uow:
        await uow.delete("cases", case)
        await keep(log, uow)
    assert await findings(store, log) == []
    async with store.unit_of_work() as uow:
        await uow.insert("cases", case)
    assert await findings(store, log) == [("inserted", "cases", case["id"])]


async def test_an_entry_taken_out_of_the_queue_is_found(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """Its rows are then not as the log left them."""
    organ, case = rows
    await execute(store, "DELETE FROM audit_pending")
    assert sorted(await findings(store, log)) == [
        ("edited", "cases", case["id"]),
        ("edited", "organ", organ["id"]),
    ]


async def test_an_entry_made_by_hand_covers_nothing(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """A stranger to the key can neither hash a row nor seal an entry; both are found."""
    organ, _ = rows
    await execute(store, "UPDATE organ SET region = '330000'")
    await execute(
        store,
        "INSERT INTO audit_pending (leaf)"
        " SELECT convert_to(replace(convert_from(leaf, 'UTF8'), 'try', 'sly'), 'UTF8') FROM audit_pending",
    )
    await sequence(store)
    found = (await scan(store, log)).findings
    assert found == (
        Finding(kind="forged", table="audit", entry=2),
        Finding(kind="edited", table="organ", id=organ["id"]),
    )


async def test_an_old_entry_used_again_covers_nothing(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """Rows put back to an older state, with a copy of the entry that once made them so."""
    organ, _ = rows
    await sequence(store)
    async with store.unit_of_work() as uow:
        await uow.update("organ", organ, code_word="安公新")
        await keep(log, uow)
    await sequence(store)
    async with store.unit_of_work() as uow:
        entries = await uow.fetchval("SELECT entries FROM audit_bundle WHERE first = 1")
        await uow.execute("INSERT INTO audit_pending (leaf) VALUES ($1)", entries[2:])
        await uow.execute("UPDATE organ SET code_word = '安公', row_version = row_version - 1")
    await sequence(store)
    assert (await scan(store, log)).findings == (
        Finding(kind="repeated", table="audit", entry=3),
        Finding(kind="edited", table="organ", id=organ["id"]),
    )


async def test_an_event_without_its_entry_is_found(
    store: Store, log: AuditLog, rows: tuple[Row, Row]
) -> None:
    """The timeline of a case points into the log."""
    organ, case = rows
    async with store.unit_of_work() as uow:
        leaf = await keep(log, uow)
    event = (
        "INSERT INTO case_event"
        " (id, case_id, seq, action, actor_id, organ_id, role, at, state_from, state_to, leaf_hash)"
        " VALUES ($1, $2, $3, 'report', $1, $4, 'reporter', now(), '{}', '{}', $5)"
    )
    first, second = uuid4(), uuid4()
    await execute(store, event, first, case["id"], 1, organ["id"], leaf)
    assert await findings(store, log) == []
    await execute(store, event, second, case["id"], 2, organ["id"], bytes(32))
    await sequence(store)
    assert await findings(store, log) == [("unlogged", "case_event", second)]


@pytest.mark.usefixtures("rows")
async def test_a_lost_place_is_found(store: Store, log: AuditLog) -> None:
    """Without its place an entry could not be proved to be there."""
    await execute(store, "DELETE FROM audit_position")
    assert await findings(store, log) == [("misplaced", "audit_position", None)]


@pytest.mark.usefixtures("rows")
async def test_a_broken_log_says_nothing_about_tables(store: Store, log: AuditLog) -> None:
    """The scan stops at the log's own damage."""
    await execute(store, "UPDATE audit_bundle SET entries = set_byte(entries, 30, 0)")
    with pytest.raises(AuditBroken):
        await scan(store, log)


@pytest.mark.usefixtures("rows")
async def test_a_scan_sees_one_moment_while_writers_go_on(store: Store, log: AuditLog) -> None:
    """No act that commits meanwhile looks like an edit."""
    stop = asyncio.Event()
    written: list[Row] = []

    async def write() -> None:
        while not stop.is_set():
            async with store.unit_of_work() as uow:
                row = await uow.fetchrow("SELECT * FROM organ ORDER BY id LIMIT 1")
                assert row is not None
                await uow.update("organ", row, code_word=str(len(written)))
                written.append(await add_organ(uow))
                await keep(log, uow)

    working = [asyncio.create_task(write())]
    working.append(asyncio.create_task(Sequencer(store, VirtualClock(START)).run(stop)))
    scans = 0
    while scans < 5 or len(written) < 10:
        assert (await scan(store, log)).findings == ()
        scans += 1
    stop.set()
    await asyncio.gather(*working)


async def test_every_audited_table_is_scanned(store: Store, log: AuditLog) -> None:
    """Each has an id to name its rows by, and an empty one agrees with an empty log."""
    await sequence(store)
    assert await findings(store, log) == []
    async with store.unit_of_work() as uow:
        named = await uow.fetch(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'id' AND data_type = 'uuid'"
        )
    assert {row["table_name"] for row in named} >= AUDITED
