"""The case list as a table that leaves the platform: its columns, as CSV and as XLSX. Nothing personal, as in lists.

Texts that a spreadsheet would take for a formula are kept from being one (OWASP, CSV injection). Instants are written
as people in China read them, Asia/Shanghai.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeAlias

import xlsxwriter

from gongzhi.cases.views import CaseSummary
from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import Language, Text

Cell: TypeAlias = str | date | datetime | None

BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the machine's own encoding."""

TITLE: Final = Text(zh="案件", en="Cases")

COLUMNS: Final[Sequence[tuple[Text, int]]] = (
    (Text(zh="案件编号", en="Case number"), 38),
    (Text(zh="标题", en="Title"), 40),
    (Text(zh="场景", en="Scene"), 20),
    (Text(zh="状态", en="State"), 24),
    (Text(zh="属地", en="Region"), 16),
    (Text(zh="行政区划代码", en="Division code"), 14),
    (Text(zh="最近期限（只有日期的，至当日 24:00）", en="Next due (a mere date: until its end)"), 20),
    (Text(zh="立项时间", en="Opened"), 18),
    (Text(zh="更新时间", en="Updated"), 18),
    (Text(zh="结案时间", en="Closed"), 18),
)
"""Headings and widths, in characters, in the order of `cells`."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_DATE, _INSTANT = "%Y-%m-%d", "%Y-%m-%d %H:%M"


def headings(language: Language) -> list[str]:
    """The first line of the table."""
    return [title[language] for title, _ in COLUMNS]


def cells(case: CaseSummary, language: Language) -> list[Cell]:
    """One case as a line of the table."""
    return [
        str(case.id),
        case.title[language],
        case.scene_title[language],
        ("；" if language == "zh" else "; ").join(state.title[language] for state in case.state),
        case.region_name,
        case.region,
        _due(case.next_due_at),
        _local(case.created_at),
        _local(case.updated_at),
        _local(case.closed_at),
    ]


def csv_lines(lines: Iterable[Sequence[Cell]]) -> bytes:
    """Lines of CSV (RFC 4180), UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows([_plain(cell) for cell in line] for line in lines)
    return text.getvalue().encode()


class Workbook:
    """An XLSX file in the making, in memory: at most `exports.MOST_ROWS` short lines."""

    def __init__(self, language: Language) -> None:
        self._file = io.BytesIO()
        # Each kind of cell is written by its own method, so no text is ever read as a formula, a number or a link.
        self._book = xlsxwriter.Workbook(self._file, {"in_memory": True})
        self._sheet = self._book.add_worksheet(TITLE[language])
        heading = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._formats = {
            date: self._book.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: self._book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        for column, (title, width) in enumerate(COLUMNS):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, title[language], heading)
        self._sheet.freeze_panes(1, 0)
        self._rows = 0

    def add(self, lines: Iterable[Sequence[Cell]]) -> None:
        """Write lines below those that are there."""
        for line in lines:
            self._rows += 1
            for column, cell in enumerate(line):
                self._write(self._rows, column, cell)

    def close(self) -> bytes:
        """The whole file. Nothing can be added any more."""
        self._sheet.autofilter(0, 0, self._rows, len(COLUMNS) - 1)
        self._book.close()
        return self._file.getvalue()

    def _write(self, row: int, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            self._sheet.write_string(row, column, cell)
        elif cell is not None:
            self._sheet.write_datetime(row, column, cell, self._formats[type(cell)])


def _plain(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime(_INSTANT)
    if isinstance(cell, date):
        return cell.strftime(_DATE)
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _local(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(LEGAL_ZONE).replace(tzinfo=None)


def _due(at: datetime | None) -> Cell:
    """A due instant is exclusive: one at midnight is the day before it, as on the pages."""
    local = _local(at)
    if local is None or local.time() != time.min:
        return local
    return (local - timedelta(days=1)).date()
