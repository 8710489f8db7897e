"""What the worker does: letters reach their desks, clocks run out, and each exactly once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.cases.acting import CaseActing
from gongzhi.cases.consequences import DUE
from gongzhi.clock import HolidayCalendar
from gongzhi.effects import Effects
from gongzhi.identity.regions import RegionTree
from gongzhi.messaging.letters import DELIVER
from gongzhi.messaging.outbox import (
    LEASE,
    MAX_ATTEMPTS,
    MAX_LOST,
    Message,
    dead_messages,
    lease,
    promise,
    put_back,
    retry,
    take,
)
from gongzhi.messaging.worker import AHEAD, DRAIN_SECONDS, Effect, Opened, Worker
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork

from .conftest import Stage
from .test_dispatch import ANJI

pytestmark = pytest.mark.anyio


def effects_of(stage: Stage, tmp_path: Path) -> Effects:
    scenes = stage.dispatch._acting.scenes
    return Effects(
        settings=Settings(home=tmp_path),
        store=stage.store,
        scenes=scenes,
        audit=stage.audit,
        acting=CaseActing(stage.store, RegionTree.load(), scenes, HolidayCalendar.load()),
    )


async def drain(stage: Stage, effects: Effects) -> int:
    """Carry out everything that is due, one message a transaction; answers how many."""
    done = 0
    now = stage.clock.now()
    async with stage.store.unit_of_work() as uow:
        leased = await lease(uow, now, 100, idle=True)
    for message_id in leased:
        async with stage.store.unit_of_work() as uow:
            message = await take(uow, message_id, now)
            if message is not None:
                await effects.topics()[message.topic](uow, message, now)
                done += 1
    return done


async def test_letters_are_delivered_with_evidence_and_an_audit_entry(stage: Stage, tmp_path: Path) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    assert await drain(stage, effects_of(stage, tmp_path)) == 2
    view = await stage.reading.open_case(stage.actors["police"], case)
    assert [(letter.state, [e.step for e in letter.evidence]) for letter in view.letters] == [
        ("delivered", ["accepted", "delivered"]),
        ("delivered", ["accepted", "delivered"]),
    ]
    assert [leaf["action"] for leaf in await stage.leaves()].count("deliver_letter") == 2


async def test_a_clock_that_runs_out_reminds_those_whom_the_workflow_names(
    stage: Stage, tmp_path: Path
) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    effects = effects_of(stage, tmp_path)
    await drain(stage, effects)
    view = await stage.reading.open_case(stage.actors["police"], case)
    assert view.deadlines[0].due_at.isoformat() == "2026-03-09T16:00:00+00:00"
    stage.clock.advance(timedelta(days=10))
    assert await drain(stage, effects) == 1
    view = await stage.reading.open_case(stage.actors["police"], case)
    assert view.deadlines[0].state == "overdue"
    for who in ("police", "watcher"):
        waits = [item.waits for item in (await stage.reading.inbox(stage.actors[who])).items]
        assert "overdue" in waits
    original = next(letter for letter in view.letters if letter.copy_of is None)
    assert [(e.step, e.positive) for e in original.evidence][-1] == ("overdue", False)


async def test_a_clock_that_was_met_reminds_nobody(stage: Stage, tmp_path: Path) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    effects = effects_of(stage, tmp_path)
    await drain(stage, effects)
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "已查清"})
    stage.clock.advance(timedelta(days=10))
    await drain(stage, effects)
    assert await stage.count("notice") == 0


async def test_a_message_is_carried_out_once_however_often_it_comes(stage: Stage, tmp_path: Path) -> None:
    await stage.do("doctor", "tell", input=ANJI)
    now = stage.clock.now()
    async with stage.store.unit_of_work() as uow:
        leased = await lease(uow, now, 100, idle=True)

    async def attempt(message_id: Any) -> bool:
        async with stage.store.unit_of_work() as uow:
            return await take(uow, message_id, now) is not None

    taken = await asyncio.gather(*(attempt(leased[0]) for _ in range(5)))
    assert taken.count(True) == 1


async def test_a_lease_that_ran_out_is_taken_again_but_never_two_at_a_time(stage: Stage) -> None:
    await stage.do("doctor", "tell", input=ANJI)
    now = stage.clock.now()
    later = now + LEASE
    async with stage.store.unit_of_work() as uow:
        first = await lease(uow, now, 100, idle=True)
        assert len(first) == 2
        assert await lease(uow, now, 100, idle=True) == []
        assert await lease(uow, later, 100, idle=False) == []
        again = [await lease(uow, later, 100, idle=True) for _ in range(3)]
        assert sorted(id for leased in again for id in leased) == sorted(first)
        assert [len(leased) for leased in again] == [1, 1, 0]
        lost = await uow.fetch("SELECT lost, attempts FROM outbox WHERE leased_until IS NOT NULL")
    assert [(row["lost"], row["attempts"]) for row in lost] == [(1, 0), (1, 0)]


async def test_a_failed_effect_pauses_longer_each_time_and_dies_in_the_end(stage: Stage) -> None:
    await stage.do("doctor", "tell", input=ANJI)
    now = stage.clock.now()
    async with stage.store.unit_of_work() as uow:
        (message_id, *_) = await lease(uow, now, 1, idle=True)
        pauses = []
        for _ in range(MAX_ATTEMPTS - 1):
            assert await put_back(uow, message_id, now, "ConnectionError") is None
            row = await uow.fetchrow("SELECT * FROM outbox WHERE id = $1", message_id)
            assert row is not None
            pauses.append((row["available_at"] - now).seconds)
        assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]
        dead = await put_back(uow, message_id, now, "ConnectionError")
        assert dead is not None
        assert (dead.id, dead.attempts) == (message_id, MAX_ATTEMPTS)
        assert message_id not in await lease(uow, now + timedelta(days=1), 100, idle=True)


@asynccontextmanager
async def working(
    stage: Stage, effect: Effect, effects: Effects, *, drain_seconds: float = DRAIN_SECONDS
) -> AsyncIterator[Worker]:
    """A worker that runs, with one effect for every topic."""

    async def open_effects() -> Opened:
        own = await Store.open(home=stage.store.home, database_url=stage.store.database_url, pool_size=2)
        return own, dict.fromkeys(effects.topics(), effect), effects.give_up

    worker = Worker(stage.store, stage.clock, open_effects, drain_seconds=drain_seconds)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def until(stage: Stage, done: Callable[[], Awaitable[bool]], *, advance: timedelta) -> None:
    """Let the clock run until something is so."""
    for _ in range(150):
        if await done():
            return
        await asyncio.sleep(0.1)
        stage.clock.advance(advance)
    raise AssertionError("it did not come to that within 15 s")


async def test_the_worker_retries_what_failed_and_loses_nothing(stage: Stage, tmp_path: Path) -> None:
    failures = {"left": 3}
    seen: list[str] = []

    async def flaky(uow: UnitOfWork, message: Message, now: datetime) -> None:
        if failures["left"]:
            failures["left"] -= 1
            raise ConnectionError("some name")
        seen.append(str(message.id))

    async def both() -> bool:
        return len(seen) == 2

    await stage.do("doctor", "tell", input=ANJI)
    async with working(stage, flaky, effects_of(stage, tmp_path)):
        await until(stage, both, advance=timedelta(seconds=5))
    assert len(set(seen)) == len(seen) == 2


async def test_the_worker_leases_no_more_than_its_threads_come_round_to(stage: Stage, tmp_path: Path) -> None:
    now, total = stage.clock.now(), 3 * AHEAD
    async with stage.store.unit_of_work() as uow:
        await promise(uow, DELIVER, [{"letter": str(uuid4())} for _ in range(total)], now=now)
    begun, go_on = 0, threading.Event()

    async def slow(uow: UnitOfWork, message: Message, now: datetime) -> None:
        nonlocal begun
        begun += 1
        await asyncio.to_thread(go_on.wait)

    async def leased() -> int:
        async with stage.store.unit_of_work() as uow:
            return int(await uow.fetchval("SELECT count(*) FROM outbox WHERE leased_until IS NOT NULL"))

    async def nothing_left() -> bool:
        return await stage.count("outbox") == 0

    async with working(stage, slow, effects_of(stage, tmp_path)) as worker:
        for _ in range(30):
            worker.wake()
            await asyncio.sleep(0.05)
        at_once = await leased()
        go_on.set()
        await until(stage, nothing_left, advance=timedelta(0))
    assert (at_once, begun) == (AHEAD, total)


async def test_what_was_leased_and_not_begun_is_given_back_at_a_stop(stage: Stage, tmp_path: Path) -> None:
    async with stage.store.unit_of_work() as uow:
        letters = [{"letter": str(uuid4())} for _ in range(AHEAD)]
        await promise(uow, DELIVER, letters, now=stage.clock.now())

    async def slow(uow: UnitOfWork, message: Message, now: datetime) -> None:
        await asyncio.sleep(0.3)

    async with working(stage, slow, effects_of(stage, tmp_path)):
        await asyncio.sleep(0.3)
    async with stage.store.unit_of_work() as uow:
        left = await uow.fetch("SELECT leased_until, lost FROM outbox")
    assert 0 < len(left) < AHEAD
    assert {(row["leased_until"], row["lost"]) for row in left} == {(None, 0)}


async def test_a_stop_waits_for_a_bounded_time_and_says_what_it_cut_off(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage.store.unit_of_work() as uow:
        await promise(uow, DELIVER, [{"letter": str(uuid4())}], now=stage.clock.now())
        message_id = await uow.fetchval("SELECT id FROM outbox")
    begun = threading.Event()

    async def endless(uow: UnitOfWork, message: Message, now: datetime) -> None:
        begun.set()
        await asyncio.sleep(3600)

    started = 0.0
    async with working(stage, endless, effects_of(stage, tmp_path), drain_seconds=0.3):
        await asyncio.to_thread(begun.wait, 20)
        started = time.monotonic()
    assert 0.3 <= time.monotonic() - started < 10
    async with stage.store.unit_of_work() as uow:
        (left,) = await uow.fetch("SELECT id, leased_until, lost, attempts FROM outbox")
    assert left == {"id": message_id, "leased_until": None, "lost": 0, "attempts": 0}
    (said,) = [line for line in "".join(capsys.readouterr()).splitlines() if "worker stopped" in line]
    assert str(message_id) in said


async def given_up(stage: Stage, effects: Effects, case: UUID) -> None:
    """Let the delivery of the case's letter to the police fail until the message is dead."""

    async def broken(uow: UnitOfWork, message: Message, now: datetime) -> None:
        raise ConnectionError("some name")

    async def dead() -> bool:
        async with stage.store.unit_of_work() as uow:
            return len(await dead_messages(uow)) == 1

    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "DELETE FROM outbox WHERE payload->>'letter' IN (SELECT id::text FROM letter WHERE copy_of IS NOT NULL)"
        )
        await uow.execute("UPDATE outbox SET attempts = $1 WHERE topic = $2", MAX_ATTEMPTS - 1, DELIVER)
    async with working(stage, broken, effects):
        await until(stage, dead, advance=timedelta(0))


