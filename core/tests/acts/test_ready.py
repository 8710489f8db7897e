"""What `/ready` tells a balancer and an operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest

from gongzhi.app import Application, open_app
from gongzhi.audit import Leaf
from gongzhi.clock import VirtualClock
from gongzhi.messaging.outbox import MAX_ATTEMPTS, lease, promise, put_back
from gongzhi.settings import Settings
from gongzhi.store import Store
from gongzhi.testing import TestDatabase

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
QUIET = {"pending": 0, "oldest_seconds": 0, "fault": None}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
async def application(store: Store, clock: VirtualClock) -> AsyncIterator[Application]:
    """The application with nobody at work, so that what waits keeps waiting."""
    settings = Settings(home=store.home, database_url=store.database_url)
    async with open_app(settings, clock=clock, installed=[], work=False) as opened:
        yield opened


async def get(application: Application, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=application.asgi)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path)


async def ready(application: Application) -> tuple[int, dict[str, Any]]:
    reply = await get(application, "/ready")
    return reply.status_code, reply.json()


@asynccontextmanager
async def away(database: TestDatabase, name: str) -> AsyncIterator[None]:
    """The database under another name, and nobody connected to it."""
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_away"')
        yield
        await connection.execute(f'ALTER DATABASE "{name}_away" RENAME TO "{name}"')
    finally:
        await connection.close()


async def append(application: Application) -> None:
    host = application.host
    leaf = Leaf(
        at=host.clock.now(),
        actor=None,
        organ=None,
        namespace="core",
        version="",
        action="try",
        region="330523",
        case_id=None,
        outcome="done",
    )
    async with host.store.unit_of_work() as uow:
        await host.audit.append(uow, leaf)


async def test_an_idle_installation_is_ready_with_nothing_to_tell(application: Application) -> None:
    assert await ready(application) == (
        200,
        {
            "status": "ready",
            "scenes": {"loaded": 0, "failed": 0},
            "audit": QUIET,
            "outbox": {"waiting": 0, "dead": 0},
        },
    )


async def test_entries_and_messages_that_wait_or_were_given_up_are_counted(
    application: Application, clock: VirtualClock
) -> None:
    await append(application)
    clock.advance(timedelta(seconds=90))
    await append(application)
    async with application.host.store.unit_of_work() as uow:
        await promise(uow, "letter.deliver", [{"letter": str(uuid4())}], now=NOW)
        (message_id,) = await lease(uow, NOW, 1, idle=True)
        for _ in range(MAX_ATTEMPTS):
            await put_back(uow, message_id, NOW, "ConnectionError")
    status, body = await ready(application)
    assert (status, body["audit"], body["outbox"]) == (
        200,
        {"pending": 2, "oldest_seconds": 90, "fault": None},
        {"waiting": 0, "dead": 1},
    )


async def test_a_log_that_stands_still_is_told_and_requests_go_on(application: Application) -> None:
    await append(application)
    await application.sequencer.drain()
    async with application.host.store.unit_of_work() as uow:
        await uow.execute("UPDATE audit_head SET size = size + 1")
    await append(application)
    stop = asyncio.Event()
    running = asyncio.create_task(application.sequencer.run(stop))
    async with asyncio.timeout(20):
        while application.sequencer.fault is None:
            await asyncio.sleep(0.01)
    status, body = await ready(application)
    stop.set()
    await running
    assert (status, body["audit"]["fault"], body["audit"]["pending"]) == (200, "audit_broken", 1)


async def test_while_the_database_is_away_nobody_is_ready_and_nobody_is_told_why(
    application: Application, database: TestDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code for clients; the database's own words, and whatever names a path, for the log."""
    store = application.host.store
    name = urlsplit(store.database_url).path.removeprefix("/")
    async with away(database, name):
        status, body = await ready(application)
        refused = await get(application, "/metrics")
    assert (status, body) == (503, {"status": "unavailable", "code": "store_unavailable"})
    assert refused.status_code == 503
    assert refused.json() == {
        "code": "store_unavailable",
        "message": "存储暂时不可用。",
        "remedy": "请稍后重试；管理员可在服务器日志中查看原因。",
        "where": "",
    }
    assert f'"{name}" does not exist' in capsys.readouterr().out


async def test_elsewhere_only_whether_it_is_ready_is_told(application: Application) -> None:
    """How much waits rises with every report: nobody outside may watch it."""
    transport = httpx.ASGITransport(app=application.asgi, client=("10.0.0.9", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://gongzhi.example") as client:
        told = await client.get("/ready")
        figures = await client.get("/metrics")
    assert told.json() == {"status": "ready"}
    assert (figures.status_code, figures.json()["code"]) == (401, "sign_in_required")
