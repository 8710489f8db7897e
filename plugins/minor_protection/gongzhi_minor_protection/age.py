"""How old a patient is at an encounter (MP-1, MP-2). Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime
from zoneinfo import ZoneInfo

from gongzhi.plugin import Refusal

SHANGHAI = ZoneInfo("Asia/Shanghai")
OLDEST_YEARS = 150
ADULT_YEARS = 18

BIRTH_FORM = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")


def local_day(moment: datetime) -> date:
    """The calendar day of an aware instant in Asia/Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def day_of(text: str | None) -> date | None:
    """The Asia/Shanghai day of a FHIR date or dateTime; None for none, a partial date or nonsense."""
    if not text:
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return local_day(moment) if moment.tzinfo else moment.date()


def birth_day(text: str, *, on: date, where: str = "/child/birth_date") -> date:
    """The birth date in a record, checked against the encounter day `on` (MP-1).

    A year or a year and month alone are read as their last day: the reading that protects a possible minor.

    Raises `Refusal` for a date that does not exist, is in the future or lies more than 150 years back.
    """
    form = BIRTH_FORM.fullmatch(text.strip())
    if form is None:
        raise _impossible("格式应为 YYYY-MM-DD", "the form is YYYY-MM-DD", where)
    year, month, day = (int(part) if part else None for part in form.groups())
    try:
        if year is None or month is None:
            born = date(year or 0, 12, 31)
            born = min(born, on) if born.year == on.year else born
        elif day is None:
            born = date(year, month, monthrange(year, month)[1])
            born = min(born, on) if (born.year, born.month) == (on.year, on.month) else born
        else:
            born = date(year, month, day)
    except ValueError as error:
        raise _impossible("日期不存在", "no such day in the calendar", where) from error
    if born > on:
        raise _impossible("晚于就诊日", "after the encounter", where)
    if (born.year + OLDEST_YEARS, born.month, born.day) < (on.year, on.month, on.day):
        raise _impossible("早于就诊日一百五十年以上", "more than 150 years before the encounter", where)
    return born


def age_years(born: date, on: date) -> int:
    """Completed years on the day `on`; who was born on 29 February completes a year on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def minor_age(born: date, on: date, where: str = "/child/birth_date") -> int:
    """The age of a minor (MP-2).

    Raises `Refusal` for somebody who is eighteen or older.
    """
    age = age_years(born, on)
    if age >= ADULT_YEARS:
        raise Refusal(
            "MP-2",
            zh="就诊时已满十八周岁，不适用未成年人强制报告",
            en="eighteen or older at the encounter, so mandatory reporting of harm to minors does not apply",
            advice_zh="请核对出生日期和就诊日期；成年人遭受侵害请直接拨打 110。",
            advice_en="Check birth date and encounter date; for harm to an adult call 110.",
            where=where,
        )
    return age


def _impossible(zh: str, en: str, where: str) -> Refusal:
    return Refusal(
        "MP-1",
        zh=f"出生日期不可能（{zh}）",
        en=f"impossible birth date ({en})",
        advice_zh="请按证件核对出生日期后重新提交；未保存任何内容。",
        advice_en="Check the birth date against a document and send again; nothing was stored.",
        where=where,
    )
