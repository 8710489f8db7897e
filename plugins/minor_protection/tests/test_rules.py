"""MP-13 to MP-22: the rules behind the actions."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gongzhi.plugin import Act, Decision, Refusal
from gongzhi_minor_protection.articles import RULES as NUMBERED
from gongzhi_minor_protection.rules import RULES

Acting = Callable[..., Act]

RECORD = {
    "channel": "JSON_INTAKE",
    "reporter_division": "330523",
    "child": {"sex": "FEMALE", "birth_date": "2012-05-06", "patient_ref": "his/p-1", "name": "陈小雨"},
    "encounter": {"date": "2026-11-20", "ref": "e-1"},
    "findings": [{"system": "ICD_10", "code": "S40.0"}, {"system": "ICD_10", "code": "S70.1"}],
}
REPORT = {
    "situations": ["SEVERAL_INJURIES"],
    "facts": "多处瘀青",
    "child": {"sex": "FEMALE", "birth_date": "2012-05-06"},
}


def refused(rule: str, act: Act) -> Refusal:
    """The refusal that a rule answers."""
    with pytest.raises(Refusal) as no:
        RULES[rule](act)
    assert no.value.zh and no.value.en and no.value.advice_zh and no.value.advice_en
    return no.value


def draft(act: Acting) -> dict[str, Any]:
    """The data of a prompted case."""
    return dict(RULES["prompt"](act(RECORD)).data)


def test_a_prompt_computes_situations_age_and_draft_from_the_record(act: Acting) -> None:
    """What the intake sent stays; what it could have claimed is computed."""
    decision = RULES["prompt"](act(RECORD))
    assert decision.data["situations"] == ["SEVERAL_INJURIES"]
    assert decision.data["age_years"] == 14
    assert decision.data["facts"] == ("诊疗记录提示：ICD-10 S40.0 肩和上臂损伤；ICD-10 S70.1 髋和大腿损伤。")
    assert decision.data["child"] == RECORD["child"]
    assert decision.title is not None
    assert decision.title.zh == "强制报告提示·情形（四）"
    assert "陈" not in decision.title.zh


def test_mp_1_a_prompt_with_an_impossible_birth_date_is_refused(act: Acting) -> None:
    """The rule itself refuses, whichever door the record came by."""
    child = {**RECORD["child"], "birth_date": "2026-11-21"}  # type: ignore[dict-item]
    no = refused("prompt", act({**RECORD, "child": child}))
    assert (no.rule, no.where) == ("MP-1", "/child/birth_date")
    no = refused("prompt", act({**RECORD, "encounter": {"date": "2026-11-23"}}))
    assert (no.rule, no.where) == ("MP-1", "/encounter/date")


def test_mp_2_an_adult_is_neither_prompted_nor_reported_here(act: Acting) -> None:
    """Eighteen on the day of the encounter."""
    child = {**RECORD["child"], "birth_date": "2008-11-20"}  # type: ignore[dict-item]
    assert refused("prompt", act({**RECORD, "child": child})).rule == "MP-2"
    child = {**REPORT["child"], "birth_date": "2008-11-22"}  # type: ignore[dict-item]
    assert refused("report", act({**REPORT, "child": child})).rule == "MP-2"


def test_mp_12_without_a_situation_there_is_no_prompt(act: Acting) -> None:
    """Claimed or not: the record decides."""
    record = {**RECORD, "findings": [{"system": "ICD_10", "code": "J06.9"}]}
    assert refused("prompt", act(record)).rule == "MP-12"


def test_mp_13_the_same_patient_encounter_and_situations_have_one_key(act: Acting) -> None:
    """The key differs as soon as one of the three does."""
    key = RULES["prompt"](act(RECORD)).unique_key
    again = {**RECORD, "facts": "补充：陪同者称不清楚"}
    assert RULES["prompt"](act(again)).unique_key == key
    others = [
        {**RECORD, "encounter": {"date": "2026-11-21", "ref": "e-2"}},
        {**RECORD, "child": {**RECORD["child"], "patient_ref": "his/p-2"}},  # type: ignore[dict-item]
        {**RECORD, "facts": "自称被殴打"},
    ]
    keys = {RULES["prompt"](act(other)).unique_key for other in others}
    assert len(keys | {key}) == 4
    nameless = {**RECORD, "child": {"birth_date": "2012-05-06"}}
    assert RULES["prompt"](act(nameless)).unique_key is None


def test_mp_14_a_report_from_a_prompt_may_be_empty_and_uses_the_draft(act: Acting) -> None:
    """One click: the draft as it stands."""
    decision = RULES["report"](act({}, data=draft(act), state=["prompted"]))
    assert decision.data["facts"].startswith("诊疗记录提示")
    assert decision.data["channel"] == "JSON_INTAKE"
    assert decision.title is not None and decision.title.zh == "强制报告·情形（四）"


def test_mp_14_what_the_reporter_adds_goes_over_the_draft_field_by_field(act: Acting) -> None:
    """A phone number added to the reporter keeps the child's name; an empty text erases nothing."""
    given = {
        "facts": "左上臂、右大腿瘀青",
        "urgent": True,
        "child": {"guardian_phone": "13800000000", "name": ""},
        "reporter": {"phone": "0572-0000000"},
    }
    data = RULES["report"](act(given, data=draft(act), state=["prompted"])).data
    assert data["facts"] == "左上臂、右大腿瘀青"
    assert data["urgent"] is True
    assert data["child"]["name"] == "陈小雨"
    assert data["child"]["guardian_phone"] == "13800000000"
    assert data["reporter"] == {"phone": "0572-0000000"}


