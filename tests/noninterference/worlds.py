"""Databases that grow from one another, so that any two of them differ in known cases and in nothing else.

Each stage is a copy of the one before, with more cases in it: ids, accounts, tokens, keys and clock are the same
in all. Whoever may know of none of the cases that a later stage adds must get the same answers in both.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Awaitable, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson

from gongzhi.app import Application, open_app
from gongzhi.clock import VirtualClock
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from .told import told

T = TypeVar("T")

START = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
MINORS, CRIMINAL = "未成年人检察部门", "刑事检察部门"
ANJI, DEQING, CHANGXING, HUZHOU, YIWU, ZHEJIANG = "330523", "330521", "330522", "330500", "330782", "330000"

PEOPLE: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    # login: (region, organ type, department, duties), beside those of the demo
    "deqing-police": (DEQING, "police", "", ("handler",)),
    "deqing-procurator": (DEQING, "procuratorate", MINORS, ("handler",)),
    "deqing-education": (DEQING, "education_bureau", "", ("clerk",)),
    "changxing-education": (CHANGXING, "education_bureau", "", ("clerk",)),
    "yiwu-procurator": (YIWU, "procuratorate", MINORS, ("handler",)),
    "province": (ZHEJIANG, "procuratorate", MINORS, ("handler",)),
    "province-twin": (ZHEJIANG, "procuratorate", CRIMINAL, ("handler",)),
    "anji-twin": (ANJI, "procuratorate", CRIMINAL, ("handler",)),
    "system-admin": (ZHEJIANG, "platform", "", ("system_admin",)),
    "security-admin": (ZHEJIANG, "platform", "", ("security_admin",)),
    "operator": (ZHEJIANG, "platform", "", ("handler",)),
}
DEMO = "doctor police procurator health education civil social supervisor teacher yiwu-police admin auditor clinic"
LOGINS = (*DEMO.split(), *PEOPLE)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A world at rest: its database and home, and the cases in it by name."""

    database: str
    home: Path
    now: datetime
    cases: Mapping[str, str]