async def test_a_letter_that_is_given_up_is_told_to_its_sender_signed_and_on_record(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    effects = effects_of(stage, tmp_path)
    await given_up(stage, effects, case)
    (item,) = (await stage.reading.inbox(stage.actors["doctor"])).items
    assert (item.waits, item.case_id) == ("undelivered", case)
    assert item.letter is not None
    assert [(e.step, e.positive) for e in item.letter.evidence] == [
        ("accepted", True),
        ("undelivered", False),
    ]
    assert [leaf["action"] for leaf in await stage.leaves()][-1] == "letter_undelivered"
    said = [line for line in "".join(capsys.readouterr()).splitlines() if "message given up" in line]
    assert len(said) == 1
    assert "letter.deliver" in said[0] and "ConnectionError" in said[0] and "some name" not in said[0]


async def test_a_letter_that_was_given_up_is_delivered_when_somebody_tries_it_again(
    stage: Stage, tmp_path: Path
) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    effects = effects_of(stage, tmp_path)
    await given_up(stage, effects, case)
    assert await drain(stage, effects) == 0
    async with stage.store.unit_of_work() as uow:
        assert await retry(uow, stage.clock.now(), uuid4()) == []
        assert len(await retry(uow, stage.clock.now())) == 1
    assert await drain(stage, effects) == 1
    assert (await stage.reading.inbox(stage.actors["doctor"])).items == []
    police = (await stage.reading.inbox(stage.actors["police"])).items
    assert [item.waits for item in police] == ["sign"]


async def test_a_message_whose_process_dies_each_time_is_given_up(stage: Stage, tmp_path: Path) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    now = stage.clock.now()
    for _ in range(2 * MAX_LOST + 1):
        async with stage.store.unit_of_work() as uow:
            await lease(uow, now, 100, idle=True)
        now += LEASE
    stage.clock.advance(now - stage.clock.now())

    async def both_dead() -> bool:
        async with stage.store.unit_of_work() as uow:
            return [row["last_error"] for row in await dead_messages(uow)] == ["LeasesLost", "LeasesLost"]

    effects = effects_of(stage, tmp_path)
    async with working(stage, effects.deliver, effects):
        await until(stage, both_dead, advance=timedelta(0))
    waits = [item.waits for item in (await stage.reading.inbox(stage.actors["doctor"])).items]
    assert waits == ["undelivered", "undelivered"]


async def test_a_clock_and_an_act_on_one_case_wait_for_each_other_in_one_order(
    stage: Stage, tmp_path: Path
) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    stage.clock.advance(timedelta(days=10))
    now = stage.clock.now()
    async with stage.store.unit_of_work() as uow:
        clock = await uow.fetchval("SELECT id FROM deadline WHERE case_id = $1", case)
    message = Message(id=uuid4(), topic=DUE, payload={"deadline": str(clock)}, attempts=0)

    async def run_out() -> None:
        async with stage.store.unit_of_work() as uow:
            await effects_of(stage, tmp_path).run_out(uow, message, now)

    async with stage.store.unit_of_work() as uow:
        await uow.fetchval("SELECT 1 FROM cases WHERE id = $1 FOR UPDATE", case)
        running = asyncio.create_task(run_out(), context=Context())
        await asyncio.sleep(0.3)
        await uow.fetchval("SELECT 1 FROM deadline WHERE id = $1 FOR UPDATE NOWAIT", clock)
    await running
    assert await stage.count("notice") == 2
