"""The plain JSON door: screenings, reports, dismissals."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gongzhi.plugin import ActResult, Command, IntakeReply, IntakeRequest
from gongzhi_minor_protection import json_intake

Asked = Callable[..., IntakeRequest]

CASE_ID = UUID("0b6f2f2e-6f57-4a8f-9b39-2f2f7c1f4d10")
SCREENING = {
    "birth_date": "2012-05-06",
    "sex": "FEMALE",
    "icd10": ["S40.000x002", "S70.100"],
    "text": "左上臂、右大腿青紫",
    "patient_ref": "MZ20261122001",
    "encounter_ref": "V1",
    "encounter_date": "2026-11-22",
    "residence_division": "330523",
}


def only(commands: Any) -> Command:
    """The one command of a translation."""
    assert not isinstance(commands, IntakeReply), commands
    (command,) = commands
    assert isinstance(command, Command)
    return command


def refusal(reply: Any) -> tuple[int, str, str]:
    """Status, code and place of a refusal."""
    assert isinstance(reply, IntakeReply)
    assert reply.body["message"] and reply.body["remedy"]
    return reply.status, reply.body["code"], reply.body["where"]


def test_a_match_becomes_the_same_prompt_as_through_cds_hooks(asked: Asked) -> None:
    """Birth date, ICD-10 codes and text are enough."""
    command = only(json_intake.screening(asked(SCREENING)))
    assert command.action == "prompt"
    assert command.input == {
        "channel": "JSON_INTAKE",
        "reporter_division": "330523",
        "child": {
            "sex": "FEMALE",
            "residence_division": "330523",
            "patient_ref": "MZ20261122001",
            "birth_date": "2012-05-06",
        },
        "encounter": {"date": "2026-11-22", "ref": "V1"},
        "findings": [
            {"system": "ICD_10", "code": "S40.000x002"},
            {"system": "ICD_10", "code": "S70.100"},
        ],
        "facts": "左上臂、右大腿青紫",
    }


def test_the_answer_names_situations_case_and_reasons(asked: Asked) -> None:
    """What a clinic system needs to show its own dialogue."""
    result = ActResult(case_id=CASE_ID, state=("prompted",))
    reply = json_intake.screening_answer(asked(SCREENING), [result])
    assert reply.status == 201
    assert reply.body["minor"] is True
    assert [s["code"] for s in reply.body["situations"]] == ["SEVERAL_INJURIES"]
    assert reply.body["situations"][0]["signs"] == [
        "ICD-10 S40.000x002 肩和上臂损伤",
        "ICD-10 S70.100 髋和大腿损伤",
    ]
    assert (reply.body["case"], reply.body["state"]) == (str(CASE_ID), ["prompted"])
    assert reply.body["form"] == f"https://gongzhi.example.org/console/cases/{CASE_ID}"
    assert len(reply.body["dismissal_reasons"]) == 6
    again = ActResult(case_id=CASE_ID, state=("prompted",), existing=True)
    assert json_intake.screening_answer(asked(SCREENING), [again]).status == 200
    repeated = ActResult(case_id=CASE_ID, state=("prompted",), replayed=True)
    assert json_intake.screening_answer(asked(SCREENING), [repeated]).status == 200


def test_with_report_true_a_match_is_reported_at_once(asked: Asked) -> None:
    """One request for a system whose user has decided already."""
    command = only(json_intake.screening(asked({**SCREENING, "report": True})))
    assert (command.action, command.case_id) == ("report", None)
    assert command.input["situations"] == ["SEVERAL_INJURIES"]
    assert command.input["facts"] == "左上臂、右大腿青紫"


@pytest.mark.parametrize(
    ("change", "minor"),
    [({"icd10": ["J06.9"]}, True), ({"icd10": ["S80.1"]}, True), ({"birth_date": "2001-01-01"}, False)],
)
def test_no_match_or_no_minor_is_answered_without_a_case(asked: Asked, change: Any, minor: bool) -> None:
    """Even with `report: true`: to report on one's own judgement, use the report form."""
    for report in (False, True):
        reply = json_intake.screening(asked({**SCREENING, **change, "report": report}))
        assert reply == IntakeReply(body={"minor": minor, "situations": [], "case": None})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"birth_date": "2012-02-31"}, (400, "impossible_date", "/birth_date")),
        ({"birth_date": "2026-11-23"}, (400, "impossible_date", "/birth_date")),
        ({"birth_date": "1850-01-01"}, (400, "impossible_date", "/birth_date")),
        ({"encounter_date": "2026-11-23"}, (400, "impossible_date", "/encounter_date")),
        ({"encounter_date": "2026-02-31"}, (400, "impossible_date", "/encounter_date")),
        ({"shoe_size": 38}, (400, "unknown_field", "/shoe_size")),
        ({"sex": "F"}, (400, "invalid_input", "/sex")),
        ({"icd10": "S40.0"}, (400, "invalid_input", "/icd10")),
        ({"icd10": [7]}, (400, "invalid_input", "/icd10/0")),
        ({"residence_division": "33"}, (400, "invalid_input", "/residence_division")),
        ({"reporter": {"nickname": "x"}}, (400, "unknown_field", "/reporter/nickname")),
    ],
)
def test_mp_1_what_does_not_fit_the_form_is_refused_with_code_and_place(
    asked: Asked, change: Any, expected: tuple[int, str, str]
) -> None:
    """Impossible dates have a code of their own."""
    assert refusal(json_intake.screening(asked({**SCREENING, **change}))) == expected


