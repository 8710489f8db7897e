"""Where the present instant comes from: the wall clock, or a clock that tests and demos move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Protocol

from gongzhi.errors import InvalidInput


class Clock(Protocol):
    """Tells the time; every room asks one, and only edges and workers hold it."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved, and only ever moves forward; threads may share it."""

    def __init__(self, start: datetime) -> None:
        self._now = aware_utc(start)
        self._lock = Lock()

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on by `by` and return the new instant. Raises `InvalidInput` if `by` is negative."""
        with self._lock:
            return self._move(self._now + by)

    def set(self, to: datetime) -> datetime:
        """Move on to `to` and return it. Raises `InvalidInput` if `to` is past or without a zone."""
        with self._lock:
            return self._move(aware_utc(to))

    def _move(self, to: datetime) -> datetime:
        if to < self._now:
            raise InvalidInput(where="/now", problem="时钟不能倒拨 (a clock never goes back)")
        self._now = to
        return to


def aware_utc(instant: datetime) -> datetime:
    """The same instant in UTC. Raises `InvalidInput` for a naive one, which could mean any of 24 hours."""
    if instant.tzinfo is None:
        raise InvalidInput(where="/start", problem="时刻缺少时区 (the instant has no time zone)")
    return instant.astimezone(UTC)
