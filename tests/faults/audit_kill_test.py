"""SIGKILL while leaves are written and sequenced: none that was acknowledged is lost, none stands twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gongzhi.audit import AuditLog, Sequencer
from gongzhi.audit.scan import scan
from gongzhi.audit.sources import DatabaseSource
from gongzhi.audit.tiles import tiles_at, unpack_entries
from gongzhi.audit.verify import verify_log
from gongzhi.clock import SystemClock
from gongzhi.store import Store

pytestmark = pytest.mark.anyio

WORKER = Path(__file__).parent / "audit_worker.py"


@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
async def test_a_killed_process_loses_and_doubles_nothing(store: Store, kills: int) -> None:
    """Killed at random moments, over and over, on one log; tables, log and acknowledgements agree at the end."""
    chance = random.Random(kills)
    acknowledged: list[str] = []
    for _ in range(kills):
        acknowledged += await asyncio.to_thread(run_and_kill, store, chance.uniform(0.05, 0.6))
    log = AuditLog(store)
    await Sequencer(store, SystemClock()).drain()
    async with store.unit_of_work() as uow:
        source = DatabaseSource(connection=uow.connection)
        size = (await verify_log(source, log.public_key)).checkpoint.size
        bundles = [await source.read(tile) for tile in tiles_at(size, 0, "entries")]
        placed = {row["leaf_hash"].hex() for row in await uow.fetch("SELECT leaf_hash FROM audit_position")}
        people = await uow.fetchval("SELECT count(*) FROM person")
    entries = [entry for bundle in bundles for entry in unpack_entries(bundle, where="")]
    assert len(entries) == len(set(entries)) == len(placed) == size == people
    assert set(acknowledged) <= placed
    # Two acts at a time: at each kill at most two had committed without having been acknowledged.
    assert len(acknowledged) <= size <= len(acknowledged) + 2 * kills
    assert len(acknowledged) > kills
    found = await scan(store, log)
    assert (found.findings, found.rows, found.waiting) == ((), size, 0)


def run_and_kill(store: Store, seconds: float) -> list[str]:
    """Start the worker, let it act for a while, kill it; answers what it acknowledged."""
    worker = subprocess.Popen(
        [sys.executable, WORKER, store.home, store.database_url], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    first = worker.stdout.readline()
    try:
        worker.wait(timeout=seconds)
        pytest.fail(f"the worker ended by itself with {worker.returncode}")
    except subprocess.TimeoutExpired:
        worker.kill()
    rest = worker.communicate()[0]
    return [line for line in (first + rest).split("\n")[:-1] if line]