@pytest.mark.parametrize("body", [None, [], "text"])
def test_a_body_that_is_no_object_is_refused(asked: Asked, body: Any) -> None:
    """At all three doors."""
    for door in (json_intake.screening, json_intake.report, json_intake.dismissal):
        assert refusal(door(asked(body)))[0] == 400


def test_a_missing_field_is_named(asked: Asked) -> None:
    """Without a patient reference nothing could be de-duplicated."""
    body = {name: value for name, value in SCREENING.items() if name != "patient_ref"}
    assert refusal(json_intake.screening(asked(body))) == (400, "invalid_input", "/patient_ref")


def test_a_report_goes_in_directly_or_onto_a_prompted_case(asked: Asked) -> None:
    """The same command, with and without a case."""
    body = {
        "situations": ["ABANDONED"],
        "facts": "凌晨在急诊门口发现",
        "age_years": 0,
        "incident_division": "330523",
    }
    direct = only(json_intake.report(asked(body)))
    assert (direct.action, direct.case_id) == ("report", None)
    assert direct.input == {**body, "channel": "JSON_INTAKE", "reporter_division": "330523"}
    onto = only(json_intake.report(asked({"case": str(CASE_ID), "urgent": True})))
    assert (onto.case_id, onto.input) == (CASE_ID, {"urgent": True})
    answer = json_intake.report_answer(asked(body), [ActResult(case_id=CASE_ID, state=("sent",))])
    assert (answer.status, answer.body["case"]) == (201, str(CASE_ID))
    repeated = ActResult(case_id=CASE_ID, state=("sent",), replayed=True)
    assert json_intake.report_answer(asked(body), [repeated]).status == 200


def test_a_dismissal_takes_a_coded_reason(asked: Asked) -> None:
    """MP-15 by this door."""
    body = {"case": str(CASE_ID), "dismissal_reason": "CODED_IN_ERROR"}
    command = only(json_intake.dismissal(asked(body)))
    assert (command.action, command.case_id) == ("dismiss", CASE_ID)
    assert command.input == {"dismissal_reason": "CODED_IN_ERROR"}
    assert refusal(json_intake.dismissal(asked({"case": str(CASE_ID)}))) == (
        400,
        "invalid_input",
        "/dismissal_reason",
    )
    assert refusal(json_intake.dismissal(asked({**body, "case": "17"})))[2] == "/case"
    misnamed = {"case": str(CASE_ID), "reason": "CODED_IN_ERROR"}
    assert refusal(json_intake.dismissal(asked(misnamed))) == (400, "unknown_field", "/reason")
    assert json_intake.dismissal_answer(asked(body), [ActResult(case_id=CASE_ID)]).status == 200


def test_the_clients_idempotency_key_is_used_or_one_is_made_from_the_body(asked: Asked) -> None:
    """The same body twice is the same act."""
    mine = only(json_intake.screening(asked(SCREENING, headers={"idempotency-key": "clinic-0001"})))
    assert mine.key == "clinic-0001"
    made = only(json_intake.screening(asked(SCREENING)))
    assert made.key == only(json_intake.screening(asked(SCREENING))).key
    assert made.key != only(json_intake.screening(asked({**SCREENING, "text": "另一次"}))).key


def test_in_english_the_refusal_is_in_english(asked: Asked) -> None:
    """Codes stay the same."""
    reply = json_intake.screening(asked({**SCREENING, "birth_date": "2012-02-31"}, language="en"))
    assert isinstance(reply, IntakeReply)
    assert reply.body["message"] == "MP-1: impossible birth date (no such day in the calendar)."


@pytest.mark.parametrize("form", ["screening", "report", "dismissal"])
def test_the_reference_has_an_example_that_fits_each_form(asked: Asked, form: str) -> None:
    """What is copied from the page is taken."""
    page = Path(__file__).parents[3] / "docs" / "reference" / "minor-protection.md"
    examples = re.findall(r"```json\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    bodies = dict(zip(["screening", "report", "dismissal"], map(json.loads, examples), strict=True))
    assert only(getattr(json_intake, form)(asked(bodies[form])))


@pytest.mark.parametrize(
    ("change", "zh", "en"),
    [
        ({"sex": "F"}, "不是可选值之一：FEMALE, MALE, UNKNOWN", "none of the choices: FEMALE, MALE, UNKNOWN"),
        ({"icd10": "S40.0"}, "类型不对，应为列表", "a list is expected"),
        ({"text": "x" * 4001}, "最多 4000 个字符", "at most 4000 characters"),
        ({"patient_ref": ""}, "至少 1 个字符", "at least 1 characters"),
        ({"residence_division": "33"}, "应符合 ^[0-9]{6}$", "has to match ^[0-9]{6}$"),
        ({"encounter_date": "2026-11-23"}, "日期晚于今天", "the day lies in the future"),
        ({"shoe_size": 38}, "没有这个字段", "there is no such field"),
    ],
)
def test_a_refusal_says_in_the_readers_language_what_would_have_fitted(
    asked: Asked, change: Any, zh: str, en: str
) -> None:
    """Bounds and choices of the form are told; what was sent never is."""
    body = {**SCREENING, **change}
    assert zh in json_intake.screening(asked(body)).body["message"]  # type: ignore[union-attr]
    assert en in json_intake.screening(asked(body, language="en")).body["message"]  # type: ignore[union-attr]


def test_a_choice_of_the_report_form_is_told_with_its_values(asked: Asked) -> None:
    """Choices that the schema writes as constants with titles."""
    reply = json_intake.report(asked({"situations": ["RUNAWAY"]}))
    assert refusal(reply) == (400, "invalid_input", "/situations/0")
    assert "GENITAL_INJURY, GIRL_UNDER_14" in reply.body["message"]  # type: ignore[union-attr]
