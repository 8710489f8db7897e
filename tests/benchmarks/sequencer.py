"""How fast entries get their places: leaves per second, next to what this machine hashes and syncs.

Prints one JSON object. `python tests/benchmarks/sequencer.py [--leaves N] [--batch B]`; it uses the server of
GONGZHI_TEST_DATABASE_URL, or else an embedded one in a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.audit.sequencer import BATCH
from gongzhi.audit.sources import DatabaseSource
from gongzhi.audit.verify import verify_log
from gongzhi.clock import SystemClock
from gongzhi.store import RowChange, Store

_CALIBRATION_SECONDS = 1.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=BATCH)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), options.leaves, options.batch))
    print(json.dumps(result))


async def measure(folder: Path, leaves: int, batch: int) -> dict[str, object]:
    """Fill a queue, drain it, verify the log, and calibrate in the same run."""
    async with a_store(folder) as store:
        log, sequencer = AuditLog(store), Sequencer(store, SystemClock(), batch_size=batch)
        sealed = await fill(store, log, leaves)
        started = time.perf_counter()
        sequenced = await sequencer.drain()
        sequencing = time.perf_counter() - started
        started = time.perf_counter()
        async with store.unit_of_work() as uow:
            verified = await verify_log(DatabaseSource(connection=uow.connection), log.public_key)
        verifying = time.perf_counter() - started
        if not sequenced == verified.checkpoint.size == leaves:
            raise SystemExit(f"{leaves} leaves went in, {sequenced} were sequenced")
        hashes = per_second(lambda: sha256(b"\x01" * 65).digest())
        return {
            "benchmark": "sequencer",
            "leaves": leaves,
            "batch": batch,
            "entry_bytes": sealed,
            "leaves_per_second": round(leaves / sequencing),
            "verified_leaves_per_second": round(leaves / verifying),
            "sha256_per_second": hashes,
            "fsync_per_second": fsyncs(folder),
            "sha256_per_leaf": round(hashes * sequencing / leaves, 1),
        }


@asynccontextmanager
async def a_store(folder: Path) -> AsyncIterator[Store]:
    """A migrated store on a database of its own, which is dropped afterwards."""
    server = os.environ.get("GONGZHI_TEST_DATABASE_URL")
    name = f"gongzhi_test_{secrets.token_hex(6)}"
    if server:
        await execute(server, f'CREATE DATABASE "{name}"')
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}")) if server else None
    store = await Store.open(home=folder / "home", database_url=url, pool_size=2)
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()
        if server:
            await execute(server, f'DROP DATABASE "{name}"')


async def execute(server: str, sql: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fill(store: Store, log: AuditLog, leaves: int) -> int:
    """Queue entries like those of an act that changes a case, a letter and a deadline; answers their size."""
    row_id = uuid4()
    row = {"id": row_id, "row_version": 1}
    changes = tuple(
        RowChange(table=table, id=row_id, before=row, after={**row, "row_version": 2})
        for table in ("cases", "letter", "deadline")
    )
    leaf = Leaf(
        at=datetime.now(UTC),
        actor=uuid4(),
        organ=uuid4(),
        namespace="minor_protection",
        version="0.1.0",
        action="receive",
        region="330523",
        case_id=uuid4(),
        outcome="done",
        rows=changes,
        input_hash=bytes(32),
    )
    sealed = [log.sealer.seal(leaf)[0] for _ in range(leaves)]
    async with store.unit_of_work() as uow:
        await uow.connection.copy_records_to_table(
            "audit_pending", columns=["leaf"], records=[(entry,) for entry in sealed]
        )
    return len(sealed[0])


def per_second(act: Callable[[], object]) -> int:
    """How often `act` runs in a second."""
    done, end = 0, time.perf_counter() + _CALIBRATION_SECONDS
    while time.perf_counter() < end:
        for _ in range(1000):
            act()
        done += 1000
    return round(done / _CALIBRATION_SECONDS)


def fsyncs(folder: Path) -> int:
    """How many 8 kB writes this disk makes durable in a second."""
    done, end = 0, time.perf_counter() + _CALIBRATION_SECONDS
    with (folder / "fsync").open("wb") as file:
        while time.perf_counter() < end:
            file.write(bytes(8192))
            file.flush()
            os.fsync(file.fileno())
            done += 1
    return round(done / _CALIBRATION_SECONDS)


if __name__ == "__main__":
    main()
