"""The worker stops when it is told to, whatever comes at the same moment."""

from __future__ import annotations

import asyncio

import pytest

from gongzhi.app import open_app
from gongzhi.settings import Settings
from gongzhi.store import Store

pytestmark = pytest.mark.anyio


async def test_a_worker_that_is_woken_while_it_is_stopped_stops(store: Store) -> None:
    """Before Python 3.12 `asyncio.wait_for` drops a cancellation that comes together with what it waits for."""
    settings = Settings(home=store.home, database_url=store.database_url)
    async with open_app(settings, installed=[], work=False) as application:
        worker = application.worker
        await worker.start()
        await asyncio.sleep(0.2)
        worker._wake.set()
        await asyncio.wait_for(worker.stop(), 20)
