"""The numbered rules of counting, one test or more for each; names begin with the rule's number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gongzhi.clock import LEGAL_ZONE, DueDate, HolidayCalendar, Step, Term, due
from gongzhi.clock.deadline import Unit
from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput

CALENDAR = HolidayCalendar.load()
ARTICLE = Text(zh="《某法》第1条", en="Some Law, art. 1")


def beijing(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LEGAL_ZONE)  # type: ignore[arg-type,misc]


def count(amount: int, unit: Unit, start: datetime, **more: Any) -> DueDate:
    return due(Term(amount=amount, unit=unit, article=ARTICLE, source="S", **more), start, CALENDAR)


def last_day(result: DueDate) -> date:
    """The last day on which an act is in time."""
    return (result.due_at - timedelta(microseconds=1)).astimezone(LEGAL_ZONE).date()


def step(result: DueDate, kind: str) -> Step:
    (found,) = [step for step in result.steps if step.kind == kind]
    return found


def test_clk_1_the_starting_day_is_not_counted() -> None:
    """Received Monday 9 November 2026, three days: Thursday 12 November."""
    result = count(3, "natural_day", beijing(2026, 11, 9, 8))
    assert last_day(result) == date(2026, 11, 12)
    assert step(result, "excluded").rule == "CLK-1"


def test_clk_1_the_starting_day_is_that_of_beijing() -> None:
    """16:30 UTC on the 9th is half past midnight on the 10th in Beijing."""
    assert last_day(count(3, "natural_day", datetime(2026, 11, 9, 15, 30, tzinfo=UTC))) == date(2026, 11, 12)
    assert last_day(count(3, "natural_day", datetime(2026, 11, 9, 16, 30, tzinfo=UTC))) == date(2026, 11, 13)


def test_clk_2_the_due_instant_is_the_exclusive_next_midnight_in_beijing() -> None:
    result = count(3, "natural_day", beijing(2026, 11, 9, 8))
    assert result.due_at == datetime(2026, 11, 12, 16, tzinfo=UTC)
    assert result.due_at.tzinfo is UTC
    assert step(result, "due").text == Text(
        zh="2026年11月12日（周四）24时（北京时间）截止", en="due by 24:00 on Thu 12 Nov 2026 (Beijing time)"
    )


@pytest.mark.parametrize("hour", [0, 11, 23])
def test_clk_2_the_hour_of_the_start_does_not_matter_for_days(hour: int) -> None:
    assert count(3, "natural_day", beijing(2026, 11, 9, hour)).due_at == datetime(
        2026, 11, 12, 16, tzinfo=UTC
    )


def test_clk_3_a_last_day_on_saturday_moves_to_monday() -> None:
    result = count(5, "natural_day", beijing(2026, 11, 9, 8))
    assert last_day(result) == date(2026, 11, 16)
    assert step(result, "end").on == date(2026, 11, 14)
    assert step(result, "rolled").text == Text(
        zh="末日遇周六、周日，顺延至其后第一个工作日2026年11月16日（周一）",
        en="that is no working day (Saturday, Sunday), so the term runs to Mon 16 Nov 2026",
    )


def test_clk_3_a_last_day_in_national_week_moves_behind_it() -> None:
    result = count(3, "natural_day", beijing(2026, 9, 29, 15))
    assert last_day(result) == date(2026, 10, 8)
    assert "国庆节" in step(result, "rolled").text.zh
    assert step(result, "rolled").rule == "CLK-3"


def test_clk_3_a_holiday_inside_the_term_moves_nothing() -> None:
    result = count(15, "natural_day", beijing(2026, 9, 28, 15))
    assert last_day(result) == date(2026, 10, 13)
    assert not [step for step in result.steps if step.kind == "rolled"]


def test_clk_3_a_weekend_day_on_which_people_work_is_no_holiday() -> None:
    """Saturday 10 October 2026 is worked for National Day."""
    assert last_day(count(2, "natural_day", beijing(2026, 10, 8, 9))) == date(2026, 10, 10)


def test_clk_3_a_term_may_roll_over_to_a_made_up_working_day() -> None:
    """1 to 5 May 2026 are off; after Friday 18 September 2026 people work on Sunday the 20th."""
    assert last_day(count(3, "natural_day", beijing(2026, 4, 29, 9))) == date(2026, 5, 6)
    assert last_day(count(1, "natural_day", beijing(2026, 9, 18, 9))) == date(2026, 9, 20)


def test_clk_4_in_custody_no_holiday_prolongs_the_term() -> None:
    result = count(3, "natural_day", beijing(2026, 9, 29, 15), custody=True)
    assert last_day(result) == date(2026, 10, 2)
    assert step(result, "custody").rule == "CLK-4"


def test_clk_4_in_custody_a_month_ends_on_its_day() -> None:
    assert last_day(count(1, "month", beijing(2026, 9, 3, 15), custody=True)) == date(2026, 10, 3)
    assert last_day(count(1, "month", beijing(2026, 9, 3, 15))) == date(2026, 10, 8)


def test_clk_5_working_days_pass_over_weekends_and_holidays() -> None:
    """From Friday 18 September 2026: Sunday the 20th is worked, 25 to 27 and 1 to 7 October are off."""
    result = count(10, "working_day", beijing(2026, 9, 18, 15))
    assert last_day(result) == date(2026, 10, 9)
    assert step(result, "skipped").text == Text(
        zh="不计周末1天、中秋节3天、国庆节7天；计入调休上班日2026年9月20日（周日）",
        en="not counted: 1 day of weekend, 3 days of Mid-Autumn Festival, 7 days of National Day; "
        "counted: made-up working day Sun 20 Sep 2026",
    )


def test_clk_5_three_working_days_over_an_ordinary_weekend() -> None:
    assert last_day(count(3, "working_day", beijing(2026, 11, 12, 9))) == date(2026, 11, 17)


def test_clk_5_working_days_need_no_remark_where_nothing_is_passed_over() -> None:
    result = count(3, "working_day", beijing(2026, 11, 9, 9))
    assert [step.kind for step in result.steps] == ["start", "excluded", "end", "due"]


@pytest.mark.parametrize(("minute", "second"), [(0, 0), (0, 1), (20, 0), (59, 59)])
def test_clk_6_the_starting_hour_is_not_counted(minute: int, second: int) -> None:
    """Anything that begins between 15:00 and 16:00 has 24 hours from 16:00."""
    result = count(24, "hour", beijing(2026, 9, 29, 15, minute, second))
    assert result.due_at == beijing(2026, 9, 30, 16)
    assert step(result, "excluded").rule == "CLK-6"


def test_clk_6_hours_run_through_holidays() -> None:
    assert count(24, "hour", beijing(2026, 9, 30, 15, 20)).due_at == beijing(2026, 10, 1, 16)


def test_clk_7_hours_may_run_from_the_moment_that_law_sets() -> None:
    result = count(24, "hour", beijing(2026, 9, 29, 15, 20), from_moment=True)
    assert result.due_at == beijing(2026, 9, 30, 15, 20)
    assert step(result, "excluded").rule == "CLK-7"


def test_clk_8_a_month_ends_on_the_corresponding_day() -> None:
    assert last_day(count(1, "month", beijing(2026, 10, 16, 9))) == date(2026, 11, 16)
    assert last_day(count(3, "month", beijing(2025, 12, 10, 9))) == date(2026, 3, 10)


def test_clk_8_without_a_corresponding_day_the_month_ends_on_its_last() -> None:
    result = count(1, "month", beijing(2026, 3, 31, 9))
    assert last_day(result) == date(2026, 4, 30)
    assert step(result, "end").text.zh == "没有对应日，以月末日计，1个月届满于2026年4月30日（周四）"


def test_clk_8_the_end_of_a_month_moves_like_any_day() -> None:
    """28 February 2026 is a Saturday on which people work; 30 May 2026 an ordinary Saturday."""
    assert last_day(count(1, "month", beijing(2026, 1, 31, 9))) == date(2026, 2, 28)
    assert last_day(count(1, "month", beijing(2026, 4, 30, 9))) == date(2026, 6, 1)


def test_clk_8_a_year_from_a_leap_day_ends_on_28_february() -> None:
    assert last_day(count(1, "year", beijing(2024, 2, 29, 9))) == date(2025, 2, 28)


def test_clk_9_a_year_whose_notice_is_not_out_gives_a_provisional_date() -> None:
    result = count(3, "natural_day", beijing(2027, 4, 28, 9))
    assert result.provisional
    assert last_day(result) == date(2027, 5, 3)
    assert step(result, "provisional").text.zh == "2027年放假安排尚未收录，该日期为暂定"


def test_clk_9_the_last_days_of_december_wait_for_the_next_notice() -> None:
    """2018's last Saturday became a working day by the notice for 2019."""
    assert not count(1, "natural_day", beijing(2026, 12, 27, 9)).provisional
    assert count(1, "natural_day", beijing(2026, 12, 28, 9)).provisional
    assert not count(1, "natural_day", beijing(2025, 12, 28, 9)).provisional


