"""CDS Hooks 2.0: discovery, the card, feedback, and what is refused."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from gongzhi.plugin import ActResult, Command, IntakeReply, IntakeRequest
from gongzhi_minor_protection import cds
from gongzhi_minor_protection.cards import suggestion_id
from gongzhi_minor_protection.texts import texts

Asked = Callable[..., IntakeRequest]
Record = Callable[[str], Any]

CASE_ID = UUID("0b6f2f2e-6f57-4a8f-9b39-2f2f7c1f4d10")
PROMPTED = ActResult(case_id=CASE_ID, state=("prompted",))


def prompted(request: IntakeRequest, hook: str = "patient-view") -> Command:
    """The one command that a call is translated to."""
    commands = cds.call(request, hook=hook)
    assert not isinstance(commands, IntakeReply)
    (command,) = commands
    return command


def card_of(request: IntakeRequest, result: ActResult = PROMPTED) -> Any:
    """The one card of the answer."""
    (card,) = cds.answer(request, [result], hook="patient-view").body["cards"]
    return card


def test_discovery_lists_both_services_with_hook_and_prefetch(asked: Asked) -> None:
    """Ids are those of the paths; templates use only what the hooks' contexts give."""
    services = cds.discovery(asked(None)).body["services"]
    assert {one["id"]: one["hook"] for one in services} == {
        "mandatory-report-patient-view": "patient-view",
        "mandatory-report-encounter-discharge": "encounter-discharge",
    }
    for one in services:
        assert one["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert one["prefetch"]["conditions"] == "Condition?patient={{context.patientId}}"
        assert one["title"] and one["description"]
    paths = {(intake.method, intake.path) for intake in cds.intakes()}
    assert {("POST", f"cds-services/{one['id']}") for one in services} < paths
    assert {("POST", f"cds-services/{one['id']}/feedback") for one in services} < paths
    assert ("GET", "cds-services") in paths


def test_only_discovery_is_open_to_anybody() -> None:
    """Everything that takes a record wants a token."""
    assert [door.path for door in cds.intakes() if door.authentication == "none"] == ["cds-services"]


def test_several_bruises_of_a_minor_become_a_prompt(asked: Asked, record: Record) -> None:
    """Only what belongs to the encounter in view, with the patient as the record has them."""
    command = prompted(asked(record("bruises")))
    assert (command.namespace, command.action, command.case_id) == ("minor_protection", "prompt", None)
    assert command.input == {
        "channel": "CDS_HOOKS",
        "reporter_division": "330523",
        "child": {
            "name": "陈小雨",
            "sex": "FEMALE",
            "birth_date": "2012-05-06",
            "residence_division": "330523",
            "patient_ref": "https://his.example.org/fhir/Patient/p-1001",
        },
        "encounter": {"date": "2026-11-20", "ref": "e-5001"},
        "findings": [
            {"system": "SNOMED_CT", "code": "85636003"},
            {"system": "SNOMED_CT", "code": "84416003"},
            {"system": "ICD_10", "code": "S70.100"},
        ],
        "facts": "左上臂、右大腿及背部多处瘀青，新旧不一；患儿沉默，陪同者称不清楚。",
        "reporter": {"user_ref": "Practitioner/d-17"},
    }


def test_a_repeated_call_is_the_same_act_and_another_instance_is_not(asked: Asked, record: Record) -> None:
    """The key comes from hookInstance and what was read."""
    first, again = prompted(asked(record("bruises"))), prompted(asked(record("bruises")))
    other = record("bruises")
    other["hookInstance"] = "another"
    assert first.key == again.key != prompted(asked(other)).key
    assert 8 <= len(first.key) <= 100


def test_the_card_is_what_cds_hooks_2_0_asks_for(asked: Asked, record: Record) -> None:
    """Every attribute of the specification that we use, and its limits."""
    card = card_of(asked(record("bruises")))
    assert card["uuid"] == str(CASE_ID)
    assert card["summary"] == "强制报告提示：（四）多处损伤等，疑似家庭暴力、欺凌、虐待、殴打"
    assert len(card["summary"]) < 140
    assert card["indicator"] == "warning"
    assert card["source"]["label"] and card["source"]["url"].startswith("https://")
    (suggestion,) = card["suggestions"]
    assert suggestion == {"label": "立即报告", "uuid": suggestion_id(CASE_ID), "isRecommended": True}
    assert UUID(suggestion["uuid"]) != CASE_ID
    assert card["selectionBehavior"] == "at-most-one"
    assert {"code", "system", "display"} == set(card["overrideReasons"][0])
    assert [reason["code"] for reason in card["overrideReasons"]] == [
        "NOT_A_MINOR",
        "ACCIDENT_CONFIRMED",
        "MEDICAL_CAUSE",
        "ALREADY_REPORTED",
        "CODED_IN_ERROR",
        "NO_GROUND_AFTER_REVIEW",
    ]
    (link,) = card["links"]
    assert link["type"] == "absolute"
    assert link["url"] == f"https://gongzhi.example.org/console/cases/{CASE_ID}"
    assert "" not in card.values() and None not in card.values()


def test_the_cards_detail_names_law_situation_and_signs_and_nobody(asked: Asked, record: Record) -> None:
    """The patient is on the clinician's screen already."""
    detail = card_of(asked(record("bruises")))["detail"]
    assert "**情形（四）**" in detail
    assert "第四条" in detail and "第十一条第二款" in detail and "**立即**" in detail
    assert "SNOMED CT 85636003 上臂挫伤" in detail
    assert "未记录意外原因" in detail
    assert "陈小雨" not in detail and "2012" not in detail and "p-1001" not in detail


def test_the_card_comes_in_english_too(asked: Asked, record: Record) -> None:
    """Same card, other language; summaries stay short in both."""
    card = card_of(asked(record("bruises"), language="en"))
    assert card["summary"].startswith("Mandatory report? (4) several injuries")
    assert len(card["summary"]) < 140
    assert card["suggestions"][0]["label"] == "Report now"
    assert texts("zh").keys() == texts("en").keys()


def test_nothing_from_the_record_becomes_markdown(asked: Asked, record: Record) -> None:
    """Codes come from outside; a card must not carry somebody's links or HTML."""
    request = record("bruises")
    codings = request["prefetch"]["conditions"]["entry"][1]["resource"]["code"]["coding"]
    codings[1]["code"] = "S70.1<img src=x>[a](b)"
    detail = card_of(asked(request))["detail"]
    assert "<img" not in detail and "[a](b)" not in detail


def test_all_situations_at_once_still_fit_the_summary(asked: Asked, record: Record) -> None:
    """Numbers add up; the first situation is named."""
    request = record("bruises")
    request["prefetch"]["conditions"]["entry"][0]["resource"]["note"] = [
        {"text": "被殴打，遭性侵，服毒，被遗弃，疑被拐卖，被组织乞讨，S30.2"}
    ]
    for language in ("zh", "en"):
        card = card_of(asked(request, language=language))
        assert len(card["summary"]) < 140
        assert card["indicator"] == "critical"


def test_ordinary_records_adults_and_records_without_birth_date_get_no_card(
    asked: Asked, record: Record
) -> None:
    """200 with an empty array, as the specification says."""
    adult, undated = record("bruises"), record("bruises")
    adult["prefetch"]["patient"]["birthDate"] = "2008-11-20"
    del undated["prefetch"]["patient"]["birthDate"]
    empty = record("bruises")
    empty["prefetch"]["conditions"] = None
    for body in (record("cold"), adult, undated, empty):
        assert cds.call(asked(body), hook="patient-view") == IntakeReply(body={"cards": []})


def test_age_counts_at_the_encounter_not_today(asked: Asked, record: Record) -> None:
    """Seventeen on the day of the encounter, eighteen on the day of the call."""
    request = record("bruises")
    request["prefetch"]["patient"]["birthDate"] = "2008-11-21"
    assert prompted(asked(request)).action == "prompt"


def test_discharge_reads_the_encounter_and_a_partial_birth_date(asked: Asked, record: Record) -> None:
    """The stay began on 17 November in Shanghai; a month of birth gives an age and no date."""
    command = prompted(asked(record("discharge_poisoning")), hook="encounter-discharge")
    assert command.input["encounter"] == {"date": "2026-11-17", "ref": "e-5003"}
    assert command.input["age_years"] == 17
    assert "birth_date" not in command.input["child"]
    assert command.input["findings"] == [{"system": "ICD_10", "code": "T42.4"}]


@pytest.mark.parametrize(
    ("days_ago", "cards"), [("2026-11-22", 1), ("2026-11-19", 1), ("2026-11-18", 0), ("2026-11-23", 0)]
)
def test_without_an_encounter_only_the_last_days_count(
    asked: Asked, record: Record, days_ago: str, cards: int
) -> None:
    """Old history does not prompt again at every visit."""
    request = record("cold")
    for entry in request["prefetch"]["conditions"]["entry"]:
        entry["resource"]["recordedDate"] = days_ago
        entry["resource"]["code"]["coding"] = [{"system": "http://snomed.info/sct", "code": "111721009"}]
        entry["resource"].pop("note", None)
    answer = cds.call(asked(request), hook="patient-view")
    assert isinstance(answer, IntakeReply) is (cards == 0)


def test_free_text_is_left_alone_where_the_region_says_so(asked: Asked, record: Record) -> None:
    """Configuration `reads_text`: codes alone decide and no text is stored."""
    command = prompted(asked(record("bruises"), config={"reads_text": False, "recent_days": 3}))
    assert "facts" not in command.input


@pytest.mark.parametrize("key", ["patient", "conditions"])
def test_missing_prefetch_is_412(asked: Asked, record: Record, key: str) -> None:
    """We fetch nothing, so a key that was not satisfied is a failed precondition."""
    request = record("bruises")
    del request["prefetch"][key]
    reply = cds.call(asked(request), hook="patient-view")
    assert isinstance(reply, IntakeReply)
    assert (reply.status, reply.body["where"]) == (412, f"/prefetch/{key}")


def test_discharge_needs_the_encounter_and_a_patient_that_is_null_is_missing(
    asked: Asked, record: Record
) -> None:
    """Null means that the client has none."""
    discharge, nobody = record("discharge_poisoning"), record("bruises")
    del discharge["prefetch"]["encounter"]
    nobody["prefetch"]["patient"] = None
    for body, hook in ((discharge, "encounter-discharge"), (nobody, "patient-view")):
        reply = cds.call(asked(body), hook=hook)
        assert isinstance(reply, IntakeReply) and reply.status == 412


def test_mp_1_an_impossible_birth_date_in_a_resource_is_400(asked: Asked, record: Record) -> None:
    """With code, remedy and place; without the date itself."""
    request = record("bruises")
    request["prefetch"]["patient"]["birthDate"] = "2012-02-31"
    reply = cds.call(asked(request), hook="patient-view")
    assert isinstance(reply, IntakeReply)
    assert (reply.status, reply.body["code"]) == (400, "impossible_date")
    assert reply.body["where"] == "/prefetch/patient/birthDate"
    assert reply.body["remedy"] and "2012" not in json.dumps(reply.body)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"hook": "order-sign"}, "/hook"),
        ({"hookInstance": None}, "/hookInstance"),
        ({"hookInstance": ["x"]}, "/hookInstance"),
        ({"context": None}, "/context"),
        ({"context": {}}, "/context/patientId"),
        ({"context": {"patientId": 7}}, "/context/patientId"),
        ({"prefetch": "none"}, "/prefetch"),
        ({"prefetch": {"patient": "x", "conditions": None}}, "/prefetch/patient"),
        ({"prefetch": {"patient": {}, "conditions": []}}, "/prefetch/conditions"),
        ({"prefetch": {"patient": {}, "conditions": {"entry": "x"}}}, "/prefetch/conditions/entry"),
    ],
)
def test_a_malformed_call_is_400_and_names_the_place(
    asked: Asked, record: Record, change: Any, where: str
) -> None:
    """Never a fault of the scene."""
    reply = cds.call(asked({**record("bruises"), **change}), hook="patient-view")
    assert isinstance(reply, IntakeReply)
    assert (reply.status, reply.body["code"], reply.body["where"]) == (400, "invalid_input", where)


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_that_is_no_object_is_400(asked: Asked, body: Any) -> None:
    """Also for feedback."""
    for reply in (cds.call(asked(body), hook="patient-view"), cds.feedback(asked(body))):
        assert isinstance(reply, IntakeReply) and reply.status == 400


