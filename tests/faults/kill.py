"""Kills the server again and again under load, starts it again, and counts what became of every write.

The server is killed at moments drawn from a seed: anywhere, while it starts, before or after the commit of an act, of
the worker's effect, of the sequencer's batch, and when a reply was written but has not reached its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import quote

import asyncpg

from gongzhi.app import Application, open_app
from gongzhi.clock import Clock, VirtualClock
from gongzhi.messaging.outbox import LEASE
from gongzhi.settings import Settings
from gongzhi.store.cluster import ROLE, Cluster
from gongzhi.store.postmaster import Postmaster

from .holds import Ledger, examine
from .load import LOGINS, PERSONAL, Load
from .process import Place, Server, free_port, run
from .wire import DatabaseProxy, Moment, ReplyProxy, Trap

Plain = Literal["anywhere", "anywhere, with PostgreSQL", "while it starts"]
Injection = Plain | Moment
PLAIN = get_args(Plain)

FIRST: Moment = "after the commit of the organs"
PATIENCE_SECONDS = 10
"""How long a trap waits for its moment; a kill that did not come to it is counted as one anywhere."""


_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gongzhi'
"""


@dataclass
class Tally:
    """What was injected, and what became of the writes."""

    kills: Counter[str] = field(default_factory=Counter)
    with_writes_in_flight: int = 0
    after_commit_before_reply: int = 0
    unheard_commits: int = 0
    uncounted: int = 0
    """Kills that took PostgreSQL along: what was committed by then is seen in the end only."""
    begun: int = 0
    acknowledged: int = 0
    retried: int = 0
    replayed: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    verify: str = ""
    scan: str = ""
    answers: Counter[str] = field(default_factory=Counter)
    complaints: Counter[str] = field(default_factory=Counter)
    seconds: float = 0

    def __str__(self) -> str:
        lines = [f"kills: {self.kills.total()}"]
        lines += [f"  {injection}: {count}" for injection, count in sorted(self.kills.items())]
        lines += [
            f"kills with writes in flight: {self.with_writes_in_flight}",
            f"kills after a commit and before its reply: {self.after_commit_before_reply}"
            f" ({self.unheard_commits} commits; {self.uncounted} kills could not be looked at)",
            f"writes begun: {self.begun}",
            f"acknowledged: {self.acknowledged}",
            f"retried: {self.retried}",
            f"replayed from the stored result: {self.replayed}",
            *(f"{what}: {count}" for what, count in self.ledger.counts.items()),
            f"lost: {len(self.ledger.lost)}",
            f"doubled: {len(self.ledger.doubled)}",
            f"broken: {len(self.ledger.broken)}",
            f"answers that were asked again: {dict(self.answers)}",
            f"errors in the server's log: {dict(self.complaints)}",
            f"seconds: {self.seconds:.0f}",
            *self.ledger.lost,
            *self.ledger.doubled,
            *self.ledger.broken,
            self.verify,
            self.scan,
        ]
        return "\n".join(lines)


