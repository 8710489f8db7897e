"""How many requests a minute an account may send to one process, so that a program that runs wild keeps nobody waiting.

Counted in memory: a row in the database for each request would cost more than most requests do.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import Final
from uuid import UUID

_SECONDS: Final = 60


class Pace:
    """Counts the requests of accounts in windows of a minute; `limit` is the most in one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = 0
        self._requests: Counter[UUID] = Counter()

    def seconds_to_wait(self, account_id: UUID, now: datetime) -> int:
        """Count a request; how long its account has to wait, 0 when it may go on."""
        moment = now.timestamp()
        window = int(moment // _SECONDS)
        if window != self._window:
            self._window = window
            self._requests.clear()
        self._requests[account_id] += 1
        if self._requests[account_id] <= self._limit:
            return 0
        return math.ceil((window + 1) * _SECONDS - moment)
