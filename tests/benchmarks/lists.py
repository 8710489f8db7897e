"""Lists of a province at work: inbox, cases, search and counts for three people, at the library and over HTTP.

Fills a database with `--cases` cases (see `tests/load/province.py`), checks that the audit log agrees with every row,
and measures p50 and p95 in milliseconds, each beside a bare indexed SELECT of the same page in the same run. Prints one
JSON object. Uses GONGZHI_TEST_DATABASE_URL, or an embedded server of its own. `make slow` runs it with a million.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import structlog

from gongzhi.app import open_app
from gongzhi.audit.scan import scan
from gongzhi.clock import VirtualClock
from gongzhi.host import Host
from gongzhi.identity.actors import Actor
from gongzhi.settings import Settings

from ..load.province import HOME, NOW, PROVINCE, fill

PEOPLE: Final = {"clerk": HOME, "supervisor": PROVINCE, "doctor": HOME}
"""Who asks, by login, and at which address: a clerk of a county's police, a procurator of the province, a doctor."""

WORDS: Final = ("报告", "紧急", "八")
"""In every title, in one of a hundred, in one of a thousand."""

_CASE = "id title states { id } nextDueAt updatedAt region { code name }"
OPERATIONS: Final = {
    "inbox": "{ inbox { nodes { id waits at dueAt caseTitle region { code } letter { id title number state maySign"
    " from { name } } deadline { title } } pageInfo { hasNextPage endCursor } } }",
    "inbox_counts": "{ inbox(first: 1) { counts { waits count exact } } }",
    "cases": f"{{ cases {{ nodes {{ {_CASE} }} pageInfo {{ hasNextPage endCursor }} }} }}",
    "cases_total": "{ cases(first: 1) { total { count exact } } }",
    **{
        f"search_{word}": f'{{ cases(search: "{word}") {{ nodes {{ {_CASE} }} pageInfo {{ hasNextPage }} }} }}'
        for word in WORDS
    },
}
"""What is asked over HTTP, by the name under which the library's figure stands."""

GOALS_MS: Final = {"inbox": 40, "search": 60}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--database", help="measure this filled database, and keep it; with --home")
    parser.add_argument("--home", type=Path, help="the home of --database")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="gongzhi-bench-") as folder:
        if options.database:
            result = asyncio.run(measured(options.home, options.database, options.runs))
        else:
            result = asyncio.run(measure(Path(folder), options.cases, options.runs))
    print(json.dumps(result, ensure_ascii=False))


async def measure(folder: Path, cases: int, runs: int) -> dict[str, Any]:
    """Fill, scan, measure."""
    async with _database() as url:
        home = folder / "home"
        home.mkdir(mode=0o700)
        started = time.perf_counter()
        await fill(home, url, cases)
        filled = time.perf_counter()
        async with open_app(Settings(home=home, database_url=url), work=False) as application:
            scanned = await scan(application.host.store, application.host.audit)
        if scanned.findings:
            raise SystemExit(f"{len(scanned.findings)} rows are not as the log says: {scanned.findings[0]}")
        result = await measured(home, url, runs)
        return {
            **result,
            "filled_s": round(filled - started),
            "scanned_rows": scanned.rows,
            "scan_s": round(time.perf_counter() - filled),
        }


async def measured(home: Path, url: str | None, runs: int) -> dict[str, Any]:
    """The figures of a filled database."""
    settings = Settings(home=home, database_url=url)
    async with open_app(settings, clock=VirtualClock(NOW), work=False) as application:
        host = application.host
        async with host.store.unit_of_work() as uow:
            cases = await uow.fetchval("SELECT count(*) FROM cases")
            actors = {login: await host.directory.actor(uow, login, NOW) for login in PEOPLE}
            tokens = {
                login: await host.sign_in.issue_token(uow, login, host.clock.now(), timedelta(days=300))
                for login in PEOPLE
            }
        library = {
            login: {name: await _times(ask, runs) for name, ask in _asked(host, actor, PEOPLE[login]).items()}
            for login, actor in actors.items()
        }
        bare = {place: await _times(_bare(host, place), runs) for place in dict.fromkeys(PEOPLE.values())}
        async with _served(settings) as base:
            http = {login: await _over_http(base, PEOPLE[login], tokens[login], runs) for login in PEOPLE}
    return {
        "benchmark": "lists",
        "cases": cases,
        "runs": runs,
        "library_ms": library,
        "graphql_over_http_ms": http,
        "calibration": {"bare_page_ms": bare},
        "goals_p95_ms": GOALS_MS,
    }


def _asked(host: Host, actor: Actor, region: str) -> dict[str, Callable[[], Awaitable[object]]]:
    reading = host.reading
    return {
        "inbox": lambda: reading.inbox(actor),
        "inbox_counts": lambda: reading.inbox_counts(actor),
        "cases": lambda: reading.cases(actor, region),
        "cases_total": lambda: reading.case_count(actor, region),
        **{
            f"search_{word}": lambda word=word: reading.cases(actor, region, search=word)  # type: ignore[misc]
            for word in WORDS
        },
    }


def _bare(host: Host, region: str) -> Callable[[], Awaitable[object]]:
    """The page without policy: what PostgreSQL and the driver take."""
    place, code = host.tree.within("region", region)

    async def once() -> None:
        async with host.store.unit_of_work() as uow:
            await uow.fetch(
                "SELECT id, scene, version, region, title, state, created_at, updated_at, closed_at, row_version"
                f" FROM cases WHERE {place} = $1 ORDER BY updated_at DESC, id DESC LIMIT 21",
                code,
            )

    return once


async def _over_http(base: str, region: str, token: str, runs: int) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client:

        def asking(document: str) -> Callable[[], Awaitable[object]]:
            async def once() -> None:
                reply = await client.post(f"/graphql/{region}", json={"query": document})
                if reply.status_code != 200 or "errors" in reply.json():
                    raise SystemExit(f"{document}: {reply.text}")

            return once

        return {name: await _times(asking(document), runs) for name, document in OPERATIONS.items()}


async def _times(ask: Callable[[], Awaitable[object]], runs: int) -> dict[str, float]:
    """p50 and p95 in milliseconds, a few runs beforehand left out."""
    for _ in range(5):
        await ask()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return {"p50": round(taken[len(taken) // 2], 1), "p95": round(taken[int(len(taken) * 0.95)], 1)}


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[str]:
    """`gongzhi serve` in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "GONGZHI_HOME": str(settings.home),
        "GONGZHI_REQUESTS_A_MINUTE": "1000000",
    }
    if settings.database_url:
        environment["GONGZHI_DATABASE_URL"] = settings.database_url
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gongzhi.cli", "serve", "--no-work", "--port", str(port)),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{base}/health")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield base
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _database() -> AsyncIterator[str | None]:
    """A database of its own on the test server, or None for the embedded one."""
    url = os.environ.get("GONGZHI_TEST_DATABASE_URL")
    if not url:
        yield None
        return
    name = f"gongzhi_test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        connection = await asyncpg.connect(url)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


if __name__ == "__main__":
    main()
