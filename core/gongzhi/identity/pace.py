"""How many requests a minute may come from one source to one process, so that a program that runs wild keeps nobody waiting.

Counted in memory: a row in the database for each request would cost more than most requests do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from datetime import datetime
from typing import Final

_SECONDS: Final = 60


class Pace:
    """Counts in windows of a minute by whatever key the caller gives; `limit` is the most in one."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._window = 0
        self._counts: Counter[Hashable] = Counter()

    def count(self, key: Hashable, now: datetime) -> int:
        """Count one more; answers how many there have been in this minute."""
        self._turn(now)
        self._counts[key] += 1
        return self._counts[key]

    def seconds_to_wait(self, key: Hashable, now: datetime) -> int:
        """How long until the next minute, for a key beyond the limit of this one; 0 for any other."""
        self._turn(now)
        if self._counts[key] <= self.limit:
            return 0
        return math.ceil((self._window + 1) * _SECONDS - now.timestamp())

    def _turn(self, now: datetime) -> None:
        window = int(now.timestamp() // _SECONDS)
        if window != self._window:
            self._window = window
            self._counts.clear()
