"""The rules behind the scene's actions: values in, `Decision` out. Numbers are those of `articles.json`.

States, letters, copies and clocks are the workflow's; nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from gongzhi.plugin import Act, Decision, Json, Refusal, Rule, Text

from .age import birth_day, day_of, local_day, minor_age
from .articles import SITUATIONS
from .codes import code_map
from .situations import Coded, Match, Record, screen

GROUPS = ("child", "encounter", "reporter")
"""Objects of the case that an input adds to field by field, instead of replacing them."""


def prompt(act: Act) -> Decision:
    """Open a case with a draft report, because a record meets a situation (MP-1, MP-2, MP-3 … MP-13).

    The situations are computed here from the record; an intake can't claim them.
    """
    given = act.input
    day = encounter_day(given, act)
    age = _age(given, day)
    matches = screen(_record(given, age, reads_text=act.config.get("reads_text", True)))
    if not matches:
        raise Refusal(
            "MP-12",
            zh="记录不符合强制报告的任何一种情形，不生成提示",
            en="the record meets none of the nine situations, so there is nothing to prompt",
            advice_zh="如您判断应当报告，请直接填写强制报告表。",
            advice_en="If you judge that it should be reported, file the report form directly.",
            where="/findings",
        )
    names = [match.situation for match in matches]
    return Decision(
        data={
            **given,
            "situations": names,
            "age_years": age,
            "encounter": {**given.get("encounter", {}), "date": day.isoformat()},
            "facts": given.get("facts") or _facts(matches),
            "signs": [sign.label.zh for sign in _signs(matches)],
            "code_map_date": code_map().dated,
        },
        unique_key=_unique_key(given, day, names),
        title=_title("强制报告提示", "Prompt to report", names),
    )


def report(act: Act) -> Decision:
    """Send the report: the prompt's draft, the input over it, or the input alone (MP-14)."""
    case = dict(act.case.data) if act.case else {}
    whole = _over(case, act.input)
    if missing := _missing(whole):
        raise _incomplete(missing)
    whole["age_years"] = _age(whole, encounter_day(whole, act))
    whole.setdefault("channel", "WEB_FORM")
    whole.setdefault("urgent", False)
    title = _title("强制报告", "Mandatory report", whole["situations"])
    if whole["urgent"]:
        title = Text(zh=f"【紧急】{title.zh}", en=f"[Urgent] {title.en}")
    return Decision(data=whole, title=title)


def dismiss(act: Act) -> Decision:
    """Keep the coded reason; the workflow erases the personal data (MP-15)."""
    return Decision(data={"dismissal_reason": act.input["dismissal_reason"]})


def triage(act: Act) -> Decision:
    """Register and triage (MP-18). The workflow starts the three days."""
    category, acceptance = act.input["triage_category"], act.input["acceptance"]
    if category in ("URGENT", "POLICE") and acceptance == "PASSED_ON":
        raise Refusal(
            "MP-18",
            zh="紧急或公安办理的报告须受案或者立案",
            en="an urgent or police matter is registered or filed as a case",
            advice_zh="请选择“受案”或“立案”；确属其他部门的，请改选民政或教育。",
            advice_en="Choose registered or filed, or triage it to civil affairs or education.",
            where="/acceptance",
        )
    return Decision(data=act.input)


def feedback(act: Act) -> Decision:
    """Answer the reporting organ (MP-19). The workflow meets the clock and sends the letter."""
    return Decision(data=act.input)


def announce_prosecution(act: Act) -> Decision:
    """Tell the reporting organ before the case goes for prosecution (MP-20)."""
    if act.case is None or act.case.data.get("acceptance") != "CRIMINAL":
        raise Refusal(
            "MP-20",
            zh="本案没有刑事立案，不存在移送审查起诉",
            en="no criminal case was filed here, so there is no referral for prosecution",
            advice_zh="无需告知；如已另行立案，请在该案中办理。",
            advice_en="Nothing to announce; if a case was filed elsewhere, announce it there.",
            where="/prosecution_date",
        )
    planned = day_of(act.input["prosecution_date"])
    if planned is None or planned < local_day(act.now):
        raise Refusal(
            "MP-20",
            zh="应当在移送审查起诉前告知，日期不能早于今天",
            en="the notice comes before the referral, so the date can't lie in the past",
            advice_zh="请填写拟移送的日期。",
            advice_en="Give the day on which the case is to be referred.",
            where="/prosecution_date",
        )
    return Decision(data=act.input)


def request_support(act: Act) -> Decision:
    """Ask social workers for support, with the needs stated (MP-21)."""
    return Decision(data=act.input)


