"""The empty workbook that an import starts from: its sheets, lists to choose from, and notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import xlsxwriter

from gongzhi.identity.imports.words import NOTES, SHEETS, SheetForm

_LAST_ROW: Final = 100_000

_RULES: Final = (
    "红色表头必填。第一行是表头，请勿改动；多余的列会被拒绝。Red headings are required. Leave the first row as it is.",
    "空单元格不改动已登记的内容；表中没有的单位和人员保持原样。An empty cell changes nothing; who is not listed stays.",
    "结束单位、部门或岗位：填截止日期（失效的第一天）。To end something give the first day that is not valid.",
    "单位按统一社会信用代码识别，没有代码的按名称和区划；岗位按登录名识别。"
    "Organs are known by credit code, else by name and division; posts by login.",
    "新账号没有密码，须经 gongzhi account password 或统一身份认证登录。"
    "New accounts have no password: set one, or let them sign in through your identity provider.",
)


def write_template(path: Path) -> None:
    """Write the workbook; a file of this name is replaced. Raises `OSError`."""
    workbook = xlsxwriter.Workbook(str(path))
    formats = {
        "required": workbook.add_format({"bold": True, "font_color": "#C00000", "bg_color": "#F2F2F2"}),
        "optional": workbook.add_format({"bold": True, "bg_color": "#F2F2F2"}),
        "text": workbook.add_format({"num_format": "@"}),
        "wrapped": workbook.add_format({"text_wrap": True, "valign": "top"}),
    }
    try:
        for form in SHEETS:
            _write_sheet(workbook, form, formats)
        _write_notes(workbook, formats)
        workbook.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise OSError(str(error)) from error


def _write_sheet(workbook: Any, form: SheetForm, formats: dict[str, Any]) -> None:
    sheet = workbook.add_worksheet(form.name.zh)
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(form.columns):
        # As text, or a spreadsheet makes numbers of codes and loses their last digits.
        sheet.set_column(place, place, max(12, 2 * len(column.heading.zh) + 4), formats["text"])
        sheet.write(0, place, column.heading.zh, formats["required" if column.required else "optional"])
        if column.words and not column.several:
            names = [text.zh for text in column.words.values()]
            sheet.data_validation(1, place, _LAST_ROW, place, {"validate": "list", "source": names})


def _write_notes(workbook: Any, formats: dict[str, Any]) -> None:
    sheet = workbook.add_worksheet(NOTES.zh)
    sheet.set_column(0, 1, 18)
    sheet.set_column(2, 3, 60, formats["wrapped"])
    for number, rule in enumerate(_RULES):
        sheet.write(number, 0, rule)
    number = len(_RULES) + 1
    for form in SHEETS:
        for column in form.columns:
            sheet.write_row(number, 0, [form.name.zh, column.heading.zh])
            words = "" if column.words is None else "、".join(t.zh for t in column.words.values())
            sheet.write(number, 2, "；".join(filter(None, (column.explained.zh, words))))
            codes = "" if column.words is None else ", ".join(column.words)
            sheet.write(number, 3, "; ".join(filter(None, (column.explained.en, codes))))
            number += 1
