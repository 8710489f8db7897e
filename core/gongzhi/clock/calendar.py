"""Which days are working days in China: a table of the State Council's yearly notices, never a computation.

The table is `data/holidays.json`; where it comes from and how to extend it is in `data/SOURCES.md`. The
moving of rest days (调休) follows no rule, so a day whose notice is not in the table is answered from
weekends and the statutory days with a fixed date, and marked as not settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from gongzhi.declarations import Text

DATA = Path(__file__).parent / "data" / "holidays.json"

_ONE_DAY: Final = timedelta(days=1)
_WEEKEND: Final = (Text(zh="周六", en="Saturday"), Text(zh="周日", en="Sunday"))
_STATUTORY: Final = Text(zh="法定节日", en="statutory holiday")


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day of the calendar. `name` is the holiday or the weekend day, None on an ordinary working day.

    `made_up` is a weekend day on which people work (调休上班). `settled` is False while the notice that could
    still change the day is not in the table.
    """

    date: date
    working: bool
    made_up: bool
    name: Text | None
    settled: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A yearly notice (节假日安排的通知): number, address, and what it says, amendments worked in."""

    number: str
    url: str
    amended_by: str = ""
    off: list[_Span]
    work: list[_Worked]


class _Span(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    name: str
    first: date
    last: date


class _Worked(msgspec.Struct, frozen=True):
    name: str
    on: date


class _Statute(msgspec.Struct, frozen=True, rename={"first": "from"}):
    first: date
    decree: str
    days: frozenset[str]


class _Name(msgspec.Struct, frozen=True):
    zh: str
    en: str


class _Table(msgspec.Struct, frozen=True):
    updated: date
    names: dict[str, _Name]
    statutes: list[_Statute]
    notices: dict[int, Notice]


class HolidayCalendar:
    """The calendar that legal terms are counted on; immutable, one is shared by the whole process."""

    def __init__(self, table: _Table) -> None:
        self.updated = table.updated
        self.notices: Mapping[int, Notice] = table.notices
        self._statutes = sorted(table.statutes, key=lambda statute: statute.first, reverse=True)
        names = {key: Text(zh=name.zh, en=name.en) for key, name in table.names.items()}
        self._off: dict[date, Text] = {}
        self._made_up: dict[date, Text] = {}
        for notice in table.notices.values():
            for span in notice.off:
                for offset in range((span.last - span.first).days + 1):
                    self._off[span.first + offset * _ONE_DAY] = names[span.name]
            self._made_up.update((worked.on, names[worked.name]) for worked in notice.work)

    @classmethod
    def load(cls) -> HolidayCalendar:
        """The calendar that ships with Gongzhi."""
        return _shipped()

    def day(self, on: date) -> Day:
        """What `on` is."""
        settled = self._settled(on)
        if on in self._made_up:
            return Day(date=on, working=True, made_up=True, name=self._made_up[on], settled=settled)
        name = self._off.get(on) or (None if settled else self._fixed(on))
        if name is None and on.weekday() >= 5:
            name = _WEEKEND[on.weekday() - 5]
        return Day(date=on, working=name is None, made_up=False, name=name, settled=settled)

    def first_working_day(self, after: date) -> date:
        """The first working day later than `after`."""
        on = after + _ONE_DAY
        while not self.day(on).working:
            on += _ONE_DAY
        return on

    def missing_notice(self, on: date) -> int | None:
        """The year whose notice `on` still waits for, or None if the day is settled.

        A year's notice may move days from 29 December of the year before (2018 and 2007 did).
        """
        if on.year not in self.notices:
            return on.year
        reaches_back = on.month == 12 and on.day >= 29
        return on.year + 1 if reaches_back and on.year + 1 not in self.notices else None

    def _settled(self, on: date) -> bool:
        return self.missing_notice(on) is None

    def _fixed(self, on: date) -> Text | None:
        days = next((statute.days for statute in self._statutes if statute.first <= on), frozenset[str]())
        return _STATUTORY if f"{on:%m-%d}" in days else None


@cache
def _shipped() -> HolidayCalendar:
    return HolidayCalendar(msgspec.json.decode(DATA.read_bytes(), type=_Table))
