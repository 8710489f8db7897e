"""Reading the files of an import: XLSX, or CSV in UTF-8 or GB18030, into rows of text by field.

Nothing is judged here but the form: sheets, headings, what a cell may be. Bytes in, rows and faults out.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from python_calamine import CalamineError, CalamineWorkbook

from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError, InvalidArgument, InvalidInput, LimitExceeded, UnknownField
from gongzhi.identity.imports.words import NOTES, SHEETS, Column, Kind, SheetForm

LARGEST_BYTES: Final = 64 * 2**20
"""Of a file; what an XLSX unpacks to may be eight times that."""

MOST_ROWS: Final = 500_000
"""Rows in one sheet."""

_NO_SHEET: Final = Text(
    zh="没有名为 单位、部门 或 人员岗位 的工作表", en="it has no sheet named 单位, 部门 or 人员岗位"
)
_NOT_A_TABLE: Final = Text(
    zh="既不是 XLSX，也不是 UTF-8 或 GB18030 编码的 CSV",
    en="it is neither XLSX nor CSV in UTF-8 or GB18030",
)
_WHICH_SHEET: Final = Text(
    zh="首行的列名不属于 单位、部门 或 人员岗位 表",
    en="the headings in its first row are not those of 单位, 部门 or 人员岗位",
)
_MISSING: Final = Text(zh="缺少此列", en="the column is missing")
_TWICE: Final = Text(zh="此列出现两次", en="the column is there twice")
_UNREADABLE: Final = Text(zh="含有控制字符", en="it has control characters")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a cell, or with a heading (row 1); `row` counts as a spreadsheet does."""

    sheet: str
    row: int
    column: str
    error: GongzhiError


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """A row with something in it: its number in the sheet, and its cells by field; an empty cell is left out.

    `lacking` are the required fields that the sheet has no column for, which is told once.
    """

    number: int
    cells: Mapping[str, str]
    lacking: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class Book:
    """All that was read: rows with the name of their sheet, and what was wrong with the form."""

    rows: dict[Kind, list[tuple[str, SheetRow]]] = field(
        default_factory=lambda: {form.kind: [] for form in SHEETS}
    )
    faults: list[Fault] = field(default_factory=list)


def read_book(files: Sequence[tuple[str, bytes]]) -> Book:
    """Read files, given by name and content; a CSV is one sheet, known by its headings.

    Raises `InvalidArgument` for a file that is no table of ours, `LimitExceeded` for one too large.
    """
    book = Book()
    for name, content in files:
        if len(content) > LARGEST_BYTES:
            raise LimitExceeded(
                where=name, what=Text(zh="文件字节数", en="bytes in a file"), limit=LARGEST_BYTES
            )
        if content[:4] == b"PK\x03\x04":
            _read_workbook(book, name, content)
        else:
            _read_csv(book, name, content)
    return book


def _read_workbook(book: Book, file: str, content: bytes) -> None:
    known = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if sum(part.file_size for part in parts.infolist()) > 8 * LARGEST_BYTES:
                raise LimitExceeded(
                    where=file, what=Text(zh="解压后字节数", en="bytes unpacked"), limit=8 * LARGEST_BYTES
                )
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in workbook.sheet_names:
            form = _form_named(name)
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if form is not None:
                known += 1
                _read_rows(book, form, name, rows)
            elif name.strip() not in (NOTES.zh, NOTES.en) and any(map(_filled, rows)):
                book.faults.append(
                    Fault(sheet=name, row=1, column="", error=InvalidArgument(where=name, problem=_NO_SHEET))
                )
    except (CalamineError, zipfile.BadZipFile, ValueError) as error:
        raise InvalidArgument(where=file, problem=_NOT_A_TABLE) from error
    if not known:
        raise InvalidArgument(where=file, problem=_NO_SHEET)


def _read_csv(book: Book, file: str, content: bytes) -> None:
    text = _decoded(file, content)
    try:
        rows: list[list[Any]] = [list(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    except csv.Error as error:
        raise InvalidArgument(where=file, problem=_NOT_A_TABLE) from error
    headings = {_text(cell) for cell in rows[0]} if rows else set()
    form = max(SHEETS, key=lambda form: len(headings & _headings(form).keys()))
    if not headings or not {c.heading.zh for c in form.columns if c.required} <= {
        _headings(form)[h].heading.zh for h in headings & _headings(form).keys()
    }:
        raise InvalidArgument(where=file, problem=_WHICH_SHEET)
    _read_rows(book, form, form.name.zh, rows)


def _decoded(file: str, content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidArgument(where=file, problem=_NOT_A_TABLE)


def _form_named(name: str) -> SheetForm | None:
    said = name.strip()
    return next((form for form in SHEETS if said in (form.name.zh, form.name.en, form.kind)), None)


def _headings(form: SheetForm) -> dict[str, Column]:
    return {
        heading: column
        for column in form.columns
        for heading in (column.heading.zh, column.heading.en, column.field)
    }


def _read_rows(book: Book, form: SheetForm, sheet: str, rows: Sequence[Sequence[Any]]) -> None:
    if len(rows) > MOST_ROWS:
        raise LimitExceeded(where=sheet, what=Text(zh="行数", en="rows"), limit=MOST_ROWS)
    if not rows:
        return
    columns = _columns(book, form, sheet, rows[0])
    lacking = frozenset(c.field for c in form.columns if c.required and c not in columns)
    for number, row in enumerate(rows[1:], start=2):
        cells = {}
        for column, value in zip(columns, row, strict=False):
            text = _text(value)
            if column is None or not text:
                continue
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
                problem = InvalidInput(where=column.heading.zh, problem=_UNREADABLE)
                book.faults.append(Fault(sheet=sheet, row=number, column=column.heading.zh, error=problem))
            cells[column.field] = text
        if cells:
            book.rows[form.kind].append((sheet, SheetRow(number=number, cells=cells, lacking=lacking)))


def _columns(book: Book, form: SheetForm, sheet: str, first: Sequence[Any]) -> list[Column | None]:
    """The column of each place; a heading that is unknown, doubled or missing is a fault."""
    known = _headings(form)
    columns: list[Column | None] = []

    def fault(heading: str, error: GongzhiError) -> None:
        book.faults.append(Fault(sheet=sheet, row=1, column=heading, error=error))

    for heading in map(_text, first):
        column = known.get(heading.rstrip("*"))
        if column is None and heading:
            fault(heading[:20], UnknownField(where=sheet, field=heading[:20]))
        if column is not None and column in columns:
            fault(heading, InvalidInput(where=heading, problem=_TWICE))
        columns.append(column)
    for column in form.columns:
        if column.required and column not in columns:
            fault(column.heading.zh, InvalidInput(where=column.heading.zh, problem=_MISSING))
    return columns


def _filled(row: Sequence[Any]) -> bool:
    return any(_text(value) for value in row)


def _text(value: Any) -> str:
    """A cell as text: whole numbers without a point, days in ISO form, full-width blanks at the ends gone."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
