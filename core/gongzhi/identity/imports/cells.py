"""One row of a sheet as its checks read it: text, days, codes and words, each fault noted and gone on from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final

from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError, ImpossibleDate, InvalidInput, Refused
from gongzhi.identity.imports.sheets import Fault, SheetRow
from gongzhi.identity.imports.words import Column, SheetForm, listed, meaning

LONGEST: Final = 200
"""Characters in a cell."""

EMPTY: Final = Text(zh="不能为空", en="must not be empty")
TOO_LONG: Final = Text(zh=f"超过 {LONGEST} 个字符", en=f"has more than {LONGEST} characters")
NO_DAY: Final = Text(zh="须为 YYYY-MM-DD", en="must be YYYY-MM-DD")

_DAY: Final = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))")
_BETWEEN: Final = re.compile(r"[、,，;；/\s]+")


class Cells:
    """A row's cells by field. What is wrong goes into `faults`; the reading goes on with nothing in its place."""

    def __init__(self, form: SheetForm, sheet: str, row: SheetRow, faults: list[Fault]) -> None:
        self.form, self.sheet, self.number = form, sheet, row.number
        self._cells: Mapping[str, str] = row.cells
        self._lacking = row.lacking
        self._faults = faults

    def fail(self, field: str, error: GongzhiError) -> None:
        """Note that a cell is wrong."""
        heading = self.form.column(field).heading.zh
        error.where = error.where or heading
        self._faults.append(Fault(sheet=self.sheet, row=self.number, column=heading, error=error))

    def refuse(self, field: str, problem: Text) -> None:
        """Note that a cell does not fit, and why."""
        self.fail(field, InvalidInput(where=self.form.column(field).heading.zh, problem=problem))

    def text(self, field: str) -> str:
        """The text of a cell, empty where there is none."""
        said = self._cells.get(field, "")
        if not said and self.form.column(field).required and field not in self._lacking:
            self.refuse(field, EMPTY)
        if len(said) > LONGEST:
            self.refuse(field, TOO_LONG)
        return said

    def code(self, field: str) -> str:
        """A cell that holds a code: full-width forms folded, no blanks."""
        return "".join(unicodedata.normalize("NFKC", self.text(field)).split())

    def word(self, field: str) -> str | None:
        """The code of the word in a cell; None where it is empty or means nothing."""
        said = self.text(field)
        return self._meaning(self.form.column(field), said) if said else None

    def several(self, field: str) -> tuple[str, ...]:
        """The codes of the words in a cell, sorted, each once."""
        column = self.form.column(field)
        found = [self._meaning(column, said) for said in _BETWEEN.split(self.text(field)) if said]
        return tuple(sorted({code for code in found if code is not None}))

    def day(self, field: str) -> date | None:
        """The day in a cell; None where it is empty or no day."""
        said = unicodedata.normalize("NFKC", self.text(field))
        if not said:
            return None
        parts = _DAY.fullmatch(said)
        if parts is None:
            self.refuse(field, NO_DAY)
            return None
        year, *rest = (int(part) for part in parts.groups() if part is not None)
        try:
            return date(year, *rest)
        except ValueError:
            heading = self.form.column(field).heading.zh
            self.fail(field, ImpossibleDate(where=heading, problem=said))
            return None

    def _meaning(self, column: Column, said: str) -> str | None:
        assert column.words is not None
        code = meaning(column.words, said)
        if code is None:
            names = listed(column.words)
            self.refuse(column.field, Text(zh=f"须为 {names.zh}", en=f"must be of {names.en}"))
        return code


def refusal_of(error: Refused) -> Refused:
    """A refusal of a room's own check, to be placed at a cell."""
    error.where = ""
    return error
