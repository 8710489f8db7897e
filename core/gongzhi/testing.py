"""The kit for tests on a real store: a pytest plugin that comes with the core, for scenes and for ourselves.

`database` is a server, embedded or that of `GONGZHI_TEST_DATABASE_URL`, with a migrated template; `store` is
an open store on a database of its own, made from that template and dropped afterwards. Coroutine tests run on
asyncio; mark them `anyio`, or set `anyio_mode = "auto"`.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from gongzhi.store import Store
from gongzhi.store.embedded import EmbeddedServer
from gongzhi.store.home import prepare_home

DROPS = 20
PAUSE = 0.5
"""How often, and seconds apart, a drop is tried."""


@dataclass(frozen=True, kw_only=True)
class TestDatabase:
    """A server for tests: `url` is its maintenance database, `template` the migrated database to copy and
    `keys` the key folder that belongs to it."""

    __test__ = False

    url: str
    template: str = ""
    keys: Path | None = None

    def url_of(self, name: str) -> str:
        """The URL of another database of the server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    async def create(self, template: str = "") -> str:
        """Make a database named `gongzhi_test_<random>` and answer its name."""
        name = f"gongzhi_test_{secrets.token_hex(6)}"
        await self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')
        return name

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        for _ in range(DROPS):
            try:
                return await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectInUseError):
                # The server's own vacuum is at work in it, which FORCE may not end; it is soon done.
                await asyncio.sleep(PAUSE)
        raise RuntimeError(f"the test database {name} is still in use")

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDatabase]:
    """The server of this test run, with a migrated template that is dropped at the end."""
    with _server_url(tmp_path_factory) as url:
        bare = TestDatabase(url=url)
        home = tmp_path_factory.mktemp("template")
        template = asyncio.run(_template(bare, home))
        yield TestDatabase(url=url, template=template, keys=home / "keys")
        asyncio.run(bare.drop(template))


@contextmanager
def _server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server asked for, or an embedded one, which pytest-xdist's workers share."""
    if url := os.environ.get("GONGZHI_TEST_DATABASE_URL"):
        yield url
        return
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    server = EmbeddedServer.join(prepare_home(shared / "embedded"))
    try:
        yield server.url
    finally:
        server.leave()


async def _template(server: TestDatabase, home: Path) -> str:
    name = await server.create()
    store = await Store.open(home=home, database_url=server.url_of(name), pool_size=2)
    try:
        await store.migrate()
    except BaseException:
        await store.close()
        await server.drop(name)
        raise
    await store.close()
    return name


@pytest.fixture
async def store(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Store]:
    """An open, migrated store on a database and a home of its own."""
    name = await database.create(template=database.template)
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    opened = await Store.open(home=home, database_url=database.url_of(name))
    try:
        yield opened
    finally:
        await opened.close()
        await database.drop(name)


class _OnAsyncio:
    """Keeps coroutine tests off other event loops that anyio would try too."""

    @pytest.fixture(scope="session")
    @staticmethod
    def anyio_backend() -> str:
        return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    """Register the override last: of two plugins' fixtures the later one's is used."""
    config.pluginmanager.register(_OnAsyncio(), "gongzhi-on-asyncio")