def test_a_case_that_is_handled_gets_a_quiet_card_and_one_that_is_over_none(
    asked: Asked, record: Record
) -> None:
    """No second suggestion for what was reported; no alert for what was dismissed."""
    request = asked(record("bruises"))
    handled = ActResult(case_id=CASE_ID, state=("sent", "not_requested"), existing=True)
    card = card_of(request, handled)
    assert card["indicator"] == "info"
    assert "suggestions" not in card and "selectionBehavior" not in card
    for state in ("dismissed", "closed"):
        over = ActResult(case_id=CASE_ID, state=(state,), existing=True)
        assert cds.answer(request, [over], hook="patient-view").body == {"cards": []}


def test_mp_16_a_prompt_that_expired_unanswered_points_to_the_form(asked: Asked, record: Record) -> None:
    """Nobody has decided, so the record goes on asking; the draft is gone, so the form is the way."""
    expired = ActResult(case_id=CASE_ID, state=("expired",), existing=True)
    card = card_of(asked(record("bruises")), expired)
    assert card["indicator"] == "warning"
    assert len(card["summary"]) < 140 and "**情形（四）**" in card["detail"]
    assert card["links"][0]["url"] == "https://gongzhi.example.org/console/new/minor_protection/report"
    assert "suggestions" not in card and "overrideReasons" not in card


