"""One province with 20,000 cases for the tests of lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from gongzhi.app import open_app
from gongzhi.clock import VirtualClock
from gongzhi.host import Host
from gongzhi.identity.actors import Actor
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from .province import NOW, PEOPLE, fill

CASES = 20_000


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A province that was filled: the host over it, and its people."""

    host: Host
    actors: dict[str, Actor]


@pytest.fixture(scope="module")
def province(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a store with the province in it."""
    name = asyncio.run(database.create())
    home = tmp_path_factory.mktemp("province")
    settings = Settings(home=home, database_url=database.url_of(name))
    asyncio.run(fill(home, settings.database_url, CASES))
    yield settings
    asyncio.run(database.drop(name))


@pytest.fixture
async def filled(province: Settings) -> AsyncIterator[Filled]:
    async with open_app(province, clock=VirtualClock(NOW), work=False) as application:
        host = application.host
        async with host.store.unit_of_work() as uow:
            actors = {login: await host.directory.actor(uow, login, NOW) for login in PEOPLE}
        yield Filled(host=host, actors=actors)
