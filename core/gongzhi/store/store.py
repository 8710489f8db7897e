"""The store: a database with a pool, the home folder with keys and files, and the door to units of work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from gongzhi.declarations import Text
from gongzhi.errors import StoreUnavailable
from gongzhi.store.embedded import EmbeddedServer
from gongzhi.store.engine import StoreEngine, prepare_connection
from gongzhi.store.faults import connection_faults
from gongzhi.store.files import FileStore
from gongzhi.store.home import prepare_home
from gongzhi.store.keys import KeyFolder
from gongzhi.store.migrate import migrate
from gongzhi.store.unit_of_work import UnitOfWork

MINIMUM_VERSION = 15


class Store:
    """One open store. It belongs to the event loop that opened it; another loop opens another one.

    `migration_faults` says, by app name, which scene's tables could not be brought up to date and why.
    """

    engine: StoreEngine
    home: Path
    database_url: str
    keys: KeyFolder
    files: FileStore
    migration_faults: Mapping[str, str]

    def __init__(
        self, *, home: Path, database_url: str, engine: StoreEngine, keys: KeyFolder, closing: AsyncExitStack
    ) -> None:
        self.home, self.database_url, self.engine, self.keys = home, database_url, engine, keys
        self.files = FileStore(home)
        self.migration_faults = {}
        self._closing = closing

    @classmethod
    async def open(cls, *, home: Path, database_url: str | None, pool_size: int = 10) -> Self:
        """Open the store in `home`; without a `database_url`, on the embedded PostgreSQL that lives there.

        Raises:
            StoreFault: the home can't be written, a key doesn't fit, the database is out of reach or too old.
        """
        home = prepare_home(home)
        # Piccolo finds its engine through this variable; in this process it is ours.
        os.environ["PICCOLO_CONF"] = "gongzhi.store.piccolo_conf"
        async with AsyncExitStack() as closing:
            if database_url is None:
                server = await asyncio.to_thread(EmbeddedServer.join, home)
                closing.push_async_callback(asyncio.to_thread, server.leave)
                database_url = server.url
            engine = StoreEngine(config={"dsn": database_url})
            with connection_faults(home):
                await engine.start_connection_pool(
                    min_size=1,
                    max_size=pool_size,
                    init=prepare_connection,
                    server_settings={"application_name": "gongzhi"},
                )
            closing.push_async_callback(engine.close_connection_pool)
            await _check_version(engine, home)
            noted = await _noted_fingerprints(engine)
            keys = await asyncio.to_thread(KeyFolder.open, home / "keys", noted=noted)
            return cls(
                home=home, database_url=database_url, engine=engine, keys=keys, closing=closing.pop_all()
            )

    async def migrate(self) -> None:
        """Bring every app's tables up to date; safe to call from many processes at once, and again.

        Raises:
            MigrationFailed: a migration of the core failed; a scene's is put into `migration_faults` instead.
            KeyUnreadable: another home's keys came first.
        """
        self.migration_faults = await migrate(self.engine, self.home)
        await self._note_fingerprints()

    def unit_of_work(self) -> UnitOfWork:
        """A new transaction, to be used with `async with`."""
        return UnitOfWork(self.engine, self.home)

    async def _note_fingerprints(self) -> None:
        """Let the database remember which keys its data is made with, and compare with what it remembers."""
        fingerprints = self.keys.fingerprints()
        async with self.unit_of_work() as uow:
            await uow.execute(
                "INSERT INTO key_fingerprint (name, fingerprint) "
                "SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING",
                list(fingerprints),
                list(fingerprints.values()),
            )
        noted = await _noted_fingerprints(self.engine)
        await asyncio.to_thread(KeyFolder.open, self.keys.folder, noted=noted)

    async def close(self) -> None:
        """Give back the connections, and the embedded server, which stops if nobody else uses it."""
        await self._closing.aclose()


async def _noted_fingerprints(engine: StoreEngine) -> dict[str, bytes]:
    async with engine.connection() as connection:
        if await connection.fetchval("SELECT to_regclass('key_fingerprint') IS NULL"):
            return {}
        rows = await connection.fetch("SELECT name, fingerprint FROM key_fingerprint")
    return {row["name"]: row["fingerprint"] for row in rows}


async def _check_version(engine: StoreEngine, home: Path) -> None:
    async with engine.connection() as connection:
        version = connection.get_server_version()
    if version.major < MINIMUM_VERSION:
        found = f"PostgreSQL {version.major}"
        raise StoreUnavailable(
            home=home,
            problem=Text(
                zh=f"{found} 版本过低，至少需要 {MINIMUM_VERSION}",
                en=f"{found} is too old, {MINIMUM_VERSION} is the least",
            ),
        )
