"""What a unit of work promises: all or nothing, versions compared, changes recorded."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress
from contextvars import Context
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from piccolo.columns import JSONB, Text
from piccolo.columns import UUID as Uuid
from piccolo.engine.exceptions import TransactionError
from piccolo.table import Table

from gongzhi.errors import RowChanged, StoreUnavailable
from gongzhi.store import Jsonb, RowChange, Store, UnitOfWork, engine

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def organ(**values: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "name": "永康市公安局",
        "name_en": "Yongkang Public Security Bureau",
        "type": "police",
        "line": "police",
        "level": "county",
        "region": "330784",
        "valid_from": date(2020, 1, 1),
        **values,
    }


def case(**values: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "scene": "minor_protection",
        "version": "1.0.0",
        "region": "330784",
        "title": {"zh": "报告", "en": "report"},
        "state": ["handling", "sent"],
        "data": {"none": None, "list": [1, {"text": "伤"}]},
        "minor": True,
        "created_at": NOW,
        "updated_at": NOW,
        "row_version": 1,
        **values,
    }


async def count(store: Store, table: str) -> int:
    async with store.unit_of_work() as uow:
        return int(await uow.fetchval(f"SELECT count(*) FROM {table}"))


async def test_rows_come_back_as_plain_python_values(store: Store) -> None:
    given = case(personal=b"\x00\xff")
    async with store.unit_of_work() as uow:
        inserted = await uow.insert("cases", given)
        read = await uow.fetchrow("SELECT * FROM cases")
        absent = await uow.fetchrow("SELECT * FROM cases WHERE minor = false")
        data = await uow.fetchval("SELECT data FROM cases")
        ids = await uow.fetchval("SELECT array_agg(id) FROM cases")

    nothing = {"subject_id": None, "sealed_at": None, "closed_at": None}
    assert inserted == [read] == [given | nothing]
    assert absent is None
    assert data == given["data"]
    assert ids == [given["id"]]
    assert read is not None
    assert (type(read["id"]), read["created_at"].tzinfo) == (UUID, UTC)


async def test_json_arguments_are_marked(store: Store) -> None:
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT $1::jsonb", Jsonb("text")) == "text"
        assert await uow.fetchval("SELECT $1::jsonb -> 'a'", Jsonb({"a": [1]})) == [1]


async def test_a_clean_exit_commits(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.insert("organ", organ(), organ())
    assert await count(store, "organ") == 2


async def test_an_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.unit_of_work() as uow:
            await uow.insert("organ", organ())
            raise ZeroDivisionError
    assert await count(store, "organ") == 0


async def test_a_cancelled_task_rolls_everything_back(store: Store) -> None:
    inserted = asyncio.Event()

    async def act() -> None:
        async with store.unit_of_work() as uow:
            await uow.insert("organ", organ())
            inserted.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(act())
    await inserted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(store, "organ") == 0


async def test_a_failed_commit_gives_the_connection_back(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.execute("CREATE TABLE thing (id int PRIMARY KEY)")
        await uow.execute("CREATE TABLE part (thing_id int REFERENCES thing DEFERRABLE INITIALLY DEFERRED)")
    for _ in range(12):  # more often than the pool has connections
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            async with store.unit_of_work() as uow:
                await uow.execute("INSERT INTO part VALUES (1)")
    assert await count(store, "part") == 0


async def test_a_savepoint_undoes_its_part_and_its_changes(store: Store) -> None:
    async with store.unit_of_work() as uow:
        [kept] = await uow.insert("organ", organ())
        with pytest.raises(asyncpg.UniqueViolationError):
            async with uow.savepoint():
                await uow.insert("organ", organ())
                await uow.insert("organ", organ(id=kept["id"]))
        async with uow.savepoint():
            [second] = await uow.insert("organ", organ())
        assert [change.id for change in uow.changes] == [kept["id"], second["id"]]
    assert await count(store, "organ") == 2


async def test_savepoints_stand_inside_each_other(store: Store) -> None:
    async with store.unit_of_work() as uow:
        async with uow.savepoint():
            await uow.insert("organ", organ(name="outer"))
            with pytest.raises(ZeroDivisionError):
                async with uow.savepoint():
                    await uow.insert("organ", organ(name="inner"))
                    raise ZeroDivisionError
        assert [change.after["name"] for change in uow.changes if change.after] == ["outer"]
    async with store.unit_of_work() as uow:
        assert await uow.fetch("SELECT name FROM organ") == [{"name": "outer"}]


async def test_a_part_that_only_reads_cannot_write_and_leaves_no_setting(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.insert("organ", organ())
        async with uow.read_only():
            assert await uow.fetchval("SELECT count(*) FROM organ") == 1
            await uow.execute("SET LOCAL statement_timeout = 12345")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            async with uow.read_only():
                await uow.insert("organ", organ())
        assert await uow.fetchval("SHOW statement_timeout") == "0"
        await uow.insert("organ", organ())
    assert await count(store, "organ") == 2


async def test_a_swallowed_error_never_passes_for_a_commit(store: Store) -> None:
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        async with store.unit_of_work() as uow:
            [row] = await uow.insert("organ", organ())
            with suppress(asyncpg.UniqueViolationError):
                await uow.insert("organ", organ(id=row["id"]))
    assert await count(store, "organ") == 0


async def test_an_update_compares_and_raises_the_row_version(store: Store) -> None:
    async with store.unit_of_work() as uow:
        [first] = await uow.insert("cases", case())
        second = await uow.update("cases", first, data={"new": True}, closed_at=NOW)
    assert second == first | {"data": {"new": True}, "closed_at": NOW, "row_version": 2}

    async with store.unit_of_work() as uow:
        with pytest.raises(RowChanged) as refusal:
            await uow.update("cases", first, closed_at=None)
        assert refusal.value.where == f"/cases/{first['id']}"
        assert uow.changes == []
        assert await uow.fetchrow("SELECT * FROM cases") == second


async def test_of_two_updates_at_once_one_is_refused(store: Store) -> None:
    async with store.unit_of_work() as uow:
        [row] = await uow.insert("cases", case())

    async def update() -> None:
        async with store.unit_of_work() as uow:
            await uow.update("cases", row, sealed_at=NOW)
            await asyncio.sleep(0.05)

    outcomes = await asyncio.gather(update(), update(), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [RowChanged]
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT row_version FROM cases") == 2


async def test_changes_of_audited_tables_are_recorded_whole_and_in_order(store: Store) -> None:
    async with store.unit_of_work() as uow:
        [a, b] = await uow.insert("organ", organ(), organ())
        await uow.insert("key_fingerprint", {"name": "x", "fingerprint": b"x"})
        part = {"id": a["id"], "row_version": 1}
        changed = await uow.update("organ", part, code_word="永公")
        await uow.delete("organ", b)
        assert uow.changes == [
            RowChange(table="organ", id=a["id"], before=None, after=a),
            RowChange(table="organ", id=b["id"], before=None, after=b),
            RowChange(table="organ", id=a["id"], before=a, after=changed),
            RowChange(table="organ", id=b["id"], before=b, after=None),
        ]
        with pytest.raises(RowChanged):
            await uow.delete("organ", b)
        with pytest.raises(RowChanged):
            await uow.update("organ", {"id": b["id"], "row_version": 1}, code_word="x")
        assert len(uow.changes) == 4


async def test_a_column_left_out_gets_its_default(store: Store) -> None:
    async with store.unit_of_work() as uow:
        [a, b] = await uow.insert("organ", organ(code_word="永公"), organ())
    assert (a["code_word"], b["code_word"]) == ("永公", "")


async def test_very_many_rows_are_inserted_in_order(store: Store) -> None:
    rows = [{"message_id": uuid4(), "done_at": NOW} for _ in range(20_000)]
    async with store.unit_of_work() as uow:
        assert await uow.insert("inbox", *rows) == rows
        assert await uow.insert("inbox") == []


@pytest.mark.parametrize("table", ["organ; DROP TABLE organ", "nothing", 'organ" --'])
async def test_a_name_never_carries_sql(store: Store, table: str) -> None:
    async with store.unit_of_work() as uow:
        with pytest.raises(LookupError):
            await uow.insert(table, organ())
        with pytest.raises(LookupError):
            await uow.insert("organ", organ(**{'name") --': "x"}))
        with pytest.raises(LookupError):
            await uow.update("organ", {"id": uuid4(), "row_version": 1}, **{'name" = 1 --': "x"})


async def test_one_inside_another_is_refused(store: Store) -> None:
    async with store.unit_of_work():
        with pytest.raises(TransactionError):
            async with store.unit_of_work():
                pass


async def test_a_task_may_outlive_the_one_that_it_was_started_in(store: Store) -> None:
    finished = asyncio.Event()

    async def later() -> int:
        await finished.wait()
        return await count(store, "organ")

    async with store.unit_of_work() as uow:
        task = asyncio.create_task(later())
        await uow.insert("organ", organ())
    finished.set()
    assert await task == 1


async def test_piccolo_queries_take_part(store: Store) -> None:
    class Outbox(Table, tablename="outbox"):
        id = Uuid(primary_key=True)
        topic = Text()
        payload = JSONB()

    row = {
        "id": uuid4(),
        "topic": "t",
        "payload": {"n": 1},
        "available_at": NOW,
        "created_at": NOW,
    }
    with pytest.raises(ZeroDivisionError):
        async with store.unit_of_work() as uow:
            await uow.insert("outbox", row)
            read = await Outbox.select(Outbox.topic, Outbox.payload).output(load_json=True)
            assert read == [{"topic": "t", "payload": {"n": 1}}]
            await Outbox.update({Outbox.topic: "changed"}, force=True)
            assert await uow.fetchval("SELECT topic FROM outbox") == "changed"
            raise ZeroDivisionError
    assert await count(store, "outbox") == 0


async def test_a_connection_that_is_lost_is_a_store_fault(store: Store) -> None:
    async def cut(uow: UnitOfWork) -> None:
        own = await uow.fetchval("SELECT pg_backend_pid()")
        async with store.engine.connection() as other:
            await other.execute("SELECT pg_terminate_backend($1)", own)

    with pytest.raises(StoreUnavailable):
        async with store.unit_of_work() as uow:
            await cut(uow)
            await uow.insert("organ", organ())
    assert await count(store, "organ") == 0


async def test_it_is_read_committed_whatever_the_server_prefers(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.execute("SET default_transaction_isolation = 'serializable'")
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SHOW transaction_isolation") == "read committed"


async def test_a_read_only_part_is_cut_off_after_two_seconds_and_the_rest_goes_on(store: Store) -> None:
    async with store.unit_of_work() as uow:
        started = asyncio.get_running_loop().time()
        with pytest.raises(asyncpg.QueryCanceledError):
            async with uow.read_only():
                await uow.fetchval("SELECT 1 FROM pg_sleep(30)")
        assert asyncio.get_running_loop().time() - started < 10
        assert await uow.fetchval("SELECT 1 FROM pg_sleep(2.2)") == 1


async def test_who_waits_in_vain_for_a_connection_is_told_that_the_store_is_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAITING_SECONDS", 0.3)
    own = await Store.open(home=store.home, database_url=store.database_url, pool_size=1)
    async with own.unit_of_work():
        waiting = asyncio.create_task(_one(own), context=Context())
        with pytest.raises(StoreUnavailable):
            await waiting
    assert await _one(own) == 1
    await own.close()


async def _one(store: Store) -> object:
    async with store.unit_of_work() as uow:
        return await uow.fetchval("SELECT 1")


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "COMMIT"])
async def test_who_is_cancelled_gives_a_clean_connection_back(
    store: Store, statement: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reached = asyncio.Event()
    execute = asyncpg.Connection.execute

    async def announced(self: asyncpg.Connection[Any], query: str, *args: Any, **options: Any) -> str:
        if query.startswith(statement):
            reached.set()
        return await execute(self, query, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", announced)

    async def work() -> None:
        async with store.unit_of_work() as uow:
            await uow.execute("SELECT pg_sleep(0.05)")

    task = asyncio.create_task(work(), context=contextvars.copy_context())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [record.getMessage() for record in caplog.records] == []
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT 1") == 1
