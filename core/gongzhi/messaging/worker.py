"""The worker: leases due messages from the outbox and carries out their effects through Dramatiq.

The broker is in-process here; what makes an effect happen exactly once is the outbox row and the inbox row in the
effect's own transaction, so a broker may lose or repeat messages as it likes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import dramatiq
import structlog
from dramatiq.asyncio import EventLoopThread
from dramatiq.brokers.stub import StubBroker

from gongzhi.clock import Clock
from gongzhi.messaging.outbox import Message, lease, put_back, release, take
from gongzhi.store import Store, UnitOfWork

log = structlog.get_logger()

T = TypeVar("T")

Effect = Callable[[UnitOfWork, Message, datetime], Awaitable[None]]
"""Carries out one message inside the transaction that marks it done."""

Opened = tuple[Store, Mapping[str, Effect], Effect]
"""A store, what to do by topic, and what to do about a message that is given up."""

POLL_SECONDS = 0.5
DRAIN_SECONDS = 20.0
CLOSING_SECONDS = 15
"""For what is cut off to roll back and for the effects' store to close; then they are left to the process's end."""
THREADS = 4
AHEAD = 4 * THREADS
"""Messages leased at a time: what the threads get round to within seconds. More would only wait in Dramatiq's queue
until their leases run out; when half of them are done, more are leased."""


class Worker:
    """Drains the outbox. Effects run on a loop of their own, so `effects` is built there, on a store of its own.

    `open_effects` opens that store and makes the effects; `wake()` may be called from any thread. `drain_seconds` is how
    long a stop waits for effects that are under way.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        open_effects: Callable[[], Coroutine[Any, Any, Opened]],
        *,
        after: Callable[[], None] = lambda: None,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        self._store, self._clock, self._open_effects, self._after = store, clock, open_effects, after
        self._drain_seconds = drain_seconds
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._under_way: set[UUID] = set()
        self._begun: set[UUID] = set()
        self._broker = StubBroker()
        # Not Dramatiq's middleware AsyncIO: its loop is the process's, and several workers would take it in turns.
        self._own_loop = EventLoopThread(logging.getLogger(__name__))
        self._own_loop.daemon = True
        self._worker = dramatiq.Worker(self._broker, worker_threads=THREADS, worker_timeout=100)

    async def start(self) -> None:
        """Start Dramatiq's threads and the drain."""
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        bind = dramatiq.actor(
            actor_name="carry_out", broker=self._broker, queue_name="effects", max_retries=0
        )
        self._actor = bind(self._work)
        await asyncio.to_thread(self._start_threads)
        self._drain = asyncio.create_task(self._run(), name="outbox-drain")

    async def stop(self) -> None:
        """Stop leasing, wait `drain_seconds` for running effects to end, cut off and say what has not, close the effects'
        store, give back what is not done."""
        # Said as well as cancelled: `wait_for` before Python 3.12 loses a cancellation that comes with what it waits for.
        self._stopping = True
        self._drain.cancel()
        await asyncio.gather(self._drain, return_exceptions=True)
        cut_off = await asyncio.to_thread(self._stop_threads)
        left = self._under_way | cut_off
        if not left:
            return
        async with self._store.unit_of_work() as uow:
            await release(uow, list(left))
        say = log.warning if cut_off else log.info
        say("worker stopped", left=len(left), cut_off=sorted(map(str, cut_off)))

    def _start_threads(self) -> None:
        self._own_loop.start(timeout=10)
        self._own_store, self._effects, self._give_up = self._on_own_loop(self._open_effects())
        self._worker.start()

    def _stop_threads(self) -> set[UUID]:
        """Answers which effects had to be cut off; each rolls back and is to be done again."""
        # Not pause and join: paused threads leave their queue as it is, and join waits for it.
        self._worker.stop(timeout=round(self._drain_seconds * 1000))
        cut_off = set(self._begun)
        loop = self._own_loop.loop
        closing = asyncio.run_coroutine_threadsafe(self._close(), loop)
        try:
            closing.result(CLOSING_SECONDS)
        except TimeoutError:
            # Code that never awaits holds the loop; its thread is a daemon and ends with the process.
            log.error("effects not closed", seconds=CLOSING_SECONDS)
            return cut_off
        loop.call_soon_threadsafe(loop.stop)
        self._own_loop.join()
        return cut_off

    async def _close(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._own_store.close()

    def _on_own_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return self._own_loop.run_coroutine(work)

    def wake(self) -> None:
        """There may be something to do now."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                leased = await self._lease()
            except Exception as error:
                # The store may be away for a while; what is promised stays in its outbox.
                log.error("outbox not readable", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS * 4)
                continue
            self._under_way.update(leased)
            for message_id in leased:
                self._actor.send(str(message_id))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)

    async def _lease(self) -> list[UUID]:
        count = len(self._under_way)
        if count > AHEAD // 2:
            return []
        async with self._store.unit_of_work() as uow:
            return await lease(uow, self._clock.now(), AHEAD - count, idle=count == 0)

    def _work(self, message_id: str) -> None:
        """One message, on a thread of Dramatiq's."""
        self._begun.add(UUID(message_id))
        try:
            self._on_own_loop(self._carry_out(UUID(message_id)))
        except CancelledError:
            pass  # cut off by `stop`, which says so
        except Exception as error:
            # Not to Dramatiq, which would log the text. The lease runs out, and the message is taken again.
            log.error("message neither done nor put back", message=message_id, error=type(error).__name__)
        finally:
            self._begun.discard(UUID(message_id))
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._finished, UUID(message_id))

    def _finished(self, message_id: UUID) -> None:
        self._under_way.discard(message_id)
        self._wake.set()

    async def _carry_out(self, message_id: UUID) -> None:
        now = self._clock.now()
        try:
            async with self._own_store.unit_of_work() as uow:
                message = await take(uow, message_id, now)
                if message is not None:
                    await self._effects[message.topic](uow, message, now)
        except Exception as error:
            await self._failed(message_id, now, type(error).__name__)
        self._after()

    async def _failed(self, message_id: UUID, now: datetime, problem: str) -> None:
        log.error("effect failed", message=str(message_id), error=problem)
        async with self._own_store.unit_of_work() as uow:
            message = await put_back(uow, message_id, now, problem)
            if message is not None:
                log.error("message given up", message=str(message_id), topic=message.topic, error=problem)
                await self._tell(uow, message, now)

    async def _tell(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        try:
            async with uow.savepoint():
                await self._give_up(uow, message, now)
        except Exception as error:
            # What kept the message from being done may keep us from telling; it is dead, and listed, all the same.
            log.error("nobody told of it", message=str(message.id), error=type(error).__name__)
