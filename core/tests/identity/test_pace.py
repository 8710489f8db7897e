"""How many requests a minute an account may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from gongzhi.identity.pace import Pace

NOON = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)


def test_an_account_past_its_limit_waits_for_the_next_minute_and_others_do_not() -> None:
    pace, busy, other = Pace(2), uuid4(), uuid4()
    assert [pace.seconds_to_wait(busy, NOON) for _ in range(4)] == [0, 0, 45, 45]
    assert pace.seconds_to_wait(other, NOON) == 0
    assert pace.seconds_to_wait(busy, NOON + timedelta(seconds=45)) == 0
