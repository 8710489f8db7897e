"""Acts per second through the whole write path, next to a bare PostgreSQL transaction with the same rows.

An act is the demo's `report`: policy, JSON Schema, rule, workflow, encryption, letters with four copies and signed
evidence, outbox and audit row, in one transaction. The bare transaction inserts the very same rows (read back from one
act, with fresh ids) over asyncpg with prepared statements, one per table. Both at 1 and 32 clients in one run, each on
the same pool size. Prints one JSON object. Uses GONGZHI_TEST_DATABASE_URL, or an embedded server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import structlog

from gongzhi.app import open_app
from gongzhi.declarations import Command
from gongzhi.host import Host
from gongzhi.identity.actors import Actor
from gongzhi.settings import Settings
from gongzhi.store import Store
from gongzhi_admin.demo.zhejiang import seed

TABLES = (
    "subject_key",
    "cases",
    "case_organ",
    "letter",
    "evidence",
    "outbox",
    "case_event",
    "case_search",
    "idempotency",
)
"""Tables that one report writes to, in an order that foreign keys allow; the audit queue's row is added by hand."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="gongzhi-bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), options.seconds))))


async def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Acts and bare transactions per second at 1 and 32 clients."""
    async with _database() as url:
        settings = Settings(home=folder, database_url=url, pool_size=32)
        async with open_app(settings, work=False) as application:
            host = application.host
            await seed(host)
            async with host.store.unit_of_work() as uow:
                actor = await host.directory.actor(uow, "doctor", host.clock.now())
            for _ in range(20):
                await _report(host, actor)
            rows = await _rows_of_one_act(host.store)
            bare = await _bare(host.store, rows)
            figures: dict[str, Any] = {
                "benchmark": "write_path",
                "rows_per_act": sum(map(len, rows.values())) + 1,
            }
            for clients in (1, 32):
                base = await _rate(bare, clients, seconds)
                acts = await _rate(lambda: _report(host, actor), clients, seconds)
                figures[f"clients_{clients}"] = {
                    "acts_per_s": round(acts, 1),
                    "bare_transactions_per_s": round(base, 1),
                    "ratio": round(acts / base, 3),
                }
            figures["calibration"] = {"fsync_per_s": round(_fsyncs(folder), 1)}
            return figures


async def _report(host: Host, actor: Actor) -> None:
    command = Command(
        namespace="minor_protection",
        action="report",
        input={
            "channel": "WEB_FORM",
            "situations": ["SEVERAL_INJURIES"],
            "facts": "多处挫伤，新旧不一。",
            "incident_division": "330523",
            "child": {"name": "小满", "birth_date": "2012-02-29", "sex": "MALE"},
            "reporter": {"name": "陈静", "phone": "13800000000"},
        },
        key=f"bench-{uuid4()}",
    )
    await host.dispatch.act(actor, command, "330500")


async def _rows_of_one_act(store: Store) -> dict[str, list[asyncpg.Record]]:
    """The rows of the newest case, as stored."""
    async with store.unit_of_work() as uow:
        connection = uow.connection
        case = await connection.fetchrow("SELECT * FROM cases ORDER BY created_at DESC, id LIMIT 1")
        assert case is not None
        letters = [
            row["id"]
            for row in await connection.fetch("SELECT id FROM letter WHERE case_id = $1", case["id"])
        ]
        wanted = {
            "subject_key": ("subject_id = $1", case["subject_id"]),
            "cases": ("id = $1", case["id"]),
            "evidence": ("letter_id = ANY($1)", letters),
            "outbox": ("payload->>'letter' = ANY($1)", [str(letter) for letter in letters]),
            "idempotency": ("result->>'case_id' = $1", str(case["id"])),
        }
        return {
            table: await connection.fetch(
                f"SELECT * FROM {table} WHERE {wanted.get(table, ('case_id = $1', None))[0]}",
                wanted.get(table, ("", case["id"]))[1],
            )
            for table in TABLES
        }


async def _bare(store: Store, rows: dict[str, list[asyncpg.Record]]) -> Callable[[], Awaitable[None]]:
    """A function that inserts the same rows under fresh ids in one transaction."""
    statements = {}
    for table, records in rows.items():
        columns = list(records[0].keys())
        places = ", ".join(
            "(" + ", ".join(f"${r * len(columns) + c + 1}" for c in range(len(columns))) + ")"
            for r in range(len(records))
        )
        statements[table] = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places}"
    originals = {
        value for records in rows.values() for row in records for value in row.values() if _made(value)
    }
    fixed = {row["organ_id"] for row in rows["case_organ"]} | {row["actor_id"] for row in rows["evidence"]}
    leaf = os.urandom(1400)

    async def once() -> None:
        fresh = {value: uuid4() for value in originals - fixed}
        async with store.unit_of_work() as uow:
            for table, records in rows.items():
                values = [fresh.get(v, v) if _made(v) else v for row in records for v in row.values()]
                if table == "idempotency":
                    values = [secrets.token_hex(16) if v == records[0]["key"] else v for v in values]
                await uow.connection.execute(statements[table], *values)
            await uow.connection.execute("INSERT INTO audit_pending (leaf) VALUES ($1)", leaf)

    return once


def _made(value: Any) -> bool:
    return isinstance(value, UUID)


async def _rate(act: Callable[[], Awaitable[None]], clients: int, seconds: float) -> float:
    done = 0
    end = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await act()
            done += 1

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (time.perf_counter() - started)


def _fsyncs(folder: Path) -> float:
    done = 0
    end = time.perf_counter() + 1
    with (folder / "fsync").open("wb") as file:
        while time.perf_counter() < end:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            done += 1
    return done / 1.0


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
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


if __name__ == "__main__":
    main()
