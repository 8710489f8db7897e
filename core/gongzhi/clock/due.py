"""Counting: from a term and its start to the due date, by the numbered rules; pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from gongzhi.clock import wording
from gongzhi.clock.calendar import HolidayCalendar
from gongzhi.clock.deadline import DueDate, Step, Term
from gongzhi.clock.instant import aware_utc
from gongzhi.clock.rules import LEGAL_ZONE


def due(term: Term, start: datetime, calendar: HolidayCalendar) -> DueDate:
    """When `term` runs out if it starts at the instant `start`, and why then.

    Raises `InvalidInput` if `start` has no time zone.
    """
    begin = wording.start(aware_utc(start))
    if term.unit == "hour":
        due_at, steps = _hours(term, aware_utc(start))
        return _result(term, due_at, [begin, *steps], None)
    first = start.astimezone(LEGAL_ZONE).date()
    if term.unit == "working_day":
        last, steps, missing = _working_days(term, first, calendar)
    else:
        last, steps, missing = _calendar_days(term, first, calendar)
    midnight = datetime.combine(last + timedelta(days=1), time(), LEGAL_ZONE)
    steps = [begin, wording.excluded_day(first), *steps, wording.due_day(last)]
    return _result(term, midnight.astimezone(UTC), steps, missing)


def _result(term: Term, due_at: datetime, steps: list[Step], missing: int | None) -> DueDate:
    if missing is not None:
        steps.append(wording.provisional(missing))
    return DueDate(
        due_at=due_at,
        explanation=wording.explanation(steps, term.article),
        steps=tuple(steps),
        article=term.article,
        source=term.source,
        provisional=missing is not None,
    )


def _hours(term: Term, start: datetime) -> tuple[datetime, list[Step]]:
    """CLK-6 and CLK-7. The legal zone is whole hours from UTC, so its hours begin with UTC's."""
    if term.from_moment:
        first, step = start, wording.counted_hour(start)
    else:
        first = start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        step = wording.excluded_hour(first)
    due_at = first + timedelta(hours=term.amount)
    return due_at, [step, wording.due_hour(term, due_at)]


def _working_days(term: Term, first: date, calendar: HolidayCalendar) -> tuple[date, list[Step], int | None]:
    """CLK-5: the last day is a working day by construction, so nothing rolls over."""
    passed, left, on = [], term.amount, first
    while left:
        on += timedelta(days=1)
        day = calendar.day(on)
        passed.append(day)
        left -= day.working
    skipped = wording.skipped(passed)
    steps = [*([skipped] if skipped else []), wording.end(term, on, rule="CLK-5")]
    return on, steps, _missing(calendar, (day.date for day in passed))


def _calendar_days(term: Term, first: date, calendar: HolidayCalendar) -> tuple[date, list[Step], int | None]:
    """Natural days, months and years: the nominal end, then CLK-3 or CLK-4."""
    last, step = _nominal_end(term, first)
    if term.custody:
        return last, [step, wording.custody(last)], None
    if calendar.day(last).working:
        return last, [step], calendar.missing_notice(last)
    moved = calendar.first_working_day(last)
    between = [last + timedelta(days=offset) for offset in range((moved - last).days)]
    rolled = wording.rolled([calendar.day(on) for on in between], moved)
    return moved, [step, rolled], _missing(calendar, [*between, moved])


def _nominal_end(term: Term, first: date) -> tuple[date, Step]:
    if term.unit == "natural_day":
        last = first + timedelta(days=term.amount)
        return last, wording.end(term, last, rule="CLK-1")
    months = term.amount * (12 if term.unit == "year" else 1)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    length = monthrange(year, month + 1)[1]
    last = date(year, month + 1, min(first.day, length))
    return last, wording.end(term, last, rule="CLK-8", no_such_day=first.day > length)


def _missing(calendar: HolidayCalendar, days: Iterable[date]) -> int | None:
    """The first year whose notice could still change one of `days`."""
    return next((year for on in days if (year := calendar.missing_notice(on)) is not None), None)