def accepted(**changes: Any) -> Any:
    """A feedback body for an accepted suggestion."""
    entry = {
        "card": str(CASE_ID),
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion_id(CASE_ID)}],
        "outcomeTimestamp": "2026-11-22T06:01:00Z",
    }
    return {"feedback": [{**entry, **changes}]}


def overridden(reason: Any) -> Any:
    """A feedback body for an overridden card."""
    entry = {"card": str(CASE_ID), "outcome": "overridden", "outcomeTimestamp": "2026-11-22T06:01:00Z"}
    return {"feedback": [{**entry, **({"overrideReason": reason} if reason else {})}]}


def test_an_accepted_suggestion_reports(asked: Asked) -> None:
    """The same command as the web form's, with the draft as it stands; told twice, it is one act."""
    (command,) = cds.feedback(asked(accepted()))  # type: ignore[misc]
    assert (command.action, command.case_id, command.input) == ("report", CASE_ID, {})
    (again,) = cds.feedback(asked(accepted(outcomeTimestamp="2026-11-22T06:02:00Z")))  # type: ignore[misc]
    assert again == command
    assert cds.acknowledged(asked(accepted()), []).body == {}


def test_mp_15_an_override_with_a_reason_of_ours_dismisses(asked: Asked) -> None:
    """The code is kept; a comment, which may name somebody, is not passed on."""
    reason = {
        "reason": {"code": "MEDICAL_CAUSE", "system": "urn:gongzhi:minor-protection:dismissal-reason"},
        "userComment": "陈小雨有血液病",
    }
    (command,) = cds.feedback(asked(overridden(reason)))  # type: ignore[misc]
    assert (command.action, command.case_id) == ("dismiss", CASE_ID)
    assert command.input == {"dismissal_reason": "MEDICAL_CAUSE"}


