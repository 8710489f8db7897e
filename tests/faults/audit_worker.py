"""A process to be killed: it appends leaves and sequences them, and says which it was told are safe.

`python audit_worker.py <home> <database url>`; each line of its output is the hash of a leaf whose act committed.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.clock import SystemClock
from gongzhi.store import Store

BATCH = 7


async def main(home: Path, url: str) -> None:
    """Act and sequence, both as fast as they can, until killed."""
    store = await Store.open(home=home, database_url=url, pool_size=4)
    sequencer = Sequencer(store, SystemClock(), batch_size=BATCH)
    await asyncio.gather(act(store), act(store), sequencer.run(asyncio.Event()), wake(sequencer))


async def act(store: Store) -> None:
    """One row and one leaf an act; every third act fails after its leaf was written."""
    log, number = AuditLog(store), 0
    while True:
        number += 1
        try:
            async with store.unit_of_work() as uow:
                await uow.insert("person", {"id": uuid4(), "name": "某人"})
                leaf = Leaf(
                    at=datetime.now(UTC),
                    actor=None,
                    organ=None,
                    namespace="core",
                    version="",
                    action="try",
                    region="330523",
                    case_id=None,
                    outcome="done",
                    rows=tuple(uow.changes),
                )
                leaf_hash = await log.append(uow, leaf)
                if number % 3 == 0:
                    raise InterruptedError
        except InterruptedError:
            continue
        sys.stdout.write(leaf_hash.hex() + "\n")
        sys.stdout.flush()


async def wake(sequencer: Sequencer) -> None:
    """Keep the sequencer busy, so that most kills fall into one of its transactions."""
    while True:
        sequencer.wake()
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
