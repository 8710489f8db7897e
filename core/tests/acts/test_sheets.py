"""What a line of an exported table says."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from gongzhi.cases.sheets import COLUMNS, cells, csv_lines, headings
from gongzhi.cases.views import CaseSummary
from gongzhi.declarations import Text
from gongzhi.scenes.workflow import StateView


def case(**values: Any) -> CaseSummary:
    told = StateView(id="told", title=Text(zh="已报告", en="Told"), track=None)
    given = {
        "id": UUID(int=7),
        "scene": "little",
        "scene_title": Text(zh="小场景", en="Little"),
        "version": "1.0.0",
        "region": "330523",
        "region_name": "安吉县",
        "title": Text(zh="标题", en="title"),
        "state": (told,),
        "next_due_at": None,
        "created_at": datetime(2026, 3, 4, 23, 30, tzinfo=UTC),
        "updated_at": datetime(2026, 3, 5, 1, tzinfo=UTC),
        "closed_at": None,
        "row_version": 1,
    }
    return CaseSummary(**{**given, **values})


@pytest.mark.parametrize(
    ("due", "said"),
    [
        (datetime(2026, 3, 9, 16, tzinfo=UTC), date(2026, 3, 9)),  # midnight in China: the end of the 9th
        (datetime(2026, 3, 9, 8, 30, tzinfo=UTC), "2026-03-09 16:30:00"),
        (None, None),
    ],
)
def test_a_due_instant_at_midnight_is_the_day_before(due: datetime | None, said: Any) -> None:
    shown = cells(case(next_due_at=due), "zh")[6]
    assert (str(shown) if isinstance(shown, datetime) else shown) == said


def test_instants_are_those_of_shanghai() -> None:
    assert [str(cell) for cell in cells(case(), "zh")[7:]] == [
        "2026-03-05 07:30:00",
        "2026-03-05 09:00:00",
        "None",
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_column_has_a_heading(language: Any) -> None:
    assert len(headings(language)) == len(cells(case(), language)) == len(COLUMNS)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_text_becomes_a_formula(start: str) -> None:
    title = f'{start}cmd|" /C calc"!A0'
    ((shown,),) = csv.reader(io.StringIO(csv_lines([[title]]).decode(), newline=""))
    assert shown == f"'{title}"


def test_quotes_commas_and_lines_come_back_as_they_were() -> None:
    said = '他说："好"，a,b\n第二行'
    assert list(csv.reader(io.StringIO(csv_lines([[said, None]]).decode(), newline=""))) == [[said, ""]]
