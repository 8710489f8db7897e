"""Word that something has changed, from whichever process changed it to all that have pages open.

Only a wake-up: which cases, whose session, never what. Whoever is woken reads again under the policy. Word may be lost
(a process that dies between its commit and telling), so whoever waits looks from time to time all the same.

Cases are told of after the commit, in batches: a NOTIFY inside would make all commits of the database wait for each other
(PostgreSQL takes one lock for its queue). What takes rights away is rare, and is told inside the transaction itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from gongzhi.store import CHANNEL, RIGHTS, Store

log = structlog.get_logger()

BATCH_SECONDS: Final = 0.05
RETRY_SECONDS: Final = 1.0
MOST_NAMED: Final = 150
"""Cases named in one message, which PostgreSQL limits to 8,000 bytes; of more it is said that anything may have changed."""
ANYTHING: Final = "anything"


class Watch:
    """One waiting reader, woken by everything until it says what it is interested in; by changed rights always."""

    def __init__(self, always: frozenset[str]) -> None:
        self._always = always | {RIGHTS, ANYTHING}
        self._interests: frozenset[str] | None = None
        self._heard: set[str] = set()
        self._word = asyncio.Event()

    async def wait(self, seconds: float) -> frozenset[str]:
        """What was heard since the last time; empty when nothing was within `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._word.wait(), seconds)
        heard = frozenset(self._heard)
        self._heard.clear()
        self._word.clear()
        return heard

    def narrow(self, interest: str) -> None:
        """From now on only this wakes it: `case:<id>` or `organ:<id>`."""
        self._interests = self._always | {interest}

    def hear(self, said: set[str]) -> None:
        """Wake up if any of it is of interest."""
        told = said if self._interests is None else said & self._interests
        if told:
            self._heard |= told
            self._word.set()


class Feed:
    """One connection a process that listens and tells; it begins with the first who needs it. Belongs to one event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._watches: set[Watch] = set()
        self._to_tell: set[UUID] = set()
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._something = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.stopping = False

    def tell(self, case_ids: frozenset[UUID]) -> None:
        """These cases have changed, and that is committed. From any thread."""
        with suppress(
            RuntimeError
        ):  # the loop is closed: nobody here waits any more, the others look by themselves
            self._loop.call_soon_threadsafe(self._note, case_ids)

    @contextmanager
    def watching(self, *always: str) -> Iterator[Watch]:
        """A watch for as long as the context lasts, woken by these words always: `account:<id>`."""
        watch = Watch(frozenset(always))
        self._begin()
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    @property
    def watches(self) -> int:
        """How many wait in this process."""
        return len(self._watches)

    def stop(self) -> None:
        """Let everybody who waits see `stopping` and leave."""
        self.stopping = True
        for watch in self._watches:
            watch.hear({ANYTHING})

    async def close(self) -> None:
        """Stop, tell what is still to be told, and let the connection go."""
        self.stop()
        if self._running is not None:
            self._something.set()
            await self._running

    def _note(self, case_ids: frozenset[UUID]) -> None:
        self._to_tell |= case_ids
        self._begin()
        self._something.set()

    def _begin(self) -> None:
        if self._running is None and not self.stopping:
            self._running = asyncio.create_task(self._run(), name="feed")

    async def _run(self) -> None:
        while not self.stopping:
            try:
                await self._run_connected()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("feed lost its connection", error=type(error).__name__)
            if not self.stopping:
                await asyncio.sleep(RETRY_SECONDS)

    async def _run_connected(self) -> None:
        connection = await asyncpg.connect(
            self._store.database_url, timeout=10, server_settings={"application_name": "gongzhi-feed"}
        )
        try:
            connection.add_termination_listener(lambda _connection: self._something.set())
            await connection.add_listener(CHANNEL, self._on_word)
            self._pass_on({ANYTHING})  # what was said while we did not listen is gone
            while not connection.is_closed():
                await self._something.wait()
                self._something.clear()
                await self._pass_word_on(connection)
                await self._tell(connection)
                if self.stopping:
                    return
                await asyncio.sleep(BATCH_SECONDS)
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=2)

    def _on_word(self, _connection: Any, _process: int, _channel: str, payload: object) -> None:
        self._heard.put_nowait(str(payload))
        self._something.set()

    async def _tell(self, connection: asyncpg.Connection[Any]) -> None:
        ids, self._to_tell = self._to_tell, set()
        if ids:
            word = " ".join(f"case:{case_id}" for case_id in ids) if len(ids) <= MOST_NAMED else ANYTHING
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, word)

    async def _pass_word_on(self, connection: asyncpg.Connection[Any]) -> None:
        said: set[str] = set()
        while not self._heard.empty():
            said.update(self._heard.get_nowait().split())
        if not said or not self._watches:
            return
        cases = [UUID(word.removeprefix("case:")) for word in said if word.startswith("case:")]
        if cases:
            # Those who have no part in it any more included: that they have none is a change too.
            organs = await connection.fetch(
                "SELECT DISTINCT organ_id FROM case_organ WHERE case_id = ANY($1::uuid[])", cases
            )
            said |= {f"organ:{row['organ_id']}" for row in organs}
        self._pass_on(said)

    def _pass_on(self, said: set[str]) -> None:
        for watch in self._watches:
            watch.hear(said)
