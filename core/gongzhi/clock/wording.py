"""How dates and the steps of a counting read in Chinese and English; words only, no counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime

from gongzhi.clock.calendar import Day
from gongzhi.clock.deadline import Step, Term, Unit
from gongzhi.clock.rules import LEGAL_ZONE
from gongzhi.declarations import Text

_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: dict[Unit, Text] = {
    "hour": Text(zh="小时", en="hour"),
    "natural_day": Text(zh="日", en="day"),
    "working_day": Text(zh="个工作日", en="working day"),
    "month": Text(zh="个月", en="month"),
    "year": Text(zh="年", en="year"),
}


def day_text(on: date) -> Text:
    """2026年10月8日（周四） / Thu 8 Oct 2026; free of locale, so a stored text reads the same anywhere."""
    return Text(
        zh=f"{on.year}年{on.month}月{on.day}日（周{_WEEKDAYS_ZH[on.weekday()]}）",
        en=f"{_WEEKDAYS_EN[on.weekday()]} {on.day} {_MONTHS_EN[on.month - 1]} {on.year}",
    )


def instant_text(at: datetime) -> Text:
    """The legal day and the Beijing time of an instant."""
    local = at.astimezone(LEGAL_ZONE)
    day = day_text(local.date())
    return Text(zh=f"{day.zh}{local:%H:%M}", en=f"{day.en}, {local:%H:%M}")


def amount_text(term: Term) -> Text:
    """3日 / 3 days."""
    unit = _UNITS[term.unit]
    return Text(zh=f"{term.amount}{unit.zh}", en=f"{term.amount} {unit.en}{'' if term.amount == 1 else 's'}")


def start(at: datetime) -> Step:
    text = instant_text(at)
    return Step(
        kind="start",
        rule="",
        on=at.astimezone(LEGAL_ZONE).date(),
        text=Text(zh=f"{text.zh}起算", en=f"The term starts on {text.en}"),
    )


def excluded_day(on: date) -> Step:
    text = Text(zh="开始之日不计入", en="the starting day is not counted")
    return Step(kind="excluded", rule="CLK-1", on=on, text=text)


def excluded_hour(first: datetime) -> Step:
    text = instant_text(first)
    return Step(
        kind="excluded",
        rule="CLK-6",
        on=first.astimezone(LEGAL_ZONE).date(),
        text=Text(
            zh=f"开始之时不计入，从次时（{text.zh}）起算",
            en=f"the starting hour is not counted, so hours run from {text.en}",
        ),
    )


def counted_hour(first: datetime) -> Step:
    text = Text(zh="自该时刻起算，不扣除开始之时", en="hours run from that very moment")
    return Step(kind="excluded", rule="CLK-7", on=first.astimezone(LEGAL_ZONE).date(), text=text)


def end(term: Term, on: date, *, rule: str, no_such_day: bool = False) -> Step:
    amount, day = amount_text(term), day_text(on)
    zh, en = f"{amount.zh}届满于{day.zh}", f"{amount.en} end{'s' if term.amount == 1 else ''} on {day.en}"
    if no_such_day:
        zh, en = f"没有对应日，以月末日计，{zh}", f"{en} (no corresponding day, so the last of the month)"
    return Step(kind="end", rule=rule, on=on, text=Text(zh=zh, en=en))


def skipped(days: Iterable[Day]) -> Step | None:
    """What a count of working days passed over, and which weekend days it counted; None if neither."""
    passed = list(days)
    off = Counter(_group(day) for day in passed if not day.working)
    made_up = [day.date for day in passed if day.made_up]
    if not off and not made_up:
        return None
    zh = [f"{name_zh}{count}天" for (name_zh, _), count in off.items()]
    en = [f"{count} {'day' if count == 1 else 'days'} of {name_en}" for (_, name_en), count in off.items()]
    text_zh, text_en = (f"不计{'、'.join(zh)}", f"not counted: {', '.join(en)}") if off else ("", "")
    if made_up:
        text_zh += ("；" if text_zh else "") + "计入调休上班日" + "、".join(day_text(on).zh for on in made_up)
        text_en += ("; " if text_en else "") + "counted: made-up working day "
        text_en += ", ".join(day_text(on).en for on in made_up)
    return Step(kind="skipped", rule="CLK-5", on=None, text=Text(zh=text_zh, en=text_en))


def _group(day: Day) -> tuple[str, str]:
    if day.name is None or day.name.en in ("Saturday", "Sunday"):
        return ("周末", "weekend")
    return (day.name.zh, day.name.en)


def custody(on: date) -> Step:
    text = Text(zh="在押期间，末日遇节假日不顺延", en="in custody, a holiday does not prolong the term")
    return Step(kind="custody", rule="CLK-4", on=on, text=text)


def rolled(days: Iterable[Day], to: date) -> Step:
    """`days` are those without work, from the nominal end to the day before `to`; never empty."""
    names = list(dict.fromkeys(day.name for day in days if day.name is not None))
    target = day_text(to)
    return Step(
        kind="rolled",
        rule="CLK-3",
        on=to,
        text=Text(
            zh=f"末日遇{'、'.join(name.zh for name in names)}，顺延至其后第一个工作日{target.zh}",
            en=f"that is no working day ({', '.join(name.en for name in names)}), "
            f"so the term runs to {target.en}",
        ),
    )


def due_day(on: date) -> Step:
    day = day_text(on)
    return Step(
        kind="due",
        rule="CLK-2",
        on=on,
        text=Text(zh=f"{day.zh}24时（北京时间）截止", en=f"due by 24:00 on {day.en} (Beijing time)"),
    )


def due_hour(term: Term, at: datetime) -> Step:
    amount, text = amount_text(term), instant_text(at)
    return Step(
        kind="due",
        rule="CLK-7" if term.from_moment else "CLK-6",
        on=at.astimezone(LEGAL_ZONE).date(),
        text=Text(
            zh=f"{amount.zh}于{text.zh}（北京时间）截止",
            en=f"{amount.en} on, due before {text.en} (Beijing time)",
        ),
    )


def provisional(year: int) -> Step:
    text = Text(
        zh=f"{year}年放假安排尚未收录，该日期为暂定",
        en=f"the holiday notice for {year} is not in the table yet, so this date is provisional",
    )
    return Step(kind="provisional", rule="CLK-9", on=None, text=text)


def explanation(steps: Iterable[Step], article: Text) -> Text:
    """All steps as one sentence in each language, the article last."""
    steps = list(steps)
    zh, en = "；".join(step.text.zh for step in steps), "; ".join(step.text.en for step in steps)
    return Text(zh=f"{zh}。依据：{article.zh}。", en=f"{en}. By {article.en}.")
