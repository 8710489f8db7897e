"""The clocks: one follows the machine, one is moved by hand and never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from gongzhi.clock import LEGAL_ZONE, Clock, SystemClock, VirtualClock
from gongzhi.errors import InvalidInput

START = datetime(2026, 11, 9, 1, tzinfo=UTC)


def test_the_system_clock_tells_aware_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_a_virtual_clock_stands_still() -> None:
    clock: Clock = VirtualClock(START)
    assert clock.now() == clock.now() == START


def test_a_virtual_clock_tells_utc_whatever_zone_it_was_given() -> None:
    clock = VirtualClock(START.astimezone(LEGAL_ZONE))
    assert clock.now().tzinfo is UTC
    assert clock.now() == START


def test_a_virtual_clock_moves_on() -> None:
    clock = VirtualClock(START)
    assert clock.advance(timedelta(days=3)) == START + timedelta(days=3)
    assert clock.set(START + timedelta(days=4)) == clock.now() == START + timedelta(days=4)


def test_a_virtual_clock_never_goes_back() -> None:
    clock = VirtualClock(START)
    with pytest.raises(InvalidInput):
        clock.advance(-timedelta(seconds=1))
    with pytest.raises(InvalidInput):
        clock.set(START - timedelta(seconds=1))
    assert clock.now() == START


def test_a_virtual_clock_wants_a_zone() -> None:
    with pytest.raises(InvalidInput):
        VirtualClock(datetime(2026, 11, 9))  # noqa: DTZ001


def test_threads_that_move_one_clock_lose_no_move() -> None:
    clock = VirtualClock(START)
    threads = [
        Thread(target=lambda: [clock.advance(timedelta(seconds=1)) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == START + timedelta(seconds=2000)
