"""How many requests a minute may come from one source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gongzhi.identity.pace import Pace

NOON = datetime(2026, 11, 22, 12, 0, 15, tzinfo=UTC)


def test_a_source_past_its_limit_waits_for_the_next_minute_and_others_do_not() -> None:
    pace, waits = Pace(2), []
    for _ in range(4):
        pace.count("busy", NOON)
        waits.append(pace.seconds_to_wait("busy", NOON))
    assert waits == [0, 0, 45, 45]
    assert pace.seconds_to_wait("other", NOON) == 0
    assert pace.seconds_to_wait("busy", NOON + timedelta(seconds=45)) == 0