@dataclass
class Torment:
    """One run: `kills` kills, of which the first hits the demo while it fills its store.

    `database_url` None means the embedded PostgreSQL of `folder`; only with a URL can commits be trapped.
    """

    folder: Path
    database_url: str | None
    kills: int
    seed: int
    clients: int = 6
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._heard_nothing: set[str] = set()
        home = self.folder / "home"
        log = self.folder / "server.log"
        self._place = Place(home=home, database_url=self.database_url, port=free_port(), log=log)
        self._server = Server(self._place)
        self._trap = Trap(spring=self._server.kill)

    async def run(self) -> Tally:
        """Kill, start again, wind down, drain, examine."""
        began = time.monotonic()
        try:
            async with self._proxies() as replies:
                await self._first_start()
                load = Load(
                    f"http://127.0.0.1:{replies.port}",
                    await self._tokens(),
                    seed=self.seed,
                    clients=self.clients,
                )
                async with asyncio.TaskGroup() as group:
                    group.create_task(load.run())
                    for injection in self._plan():
                        await self._one(injection, load, replies)
                    await self._server.ready()
                    load.wind_down()
                await self._server.stop()
        finally:
            self._server.kill()
            await self._server.gone()
        self._place.database_url = self.database_url
        await self._examine(load)
        self.tally.seconds = time.monotonic() - began
        return self.tally

    @contextlib.asynccontextmanager
    async def _proxies(self) -> AsyncIterator[ReplyProxy]:
        async with contextlib.AsyncExitStack() as stack:
            replies = ReplyProxy(self._trap, self._place.port)
            await stack.enter_async_context(replies)
            if self.database_url is not None:
                database = DatabaseProxy(self._trap, self.database_url)
                await stack.enter_async_context(database)
                self._place.database_url = database.url
            yield replies

    def _plan(self) -> list[Injection]:
        """Every kind once, as far as there is room; then half of them anywhere, the others of every kind."""
        kinds: list[Injection] = ["before the reply to a write", "anywhere", "while it starts"]
        if self.database_url is None:
            kinds.insert(0, "anywhere, with PostgreSQL")
        else:
            kinds[1:1] = [moment for moment in get_args(Moment) if moment not in (FIRST, *kinds)]
        left = self.kills - 1
        plan = kinds[:left]
        self._rng.shuffle(plan)
        if plan[0] == "while it starts":  # the first of the plan finds a server that is up
            plan.append(plan.pop(0))
        weights = [len(kinds) - 1 if kind == "anywhere" else 1 for kind in kinds]
        return plan + self._rng.choices(kinds, weights, k=left - len(plan))

    async def _first_start(self) -> None:
        self._place.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._server.start()
        if self.database_url is None:
            await asyncio.sleep(self._rng.uniform(0.5, 8))
            self._server.kill()
            self.tally.kills["while it starts"] += 1
        else:
            await self._spring(FIRST, 120)
        await self._server.gone()
        await self._server.start()
        await self._server.ready()

    async def _one(self, injection: Injection, load: Load, replies: ReplyProxy) -> None:
        """One kill of a server that was just started, and the next start."""
        if injection == "while it starts":
            await asyncio.sleep(self._rng.uniform(0, 2.5))
        else:
            await self._server.ready()
            await self._working(load)
            await asyncio.sleep(self._rng.uniform(0, 0.6))
        if injection not in PLAIN:
            in_flight = await self._spring(cast("Moment", injection), PATIENCE_SECONDS, replies)
        else:
            in_flight = replies.writes
            self._server.kill()
            if injection == "anywhere, with PostgreSQL":
                _kill_postgres(self._place.home)
            self.tally.kills[injection] += 1
        self.tally.with_writes_in_flight += in_flight > 0
        await self._server.gone()
        await self._count(load)
        await self._server.start()

    async def _spring(self, moment: Moment, seconds: float, replies: ReplyProxy | None = None) -> int:
        """Wait for the trap; answers how many writes were in flight when it sprang."""
        in_flight = 0

        def spring() -> None:
            nonlocal in_flight
            in_flight = replies.writes if replies else 0
            self._server.kill()

        self._trap.spring = spring
        self._trap.set(moment)
        try:
            await asyncio.wait_for(self._trap.sprung.wait(), seconds)
            self.tally.kills[moment] += 1
        except TimeoutError:
            self._trap.clear()
            spring()
            self.tally.kills["anywhere"] += 1
        return in_flight

    async def _working(self, load: Load) -> None:
        """Wait until clients are being answered again."""
        before = len(load.acknowledged)
        for _ in range(1200):
            if len(load.acknowledged) > before + self.clients // 2:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no client is answered:\n{self._server.said()[-3000:]}")

    async def _count(self, load: Load) -> None:
        """How many writes are committed of which no client has heard."""
        url = self.database_url or _embedded_url(self._place.home)
        if url is None:
            self.tally.uncounted += 1
            return
        connection = await asyncpg.connect(url, server_settings={"application_name": "test"})
        try:
            for _ in range(500):  # a transaction of the dead process may still be on its way to its end
                if not await connection.fetchval(_OTHERS):
                    break
                await asyncio.sleep(0.02)
            rows = await connection.fetch(
                "SELECT key, (result ->> 'case_id')::uuid AS case FROM idempotency WHERE key NOT LIKE 'demo-%'"
            )
        finally:
            await connection.close()
        heard = Heard.of(load)
        unheard = {row["key"] for row in rows if not heard.of_key(row["key"], row["case"])}
        fresh = unheard - self._heard_nothing
        self._heard_nothing |= fresh
        self.tally.unheard_commits += len(fresh)
        self.tally.after_commit_before_reply += bool(fresh)

    async def _tokens(self) -> dict[str, str]:
        async with self._application(None) as application:
            host = application.host
            async with host.store.unit_of_work() as uow:
                return {
                    login: await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(days=1))
                    for login in LOGINS
                }

    async def _examine(self, load: Load) -> None:
        """Let what is promised be carried out, then compare the tables with what the clients know."""
        ahead = VirtualClock(
            datetime.now(UTC) + LEASE + timedelta(seconds=5)
        )  # the leases of the dead are over
        async with self._application(ahead) as application:
            await _drained(application)
            self.tally.ledger = await examine(application.host, load.writes)
        self._compare_replays(load)
        said = self._server.said()
        self.tally.ledger.check(
            not any(words in said for words in PERSONAL), "personal data in the server's log"
        )
        self.tally.begun, self.tally.acknowledged = len(load.writes), len(load.acknowledged)
        self.tally.retried = sum(write.attempts > 1 for write in load.writes)
        self.tally.replayed = len(self._heard_nothing)
        self.tally.answers = load.answers
        self.tally.complaints = _complaints(said)
        for command in ("verify", "scan"):
            code, said = await run(self._place, "audit", command)
            setattr(self.tally, command, f"gongzhi audit {command}: exit {code}\n{said.strip()}")

    def _compare_replays(self, load: Load) -> None:
        """GraphQL says when a result is a stored one: that must be so for the unheard commits, and for no other."""
        asked = {write.key for write in load.writes if write.path.startswith("/graphql/")}
        replayed = {write.key for write in load.writes if write.replayed}
        if self.tally.uncounted:
            return
        unheard = self._heard_nothing & asked
        self.tally.ledger.check(replayed <= unheard, f"{len(replayed - unheard)} heard of, yet replayed")
        self.tally.ledger.check(
            unheard <= replayed, f"{len(unheard - replayed)} unheard of, yet not replayed"
        )

    def _application(self, clock: Clock | None) -> contextlib.AbstractAsyncContextManager[Application]:
        settings = Settings(home=self._place.home, database_url=self.database_url, demo=True)
        return open_app(settings, clock=clock, work=clock is not None)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What clients have heard of, by idempotency key, or by case where the intake makes the key."""

    keys: frozenset[str]
    prompts: frozenset[object]
    decisions: frozenset[object]

    @classmethod
    def of(cls, load: Load) -> Heard:
        """What has been acknowledged so far."""
        done = load.acknowledged
        return cls(
            keys=frozenset(write.key for write in done if write.key),
            prompts=frozenset(write.case for write in done if write.kind == "prompt by CDS"),
            decisions=frozenset(write.case for write in done if write.kind in ("accept", "override")),
        )

    def of_key(self, key: str, case: object) -> bool:
        """Whether a client has heard of the write with this key."""
        if key.startswith("cds-feedback-"):
            return case in self.decisions
        return case in self.prompts if key.startswith("cds-") else key in self.keys


async def _drained(application: Application) -> None:
    store, clock = application.host.store, application.host.clock
    async with asyncio.timeout(300):
        while True:
            application.worker.wake()
            async with store.unit_of_work() as uow:
                due = await uow.fetchval("SELECT count(*) FROM outbox WHERE available_at <= $1", clock.now())
                due += await uow.fetchval("SELECT count(*) FROM audit_pending")
            if not due:
                return
            await asyncio.sleep(0.1)


def _kill_postgres(home: Path) -> None:
    found = Postmaster.read(home / "postgres" / "data")
    if found is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL)


def _embedded_url(home: Path) -> str | None:
    """The address of the server that the killed process left; None when it was killed too.

    Not by `EmbeddedServer.join`, whose use would keep a server alive that nobody else uses.
    """
    data = home / "postgres" / "data"
    found = Postmaster.read(data)
    if found is None or not found.alive(data):
        return None
    password = Cluster(home / "postgres").password()
    return f"postgresql://{ROLE}:{password}@/{ROLE}?host={quote(str(found.socket_folder))}"


def _complaints(log: str) -> Counter[str]:
    """Errors that the server reported on its own, by event."""
    found: Counter[str] = Counter()
    for line in log.splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("level") in ("error", "critical"):
                found[f"{entry['event']}: {entry.get('error', entry.get('code', ''))}"] += 1
    return found
