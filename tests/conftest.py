"""Fixtures for tests that cross folders: the whole application, filled with the demo, on a real store.

`demo_server` is the program as its users meet it: HTTP on a free port of 127.0.0.1, worker and sequencer running,
a virtual clock that tests move. One for the whole run; tests make cases of their own in it.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest
import uvicorn

from gongzhi.app import Application, open_app
from gongzhi.clock import VirtualClock
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from .noninterference.worlds import Worlds

DEMO_START = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
"""Wednesday 4 March 2026, 09:00 in Shanghai: no holiday near."""


@dataclass
class DemoServer:
    """A running demo. `base_url` has no trailing slash; `application` lives on another thread's loop."""

    base_url: str
    clock: VirtualClock
    application: Application
    loop: asyncio.AbstractEventLoop
    home: Path
    database_url: str
    tokens: dict[str, str] = field(default_factory=dict)

    def client(self, login: str) -> httpx.Client:
        """An HTTP client that carries a bearer token of the account `login`."""
        if login not in self.tokens:
            self.tokens[login] = asyncio.run_coroutine_threadsafe(self._token(login), self.loop).result(30)
        headers = {"authorization": f"Bearer {self.tokens[login]}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=30)

    async def _token(self, login: str) -> str:
        host = self.application.host
        async with host.store.unit_of_work() as uow:
            return await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(days=300))


LONGEST = ("tests/noninterference/", "tests/matrix/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest come first, so that none of them is left for one worker alone at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def demo_server(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    home = tmp_path_factory.mktemp("demo")
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    name = asyncio.run(database.create(template=database.template))
    started: dict[str, DemoServer] = {}
    ready, stop = threading.Event(), threading.Event()
    problem: list[BaseException] = []

    async def run() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        settings = Settings(home=home, database_url=database.url_of(name), public_url=url, demo=True)
        clock = VirtualClock(DEMO_START)
        async with open_app(settings, clock=clock) as application:
            for point in entry_points(group="gongzhi.demos"):
                await point.load()(application.host)
            server = uvicorn.Server(
                uvicorn.Config(application.asgi, port=port, log_level="warning", lifespan="off")
            )
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            started["demo"] = DemoServer(
                base_url=url,
                clock=clock,
                application=application,
                loop=asyncio.get_running_loop(),
                home=home,
                database_url=settings.database_url or "",
            )
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            problem.append(error)
            ready.set()

    runner = threading.Thread(target=thread, name="demo-server")
    runner.start()
    ready.wait(120)
    if problem:
        raise problem[0]
    try:
        yield started["demo"]
    finally:
        stop.set()
        runner.join(60)
        asyncio.run(database.drop(name))


@pytest.fixture(scope="session")
def worlds(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Databases that grow from one another, each at rest; copies of them run in the tests."""
    made = Worlds(database, tmp_path_factory.mktemp("worlds"))
    try:
        made.run(made.build())
        yield made
    finally:
        made.close()