@dataclass(kw_only=True)
class World:
    """A running world. `mutations` counts acts, so that each comes a second after the one before."""

    application: Application
    clock: VirtualClock
    tokens: Mapping[str, str]
    cases: dict[str, str]
    visits: int = 0
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def send(self, method: str, path: str, login: str | None, **options: Any) -> httpx.Response:
        """Any request; without a login it comes from a visitor, each hundred of them from another address."""
        self.visits += login is None
        address = "10.0.0.1" if login is not None else f"10.1.0.{self.visits // 100 % 250}"
        if address not in self.clients:
            transport = httpx.ASGITransport(self.application.asgi, client=(address, 1))  # type: ignore[arg-type]
            self.clients[address] = httpx.AsyncClient(transport=transport, base_url="http://test")
        headers = dict(options.pop("headers", {}))
        if login is not None:
            headers["authorization"] = f"Bearer {self.tokens[login]}"
        return await self.clients[address].request(method, path, headers=headers, **options)

    async def listen(self, path: str, login: str | None, body: Any) -> httpx.Response:
        """The first event of a subscription, as a reply of its own; then the client goes."""
        heard, enough = _Heard(), asyncio.Event()
        headers = [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")]
        if login is not None:
            headers.append((b"authorization", f"Bearer {self.tokens[login]}".encode()))
        scope = _scope(path, headers)
        asked = [{"type": "http.request", "body": orjson.dumps(body), "more_body": False}]

        async def receive() -> Any:
            if asked:
                return asked.pop()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if heard.take(message):
                enough.set()

        serving = asyncio.ensure_future(self.application.asgi(scope, receive, send))  # type: ignore[arg-type]
        waiting = asyncio.ensure_future(enough.wait())
        await asyncio.wait({serving, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        enough.set()
        await asyncio.wait({serving, waiting}, timeout=20)
        assert serving.done(), "the stream did not end when its reader went"
        return heard.reply()

    async def graphql(
        self, login: str | None, region: str, query: str, variables: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        body = {"query": query, "variables": dict(variables or {})}
        return await self.send("POST", f"/graphql/{region}", login, json=body)

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Rows of this world's database."""
        async with self.application.host.store.unit_of_work() as uow:
            return await uow.fetch(sql, *args)

    async def settle(self) -> None:
        """Wait until every letter is delivered and no clock that ran out waits to be told."""
        for _ in range(1200):
            waiting = await self.fetch(
                "SELECT 1 FROM letter WHERE state = 'accepted' UNION ALL"
                " SELECT 1 FROM deadline WHERE state = 'running' AND due_at <= $1 LIMIT 1",
                self.clock.now(),
            )
            if not waiting:
                return
            self.application.worker.wake()
            await asyncio.sleep(0.05)
        raise AssertionError("the world did not come to rest within a minute")


@dataclass
class _Heard:
    """What an application sends, up to the first event."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def take(self, message: Any) -> bool:
        """Take a message in; True once there is an event, or the end."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
            return False
        self.body += message.get("body", b"")
        return b"event: next" in self.body and b"\n\n" in self.body.split(b"event: next")[1]

    def reply(self) -> httpx.Response:
        """The event's data in place of the stream; what is no stream as it is."""
        found = re.search(rb"event: next\r?\ndata: ?(.*?)\r?\n", self.body)
        if found is None:
            return httpx.Response(self.status, headers=self.headers, content=self.body)
        kept = [(name, value) for name, value in self.headers if name != "content-type"]
        return httpx.Response(
            self.status, headers=[*kept, ("content-type", "application/json")], content=found[1]
        )


def _scope(path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), *headers],
        "client": ("10.0.0.1", 1),
        "server": ("test", 80),
    }


class Story:
    """Acts of people in a world that must succeed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.acts = 0

    async def act(self, login: str, action: str, case: str | None = None, **given: Any) -> str:
        """One act of the scene; answers the case's id."""
        kind = action[0].upper() + action[1:]
        self.acts += 1
        declared, passed = ["$key: String!"], ["key: $key"]
        values: dict[str, Any] = {"key": f"story-{action}-{self.acts:04}-{self.world.clock.now():%H%M%S}"}
        if case is not None:
            declared.append("$case: ID!")
            passed.append("case: $case")
            values["case"] = f"Case:{self.world.cases[case]}"
        if given:
            declared.append(f"$input: MinorProtection{kind}Input!")
            passed.append("input: $input")
            values["input"] = given
        query = (
            f"mutation ({', '.join(declared)}) {{ minorProtection {{ {action}({', '.join(passed)})"
            " { case { id } } } }"
        )
        data = await self._ask(login, query, values)
        shown = data["minorProtection"][action]["case"]
        return str(shown["id"]).removeprefix("Case:") if shown else self.world.cases[case or ""]

    async def prompts(self, login: str, name: str, county: str, **changes: Any) -> None:
        """Open a case that is a draft yet."""
        self.world.cases[name] = await self.act(login, "prompt", **told(name, county, **changes))

    async def reports(self, login: str, name: str, county: str, **changes: Any) -> None:
        """Open a case and report it at once."""
        await self.prompts(login, name, county)
        await self.act(login, "report", name, facts=told(name, county)["facts"], **changes)

    async def signs(self, login: str, name: str, *kinds: str) -> None:
        """Sign for the letters of these kinds that `login` may sign for."""
        query = "query ($id: ID!) { case(id: $id) { letters { id kind maySign } } }"
        shown = await self._ask(login, query, {"id": f"Case:{self.world.cases[name]}"})
        waiting = [item for item in shown["case"]["letters"] if item["maySign"] and item["kind"] in kinds]
        assert len(waiting) == len(kinds), (login, name, kinds, shown)
        for letter in waiting:
            self.acts += 1
            sign = "mutation ($letter: ID!, $key: String!) { letters { sign(letter: $letter, key: $key) { replayed } } }"
            key = f"story-sign-{self.acts:04}-{self.world.clock.now():%H%M%S}"
            await self._ask(login, sign, {"letter": letter["id"], "key": key})

    async def _ask(self, login: str, query: str, values: Mapping[str, Any]) -> Any:
        self.world.clock.advance(timedelta(seconds=1))
        reply = (await self.world.graphql(login, HUZHOU, query, values)).json()
        assert "errors" not in reply, (login, query, reply["errors"])
        return reply["data"]


async def other_counties(world: World) -> None:
    """A case of Deqing, and one of Anji whose clock ran out; a week goes by."""
    story = Story(world)
    await story.reports("deqing-education", "deqing", DEQING)
    await story.reports("doctor", "overdue", ANJI)
    await world.settle()
    await story.signs("deqing-police", "deqing", "mandatory_report")
    await story.act("deqing-police", "triage", "deqing", triage_category="POLICE", acceptance="CRIMINAL")
    await story.signs("police", "overdue", "mandatory_report")
    await story.act("police", "triage", "overdue", triage_category="POLICE", acceptance="ADMINISTRATIVE")
    world.clock.advance(timedelta(days=7))
    await world.settle()


async def of_the_doctor(world: World) -> None:
    """The doctor's cases in Anji: a draft, one reported, one answered, one with support asked for."""
    story = Story(world)
    await story.reports("doctor", "reported", ANJI)
    await story.reports("doctor", "answered", ANJI)
    await story.prompts("doctor", "prompted", ANJI)
    await story.prompts("doctor", "second prompt", ANJI)
    await world.settle()
    await story.signs("police", "answered", "mandatory_report")
    await story.act("police", "triage", "answered", triage_category="POLICE", acceptance="CRIMINAL")
    await story.act("police", "feedback", "answered", feedback_outcome="PROTECTED", feedback_text="已立案。")
    await story.act("procurator", "requestSupport", "overdue", support_needs=["LEGAL_AID"])
    await world.settle()


async def of_the_school(world: World) -> None:
    """What the school reported in Anji (the social workers were asked, and are not any more), and what it did not."""
    story = Story(world)
    await story.reports("teacher", "school", ANJI, urgent=True, situations=["BEGGING"])
    await story.act("procurator", "requestSupport", "school", support_needs=["PLACEMENT"], support_note="密")
    await world.settle()
    await story.act("procurator", "withdrawSupport", "school", support_withdrawal="NO_CAPACITY")
    await story.prompts("teacher", "dismissed", ANJI)
    await story.act("teacher", "dismiss", "dismissed", dismissal_reason="ACCIDENT_CONFIRMED")


async def of_a_third_county(world: World) -> None:
    """A case of Changxing."""
    await Story(world).reports("changxing-education", "changxing", CHANGXING, situations=["ABANDONED"])
    await world.settle()


async def known_to_few(world: World) -> None:
    """One sealed in Anji, which no role reads again; drafts, which only their authors know."""
    story = Story(world)
    await story.reports("doctor", "sealed", ANJI, situations=["UNKNOWN_ORIGIN"])
    await world.settle()
    await story.signs("police", "sealed", "mandatory_report")
    for login in ("procurator", "health", "education", "civil"):
        await story.signs(login, "sealed", "mandatory_report")
    await story.act("police", "triage", "sealed", triage_category="POLICE", acceptance="CRIMINAL")
    await story.act(
        "police", "feedback", "sealed", feedback_outcome="NOT_FILED", feedback_text="封存前的反馈。"
    )
    await world.settle()
    await story.signs("doctor", "sealed", "feedback")
    await story.signs("procurator", "sealed", "feedback")
    await story.act("procurator", "close", "sealed", closing_reason="HANDLED", closing_note="办结说明。")
    await story.prompts("teacher", "draft", ANJI)
    await story.prompts("deqing-education", "deqing draft", DEQING)


STAGES = (other_counties, of_the_doctor, of_the_school, of_a_third_county, known_to_few)
"""Each makes a stage out of the one before; stage 0 has no case at all, stage 5 has all of them."""


class Worlds:
    """Every stage at rest, and a loop on a thread of its own to run copies of them on."""

    def __init__(self, database: TestDatabase, folder: Path) -> None:
        self._server, self._folder = database, folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worlds")
        self._thread.start()
        self._made: list[str] = []
        self.tokens: dict[str, str] = {}
        self.stages: list[Snapshot] = []

    def run(self, work: Awaitable[T], seconds: float = 900) -> T:
        """Run a coroutine on the worlds' loop."""

        async def whole() -> T:
            return await work

        future: Future[T] = asyncio.run_coroutine_threadsafe(whole(), self._loop)
        return future.result(seconds)

    def close(self) -> None:
        """Drop every database made."""
        for name in self._made:
            self.run(self._server.drop(name))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    async def build(self) -> None:
        """Make all stages."""
        first = await self._copy(None)
        self.stages.append(await self._grow(first, self._people))
        for stage in STAGES:
            copy = await self._copy(self.stages[-1])
            self.stages.append(await self._grow(copy, stage))

    async def retell(self, stage: int, tell: Any) -> Snapshot:
        """A stage with a further story told in a copy of it."""
        return await self._grow(await self._copy(self.stages[stage]), tell)

    @asynccontextmanager
    async def opened(self, *stages: Snapshot, at: datetime | None = None) -> AsyncIterator[list[World]]:
        """Copies of stages, running at one and the same instant, with nothing at work in the background."""
        now = at or max(stage.now for stage in self.stages)
        async with AsyncExitStack() as stack:
            worlds = []
            for stage in stages:
                copy = await self._copy(stage)
                opening = self._open(copy, VirtualClock(now), work=False)
                worlds.append(await stack.enter_async_context(opening))
            yield worlds

    async def _grow(self, snapshot: Snapshot, tell: Any) -> Snapshot:
        async with self._open(snapshot, VirtualClock(snapshot.now), work=True) as world:
            await tell(world)
            now, cases = world.clock.now(), dict(world.cases)
        return Snapshot(database=snapshot.database, home=snapshot.home, now=now, cases=cases)

    @asynccontextmanager
    async def _open(self, snapshot: Snapshot, clock: VirtualClock, *, work: bool) -> AsyncIterator[World]:
        settings = Settings(
            home=snapshot.home,
            database_url=self._server.url_of(snapshot.database),
            demo=True,
            pool_size=4,
            requests_a_minute=1_000_000,  # all of them come in one virtual minute
        )
        async with open_app(settings, clock=clock, work=work) as application:
            yield World(application=application, clock=clock, tokens=self.tokens, cases=dict(snapshot.cases))

    async def _copy(self, of: Snapshot | None) -> Snapshot:
        name = await self._server.create(template=of.database if of else self._server.template)
        self._made.append(name)
        home = self._folder / name
        if of is not None:
            shutil.copytree(of.home, home)
            return Snapshot(database=name, home=home, now=of.now, cases=of.cases)
        home.mkdir(mode=0o700)
        if self._server.keys is not None:
            shutil.copytree(self._server.keys, home / "keys")
        return Snapshot(database=name, home=home, now=START, cases={})

    async def _people(self, world: World) -> None:
        host = world.application.host
        for point in entry_points(group="gongzhi.demos"):
            await point.load()(host)
        async with host.store.unit_of_work() as uow:
            for login, (region, kind, department, duties) in PEOPLE.items():
                organ = await uow.fetchval(
                    "SELECT id FROM organ WHERE region = $1 AND type = $2", region, kind
                )
                person = await host.directory.person_add(uow, name=f"测试员{login}")
                post = await host.directory.post_add(
                    uow,
                    person_id=person,
                    organ_id=organ,
                    title="科员",
                    duties=duties,
                    valid_from=date(2024, 12, 2),
                    department=department,
                )
                await host.directory.account_add(uow, login=login, post_id=post)
            for login in LOGINS:
                self.tokens[login] = await host.sign_in.issue_token(
                    uow, login, world.clock.now(), timedelta(days=300)
                )