@pytest.mark.parametrize(
    ("missing", "where"),
    [("situations", "/situations"), ("facts", "/facts"), ("child", "/child/birth_date")],
)
def test_mp_14_a_direct_report_states_situation_facts_and_minor(
    act: Acting, missing: str, where: str
) -> None:
    """Each of the three is asked for by name."""
    given = {name: value for name, value in REPORT.items() if name != missing}
    no = refused("report", act(given))
    assert (no.rule, no.where) == ("MP-14", where)


def test_mp_14_all_that_a_report_lacks_is_told_at_once(act: Acting) -> None:
    """In the order of the form, the first as the place."""
    no = refused("report", act({}))
    assert (no.rule, no.where) == ("MP-14", "/situations")
    assert no.zh == "报告缺少：情形、发现的情况、出生日期或估计年龄"
    assert no.en == "the report lacks the situation, what was found, the birth date or an estimated age"


def test_an_urgent_report_says_so_in_its_title(act: Acting) -> None:
    """Lists show titles: the police see at once which report can't wait."""
    title = RULES["report"](act({**REPORT, "urgent": True})).title
    assert title is not None
    assert title.zh.startswith("【紧急】强制报告·情形")
    assert title.en.startswith("[Urgent] Mandatory report: situation")


def test_mp_14_an_estimated_age_stands_in_for_an_unknown_birth_date(act: Acting) -> None:
    """A foundling has no birth date."""
    given = {"situations": ["ABANDONED"], "facts": "凌晨在急诊门口发现", "age_years": 0}
    data = RULES["report"](act(given)).data
    assert (data["age_years"], data["channel"], data["urgent"]) == (0, "WEB_FORM", False)


def test_mp_15_a_dismissal_keeps_its_reason_and_nothing_else(act: Acting) -> None:
    """The workflow erases what is personal."""
    decision = RULES["dismiss"](act({"dismissal_reason": "MEDICAL_CAUSE"}, data=draft(act)))
    assert decision == Decision(data={"dismissal_reason": "MEDICAL_CAUSE"})


@pytest.mark.parametrize("category", ["URGENT", "POLICE"])
def test_mp_18_a_police_matter_is_registered_or_filed(act: Acting, category: str) -> None:
    """It can't be passed on and kept at once."""
    given = {"triage_category": category, "acceptance": "PASSED_ON"}
    assert refused("triage", act(given, data={}, state=["received"])).rule == "MP-18"
    given["acceptance"] = "CRIMINAL"
    assert RULES["triage"](act(given, data={}, state=["received"])).data == given


def test_mp_18_a_matter_of_civil_affairs_or_education_may_be_passed_on(act: Acting) -> None:
    """Then the police file nothing."""
    given = {"triage_category": "CIVIL", "acceptance": "PASSED_ON"}
    assert RULES["triage"](act(given, data={}, state=["received"])).data == given


def test_mp_19_feedback_is_kept_in_the_case(act: Acting) -> None:
    """Letter and clock are the workflow's."""
    given = {"feedback_outcome": "UNDER_INVESTIGATION", "feedback_text": "已立案"}
    assert RULES["feedback"](act(given, data={}, state=["triaged"])).data == given


def test_mp_20_prosecution_is_announced_for_criminal_cases_and_beforehand(act: Acting) -> None:
    """No criminal case, no announcement; and not after the day."""
    given = {"prosecution_date": "2026-11-22"}
    criminal = {"acceptance": "CRIMINAL"}
    assert RULES["announce_prosecution"](act(given, data=criminal)).data == given
    no = refused("announce_prosecution", act(given, data={"acceptance": "ADMINISTRATIVE"}))
    assert no.rule == "MP-20"
    no = refused("announce_prosecution", act({"prosecution_date": "2026-11-21"}, data=criminal))
    assert no.rule == "MP-20"


def test_mp_21_a_request_for_support_states_the_needs(act: Acting) -> None:
    """They go into the case and the referral."""
    given = {"support_needs": ["PSYCHOLOGICAL"], "support_note": "由女性社工首次接触"}
    assert RULES["request_support"](act(given, data={}, state=["not_requested"])).data == given


@pytest.mark.parametrize("support", ["not_requested", "done"])
def test_mp_22_a_case_is_closed_after_the_feedback_with_no_support_under_way(
    act: Acting, support: str
) -> None:
    """The guard that the workflow asks for is met."""
    decision = RULES["close"](act({"closing_reason": "HANDLED"}, data={}, state=["answered", support]))
    assert decision.guards == {"answered_and_support_settled": True}


@pytest.mark.parametrize(
    "state",
    [
        ["sent", "not_requested"],
        ["triaged", "done"],
        ["answered", "requested"],
        ["answered", "accepted"],
    ],
)
def test_mp_22_a_case_stays_open_before_the_feedback_or_during_support(act: Acting, state: list[str]) -> None:
    """The refusal says which of the two it is."""
    assert refused("close", act({"closing_reason": "HANDLED"}, data={}, state=state)).rule == "MP-22"


def test_every_behaviour_rule_is_named_by_a_test() -> None:
    """A rule of law that no test names is a promise that nobody checks."""
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = {f"MP-{number}" for number in re.findall(r"def test_mp_(\d+)_", tests)}
    assert named == set(NUMBERED)
    assert all(rule.article and rule.says.zh and rule.says.en and rule.source for rule in NUMBERED.values())
