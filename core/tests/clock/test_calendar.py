"""The holiday table says what the State Council's notices say, and knows where it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from gongzhi.clock import HolidayCalendar, calendar
from gongzhi.declarations import Text

CALENDAR = HolidayCalendar.load()
DATA = Path(calendar.__file__).parent / "data"

WORKED_WEEKEND_DAYS = {
    2008: 6,
    2009: 6,
    2010: 8,
    2011: 5,
    2012: 7,
    2013: 12,
    2014: 5,
    2015: 5,
    2016: 6,
    2017: 5,
    2018: 6,
    2019: 7,
    2020: 6,
    2021: 7,
    2022: 7,
    2023: 7,
    2024: 8,
    2025: 5,
    2026: 6,
}
"""Counted in the notices, those in the December before with the year's own, as amended."""


def days(first: str, last: str) -> list[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=offset) for offset in range((end - begin).days + 1)]


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("2026-01-01", "2026-01-03", "元旦"),
        ("2026-02-15", "2026-02-23", "春节"),
        ("2026-04-04", "2026-04-06", "清明节"),
        ("2026-05-01", "2026-05-05", "劳动节"),
        ("2026-06-19", "2026-06-21", "端午节"),
        ("2026-09-25", "2026-09-27", "中秋节"),
        ("2026-10-01", "2026-10-07", "国庆节"),
        ("2025-01-28", "2025-02-04", "春节"),
    ],
)
def test_the_holidays_are_those_of_the_notice(first: str, last: str, name: str) -> None:
    """国办发明电〔2025〕7号 and 〔2024〕12号, typed in from their text."""
    for on in days(first, last):
        day = CALENDAR.day(on)
        assert not day.working
        assert day.name is not None and day.name.zh == name
        assert day.settled


@pytest.mark.parametrize(
    "on", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10", "2025-01-26"]
)
def test_the_made_up_working_days_are_those_of_the_notice(on: str) -> None:
    day = CALENDAR.day(date.fromisoformat(on))
    assert day.working and day.made_up
    assert day.date.weekday() >= 5


def test_every_notice_asks_for_its_number_of_worked_weekend_days() -> None:
    """A second reading of all nineteen notices, by counts; 2020 took one back when the holiday grew."""
    assert {year: len(notice.work) for year, notice in CALENDAR.notices.items()} == WORKED_WEEKEND_DAYS


def test_every_notice_names_its_number_and_address() -> None:
    for year, notice in CALENDAR.notices.items():
        assert f"〔{year - 1}〕" in notice.number
        assert notice.url.startswith("https://www.gov.cn/zhengce/")
    assert {year: n.amended_by for year, n in CALENDAR.notices.items() if n.amended_by} == {
        2015: "国发明电〔2015〕1号",
        2019: "国办发明电〔2019〕3号",
        2020: "国办发明电〔2020〕1号",
    }


def test_the_amendments_are_worked_in() -> None:
    assert not CALENDAR.day(date(2015, 9, 3)).working
    assert not CALENDAR.day(date(2019, 5, 3)).working
    assert not CALENDAR.day(date(2020, 1, 31)).working
    assert CALENDAR.day(date(2020, 2, 3)).working


def test_only_weekend_days_are_made_up_and_every_other_weekend_is_off() -> None:
    for on in days("2008-01-01", "2026-12-31"):
        day = CALENDAR.day(on)
        assert not day.made_up or on.weekday() >= 5
        assert day.working == day.made_up or on.weekday() < 5
        assert day.working or day.name is not None


def test_an_ordinary_weekend_has_its_name() -> None:
    assert CALENDAR.day(date(2026, 11, 21)).name == Text(zh="周六", en="Saturday")
    assert CALENDAR.day(date(2026, 11, 22)).name == Text(zh="周日", en="Sunday")
    assert CALENDAR.day(date(2026, 11, 23)).name is None


def test_a_year_without_a_notice_has_weekends_and_fixed_statutory_days_only() -> None:
    off = [on for on in days("2027-01-01", "2027-12-31") if not CALENDAR.day(on).working and on.weekday() < 5]
    assert off == [date(2027, 1, 1), date(2027, 10, 1)]
    assert not CALENDAR.day(date(2027, 5, 1)).working
    assert CALENDAR.day(date(2027, 2, 8)).working
    assert CALENDAR.missing_notice(date(2027, 2, 8)) == 2027


def test_the_fixed_days_are_those_of_the_statute_then_in_force() -> None:
    """Three days of May until 2007 (国务院令第270号), two from 2025 (第795号)."""
    assert [CALENDAR.day(date(2007, 5, d)).name for d in (1, 2, 3)] == [
        Text(zh="法定节日", en="statutory holiday")
    ] * 3
    assert [CALENDAR.day(date(2028, 5, d)).working for d in (1, 2, 3)] == [False, False, True]


def test_the_notice_for_2008_reaches_back_into_2007() -> None:
    """Saturday 29 December 2007 was worked for Monday the 31st."""
    assert CALENDAR.day(date(2007, 12, 29)).made_up
    assert not CALENDAR.day(date(2007, 12, 31)).working


def test_no_notice_ever_reached_further_back_than_29_december() -> None:
    """What `missing_notice` relies on."""
    for year, notice in CALENDAR.notices.items():
        first = min([span.first for span in notice.off] + [worked.on for worked in notice.work])
        assert first >= date(year - 1, 12, 29)


def test_the_first_working_day_after_a_holiday() -> None:
    assert CALENDAR.first_working_day(date(2026, 9, 30)) == date(2026, 10, 8)
    assert CALENDAR.first_working_day(date(2026, 11, 20)) == date(2026, 11, 23)


@pytest.mark.slow
def test_the_table_is_rebuilt_byte_for_byte_from_the_registry_package() -> None:
    """Fetches the package; any Python with pip will do, the workspace's own has none."""
    python = next(filter(_has_pip, _pythons()), None)
    if python is None:
        pytest.skip("needs a Python with pip")
    subprocess.run([python, str(DATA / "rebuild.py"), "--check"], check=True, timeout=280)


def _pythons() -> Iterator[str]:
    yield sys.executable
    for folder in os.get_exec_path():
        if found := shutil.which("python3", path=folder):
            yield found


def _has_pip(python: str) -> bool:
    return (
        subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )
