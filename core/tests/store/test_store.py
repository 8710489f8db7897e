"""Opening a store: what is wrong with a database is said, its password never."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gongzhi.errors import StoreUnavailable
from gongzhi.store import Store
from gongzhi.store import store as store_module
from gongzhi.testing import TestDatabase


async def test_a_database_that_is_not_there_is_named(database: TestDatabase, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refusal:
        await Store.open(home=tmp_path, database_url=database.url_of("gongzhi_test_nowhere"))
    assert refusal.value.message("zh") == '数据库不可用：database "gongzhi_test_nowhere" does not exist。'
    assert refusal.value.facts["home"] == tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gongzhi:s3cret@127.0.0.1:1/gongzhi",
        "postgresql://gongzhi:s3cret@/gongzhi?host=/nowhere",
        "postgresql://gongzhi:s3cret@nowhere.invalid/gongzhi",
        "mysql://gongzhi:s3cret@127.0.0.1/gongzhi",
        "postgresql://gongzhi:s3cret@127.0.0.1:port/gongzhi",
        "postgresql://gongzhi:s3cret/@127.0.0.1/gongzhi",
    ],
)
async def test_a_server_out_of_reach_is_a_clear_fault_without_the_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refusal:
        await Store.open(home=tmp_path, database_url=url)
    assert "s3cret" not in str(refusal.value)


async def test_an_old_server_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MINIMUM_VERSION", 99)
    with pytest.raises(StoreUnavailable, match="is too old, 99 is the least"):
        await Store.open(home=store.home, database_url=store.database_url)


async def test_a_closed_store_says_so(store: Store) -> None:
    other = await Store.open(home=store.home, database_url=store.database_url, pool_size=1)
    await other.close()
    await other.close()
    with pytest.raises(RuntimeError, match="the store is closed"):
        async with other.unit_of_work():
            pass


async def test_closing_does_not_wait_for_ever_for_a_unit_of_work(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gongzhi.store.engine.CLOSING_SECONDS", 0.2)
    other = await Store.open(home=store.home, database_url=store.database_url, pool_size=1)
    begun = asyncio.Event()

    async def linger() -> None:
        async with other.unit_of_work() as uow:
            begun.set()
            await uow.fetch("SELECT pg_sleep(60)")

    task = asyncio.create_task(linger())
    await begun.wait()
    await asyncio.wait_for(other.close(), timeout=10)
    with pytest.raises(StoreUnavailable):
        await task


async def test_more_units_of_work_than_connections_take_turns(store: Store) -> None:
    async def one() -> int:
        async with store.unit_of_work() as uow:
            return int(await uow.fetchval("SELECT 1 FROM pg_sleep(0.01)"))

    assert sum(await asyncio.gather(*(one() for _ in range(40)))) == 40


async def test_every_test_gets_a_database_of_its_own(store: Store, database: TestDatabase) -> None:
    async with store.unit_of_work() as uow:
        name = await uow.fetchval("SELECT current_database()")
        assert await uow.fetchval("SELECT count(*) FROM cases") == 0
    assert name.startswith("gongzhi_test_")
    assert name != database.template