@pytest.mark.parametrize(
    "reason",
    [
        None,
        {"userComment": "不是"},
        {"reason": {"code": "12354", "system": "http://example.org/own-reasons"}},
    ],
)
def test_mp_15_an_override_without_one_of_our_reasons_leaves_the_prompt_open(
    asked: Asked, reason: Any
) -> None:
    """Closing a window is not a decision not to report."""
    assert cds.feedback(asked(overridden(reason))) == IntakeReply(body={})


@pytest.mark.parametrize(
    "system", [{}, {"system": "urn:gongzhi:minor-protection:dismissal-reason"}], ids=["without", "ours"]
)
def test_mp_15_a_code_that_our_reasons_lack_is_refused_with_their_list(asked: Asked, system: Any) -> None:
    """Somebody decided something; to answer 200 would lose it."""
    reply = cds.feedback(asked(overridden({"reason": {"code": "MEDICAL", **system}})))
    assert isinstance(reply, IntakeReply)
    assert (reply.status, reply.body["where"]) == (400, "/feedback/0/overrideReason/reason/code")
    assert "MEDICAL_CAUSE" in reply.body["message"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"card": "not-a-uuid"}, "card"),
        ({"outcome": "ignored"}, "outcome"),
        ({"acceptedSuggestions": []}, "acceptedSuggestions"),
        ({"acceptedSuggestions": [{"id": "another"}]}, "acceptedSuggestions"),
        ({"acceptedSuggestions": None}, "acceptedSuggestions"),
    ],
)
def test_feedback_that_decides_nothing_is_400(asked: Asked, change: Any, field: str) -> None:
    """It names the entry and the field."""
    reply = cds.feedback(asked(accepted(**change)))
    assert isinstance(reply, IntakeReply)
    assert (reply.status, reply.body["where"]) == (400, f"/feedback/0/{field}")