def test_clk_9_what_no_notice_can_move_is_not_provisional() -> None:
    """Custody and hours ask no calendar."""
    assert not count(30, "natural_day", beijing(2026, 12, 20, 9), custody=True).provisional
    assert not count(240, "hour", beijing(2026, 12, 30, 9)).provisional


def test_the_explanation_reads_as_one_sentence_with_its_article() -> None:
    result = count(3, "natural_day", beijing(2026, 9, 29, 15, 20))
    assert result.explanation == Text(
        zh="2026年9月29日（周二）15:20起算；开始之日不计入；3日届满于2026年10月2日（周五）；末日遇国庆节，"
        "顺延至其后第一个工作日2026年10月8日（周四）；2026年10月8日（周四）24时（北京时间）截止。"
        "依据：《某法》第1条。",
        en="The term starts on Tue 29 Sep 2026, 15:20; the starting day is not counted; 3 days end on "
        "Fri 2 Oct 2026; that is no working day (National Day), so the term runs to Thu 8 Oct 2026; due by "
        "24:00 on Thu 8 Oct 2026 (Beijing time). By Some Law, art. 1.",
    )
    assert (result.article, result.source) == (ARTICLE, "S")


def test_the_kept_form_holds_every_step() -> None:
    kept = count(1, "natural_day", beijing(2026, 11, 9, 8)).as_json()
    assert [entry["kind"] for entry in kept["steps"]] == ["start", "excluded", "end", "due"]
    assert kept["steps"][3] == {
        "kind": "due",
        "rule": "CLK-2",
        "on": "2026-11-10",
        "zh": "2026年11月10日（周二）24时（北京时间）截止",
        "en": "due by 24:00 on Tue 10 Nov 2026 (Beijing time)",
    }
    assert kept["article"] == {"zh": "《某法》第1条", "en": "Some Law, art. 1"}
    assert kept["provisional"] is False


@pytest.mark.parametrize("amount", [0, -1, 2_501])
def test_a_term_that_no_law_sets_is_refused(amount: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Term(amount=amount, unit="working_day", article=ARTICLE, source="S")
    assert refusal.value.where == "/amount"


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        Term(amount=1, unit="fortnight", article=ARTICLE, source="S")  # type: ignore[arg-type]
    assert refusal.value.where == "/unit"


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput):
        count(1, "natural_day", datetime(2026, 11, 9))  # noqa: DTZ001