def close(act: Act) -> Decision:
    """Close once the feedback is given and no support is under way (MP-22). The workflow seals."""
    state = act.case.state if act.case else frozenset()
    if "answered" not in state:
        raise Refusal(
            "MP-22",
            zh="公安机关尚未反馈报告单位，不能办结",
            en="the police have not answered the reporting organ yet, so the case can't be closed",
            advice_zh="请等待或催促公安机关在三日内反馈。",
            advice_en="Wait for the feedback, or remind the police of the three days.",
        )
    if state & {"requested", "accepted"}:
        raise Refusal(
            "MP-22",
            zh="社工支持仍在进行，不能办结",
            en="the support is still under way, so the case can't be closed",
            advice_zh="请等待支持服务办结，或先撤回转介。",
            advice_en="Wait until the support is finished, or withdraw the request first.",
        )
    return Decision(data=act.input, guards={"answered_and_support_settled": True})


RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (prompt, report, dismiss, triage, feedback, announce_prosecution, request_support, close)
}


def encounter_day(values: Mapping[str, Json], act: Act) -> date:
    """The day of the encounter in Asia/Shanghai; the day of the act where none is given.

    Raises `Refusal` for a day after the act: nothing can have been found yet (MP-1).
    """
    day = day_of(values.get("encounter", {}).get("date")) or local_day(act.now)
    if day > local_day(act.now):
        raise Refusal(
            "MP-1",
            zh="就诊日期晚于今天",
            en="the encounter date lies in the future",
            advice_zh="请核对就诊日期。",
            advice_en="Check the encounter date.",
            where="/encounter/date",
        )
    return day


def _age(values: Mapping[str, Json], day: date) -> int:
    birth_date = values.get("child", {}).get("birth_date")
    if birth_date:
        return minor_age(birth_day(birth_date, on=day), day)
    estimate = values.get("age_years")
    if estimate is None:
        raise _incomplete([_MINOR])
    return int(estimate)


def _record(values: Mapping[str, Json], age: int, *, reads_text: bool) -> Record:
    return Record(
        age=age,
        sex=values.get("child", {}).get("sex", "UNKNOWN"),
        findings=tuple(Coded(system=f["system"], code=f["code"]) for f in values.get("findings", ())),
        text=values.get("facts", "") if reads_text else "",
    )


def _over(case: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Any]:
    """The input over the draft: objects field by field, the rest as a whole; empty texts don't erase."""
    whole = dict(case)
    for name, value in given.items():
        if name in GROUPS:
            whole[name] = {**whole.get(name, {}), **{k: v for k, v in value.items() if v != ""}}
        elif value not in ("", None):
            whole[name] = value
    return whole


def _signs(matches: tuple[Match, ...]) -> list[Any]:
    return list(dict.fromkeys(sign for match in matches for sign in match.signs))


def _facts(matches: tuple[Match, ...]) -> str:
    return "诊疗记录提示：" + "；".join(sign.label.zh for sign in _signs(matches)) + "。"


def _unique_key(given: Mapping[str, Json], day: date, names: list[str]) -> str | None:
    child, encounter = given["child"], given.get("encounter", {})
    patient = child.get("patient_ref")
    if not patient:
        return None
    occasion = encounter.get("ref") or day.isoformat()
    return "\n".join((patient, child.get("birth_date", ""), occasion, *sorted(names)))


def _title(zh: str, en: str, names: list[str]) -> Text:
    met = [SITUATIONS[name] for name in names]
    numbers = ", ".join(str(one.number) for one in met)
    return Text(zh=f"{zh}·情形{''.join(one.numeral for one in met)}", en=f"{en}: situation {numbers}")


_SITUATION = ("/situations", "情形", "the situation")
_FACTS = ("/facts", "发现的情况", "what was found")
_MINOR = ("/child/birth_date", "出生日期或估计年龄", "the birth date or an estimated age")


def _missing(whole: Mapping[str, Json]) -> list[tuple[str, str, str]]:
    """What a report lacks, in the order of the form: place, Chinese and English name."""
    aged = whole.get("child", {}).get("birth_date") or whole.get("age_years") is not None
    there = {
        _SITUATION: bool(whole.get("situations")),
        _FACTS: bool(str(whole.get("facts") or "").strip()),
        _MINOR: bool(aged),
    }
    return [need for need, given in there.items() if not given]


def _incomplete(missing: list[tuple[str, str, str]]) -> Refusal:
    return Refusal(
        "MP-14",
        zh=f"报告缺少：{'、'.join(zh for _, zh, _ in missing)}",
        en=f"the report lacks {', '.join(en for _, _, en in missing)}",
        advice_zh="请补充后立即报告；紧急情况请同时拨打 110。",
        advice_en="Add it and report at once; in an emergency call 110 as well.",
        where=missing[0][0],
    )
