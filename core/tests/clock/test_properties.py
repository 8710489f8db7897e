"""What holds for every term and every start, tried on random ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gongzhi.clock import LEGAL_ZONE, RULES, DueDate, HolidayCalendar, Term, due
from gongzhi.clock.deadline import Unit
from gongzhi.declarations import Text

CALENDAR = HolidayCalendar.load()
UNITS: tuple[Unit, ...] = ("hour", "natural_day", "working_day", "month", "year")

starts = st.datetimes(datetime(2007, 1, 1), datetime(2030, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
terms = st.builds(
    Term,
    amount=st.integers(1, 60),
    unit=st.sampled_from(UNITS),
    custody=st.booleans(),
    from_moment=st.booleans(),
    article=st.just(Text(zh="《某法》第1条", en="Some Law, art. 1")),
    source=st.just("S"),
)
day_terms = terms.filter(lambda term: term.unit != "hour")


def last_day_of(result: DueDate) -> datetime:
    return (result.due_at - timedelta(microseconds=1)).astimezone(LEGAL_ZONE)


def longer(term: Term, by: int) -> Term:
    return Term(
        amount=term.amount + by,
        unit=term.unit,
        custody=term.custody,
        from_moment=term.from_moment,
        article=term.article,
        source=term.source,
    )


@given(term=terms, start=starts, later=st.timedeltas(timedelta(0), timedelta(days=40)))
def test_whoever_starts_later_is_due_no_earlier(term: Term, start: datetime, later: timedelta) -> None:
    assert due(term, start, CALENDAR).due_at <= due(term, start + later, CALENDAR).due_at


@given(term=terms, start=starts, more=st.integers(1, 30))
def test_a_longer_term_is_due_no_earlier(term: Term, start: datetime, more: int) -> None:
    assert due(term, start, CALENDAR).due_at <= due(longer(term, more), start, CALENDAR).due_at


@given(term=terms, start=starts)
def test_no_term_is_shorter_than_what_it_says(term: Term, start: datetime) -> None:
    least = {"hour": timedelta(hours=1), "month": timedelta(days=28), "year": timedelta(days=365)}
    assert due(term, start, CALENDAR).due_at >= start + term.amount * least.get(term.unit, timedelta(days=1))


@given(term=day_terms, start=starts)
def test_a_term_of_days_ends_at_midnight_in_beijing(term: Term, start: datetime) -> None:
    due_at = due(term, start, CALENDAR).due_at
    assert due_at.tzinfo is UTC
    assert due_at.astimezone(LEGAL_ZONE).time().isoformat() == "00:00:00"


@given(term=day_terms, start=starts)
def test_out_of_custody_the_last_day_is_a_working_day(term: Term, start: datetime) -> None:
    if not term.custody or term.unit == "working_day":
        assert CALENDAR.day(last_day_of(due(term, start, CALENDAR)).date()).working


@given(term=day_terms, start=starts)
def test_a_term_rolls_over_days_without_work_only(term: Term, start: datetime) -> None:
    result = due(term, start, CALENDAR)
    (nominal,) = [step.on for step in result.steps if step.kind == "end"]
    assert nominal is not None
    on, last = nominal, last_day_of(result).date()
    while on < last:
        assert not CALENDAR.day(on).working
        on += timedelta(days=1)
    assert on == last


@given(amount=st.integers(1, 60), start=starts)
def test_a_term_of_working_days_holds_just_so_many(amount: int, start: datetime) -> None:
    article = Text(zh="《行政处罚法》第85条", en="Administrative Penalty Law, art. 85")
    term = Term(amount=amount, unit="working_day", article=article, source="S")
    on, last = start.astimezone(LEGAL_ZONE).date(), last_day_of(due(term, start, CALENDAR)).date()
    worked = 0
    while on < last:
        on += timedelta(days=1)
        worked += CALENDAR.day(on).working
    assert worked == amount


@given(term=terms, start=starts)
def test_every_date_explains_itself_in_both_languages(term: Term, start: datetime) -> None:
    result = due(term, start, CALENDAR)
    assert result.steps[0].kind == "start"
    assert result.provisional == (result.steps[-1].kind == "provisional")
    assert all(step.text.zh and step.text.en for step in result.steps)
    assert {step.rule for step in result.steps} - {""} <= RULES.keys()
    assert term.article.zh in result.explanation.zh
    assert term.article.en in result.explanation.en


@given(term=terms, start=starts)
def test_counting_is_pure(term: Term, start: datetime) -> None:
    assert due(term, start, CALENDAR) == due(term, start.astimezone(LEGAL_ZONE), CALENDAR)
