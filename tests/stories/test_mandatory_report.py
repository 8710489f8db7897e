"""A doctor's report reaches every organ that must act, and nobody else."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from ..conftest import DemoServer
from .people import ANJI, HUZHOU, SERVICE, YIWU, Clinic, Person, eventually, letters_arrive, record


def test_one_click_sends_the_report_to_police_and_everybody_who_must_know(
    clinic: Clinic, doctor: Person, police: Person, procurator: Person
) -> None:
    (card,) = clinic.opens_record()
    assert card["indicator"] in ("warning", "critical")
    assert len(card["summary"]) < 140
    assert card["links"][0]["url"].endswith(f"/console/cases/{card['uuid']}")
    clinic.accepts(card)
    assert doctor.states(card["uuid"]) == {"sent", "not_requested"}
    letters = police.case(card["uuid"])["letters"]
    assert [(letter["to"]["name"], letter["copyOf"] is None) for letter in letters] == [
        ("安吉县公安局", True),
        ("安吉县民政局", False),
        ("安吉县教育局", False),
        ("安吉县卫生健康局", False),
        ("安吉县人民检察院", False),
    ]
    assert police.case(card["uuid"])["region"]["code"] == ANJI


def test_the_competent_county_is_where_the_child_lives_not_where_the_doctor_sits(
    clinic: Clinic, demo_server: DemoServer
) -> None:
    (card,) = clinic.opens_record(district="330522")
    clinic.accepts(card)
    assert Person(demo_server, "doctor", HUZHOU).case(card["uuid"])["region"]["code"] == "330522"
    assert not Person(demo_server, "police").sees(card["uuid"])


@pytest.mark.parametrize(
    "changes",
    [
        {"born": "2005-09-01"},
        {"codes": ("S20.2",), "text": "胸部挫伤"},
        {"codes": ("J00",), "text": "急性鼻咽炎"},
    ],
    ids=["an adult", "one bruise", "a cold"],
)
def test_an_ordinary_record_prompts_nothing(clinic: Clinic, changes: dict[str, Any]) -> None:
    assert clinic.opens_record(**changes) == []


def test_a_call_repeated_after_the_report_offers_no_second_one(clinic: Clinic) -> None:
    call = record(patient=f"p-{uuid.uuid4().hex[:12]}")
    (first,) = clinic.http.post(SERVICE, json=call).json()["cards"]
    assert first["suggestions"]
    clinic.accepts(first)
    (again,) = clinic.http.post(SERVICE, json=call).json()["cards"]
    assert (again["uuid"] == first["uuid"], again.get("suggestions")) == (True, None)


def test_the_same_record_opened_again_shows_the_same_card(clinic: Clinic) -> None:
    (first,) = clinic.opens_record(patient="again-and-again")
    (second,) = clinic.opens_record(patient="again-and-again")
    assert second["uuid"] == first["uuid"]


def test_the_reporter_is_hidden_on_every_copy(
    clinic: Clinic, police: Person, procurator: Person, demo_server: DemoServer, reported: str
) -> None:
    assert "湖州市第一人民医院" in str(police.case(reported))
    for who in (procurator, *(Person(demo_server, login) for login in ("health", "education", "civil"))):
        seen = who.case(reported)
        assert "湖州市第一人民医院" not in str(seen)
        hidden = who.ask(
            "query($id: ID!) { case(id: $id) { letters { from { id region { code } } } } }",
            id=f"Case:{reported}",
        )
        assert hidden["case"]["letters"][0]["from"]["region"] is None
        assert seen["letters"][0]["number"] is None
        assert "/reporter" in seen["masked"]


def test_triage_organs_get_only_what_triage_needs(demo_server: DemoServer, reported: str) -> None:
    for login in ("health", "education", "civil"):
        detail = Person(demo_server, login).case(reported)["detail"]
        assert detail["situations"] == ["SEVERAL_INJURIES"]
        assert detail["age_years"] == 14
        assert (detail["facts"], detail["child"]) == (None, {"name": "小*", "birth_date": None})


def test_the_police_see_the_child_and_the_procurator_once_they_say_why(
    demo_server: DemoServer, police: Person, procurator: Person, reported: str
) -> None:
    """The police work with it every day. Whoever watches them has to say why, and is asked again after half an hour."""
    child = {"name": "小满", "birth_date": "2011-09-01"}
    assert police.case(reported)["detail"]["child"] == child
    masked = procurator.case(reported)
    assert masked["detail"]["child"] == {"name": "小*", "birth_date": None}
    assert {"pointer": "/child/name", "level": "L4"} in masked["revealable"]
    procurator.reveal(reported, "supervision", note="核对报告与受案是否一致")
    shown = procurator.case(reported)
    assert (shown["detail"]["child"], shown["revealable"]) == (child, [])
    assert "/reporter" in shown["masked"]
    demo_server.clock.advance(timedelta(minutes=30))
    assert procurator.case(reported)["detail"]["child"] == masked["detail"]["child"]


def test_the_reporting_doctor_sees_their_own_report_at_once(doctor: Person, reported: str) -> None:
    seen = doctor.case(reported)
    assert seen["detail"]["facts"] is not None
    assert (seen["revealable"], seen["documentsMasked"]) == ([], False)


def test_each_addressee_gets_a_document_made_for_them(
    police: Person, procurator: Person, demo_server: DemoServer, reported: str
) -> None:
    health = Person(demo_server, "health")
    procurator.reveal(reported)
    sizes = {}
    for who in (police, procurator, health):
        mine = next(
            letter for letter in who.case(reported)["letters"] if letter["documentUrl"] and letter["maySign"]
        )
        pdf = who.http.get(mine["documentUrl"])
        assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (
            200,
            "application/pdf",
            b"%PDF-",
        )
        sizes[who.login] = len(pdf.content)
    original = next(letter for letter in police.case(reported)["letters"] if letter["copyOf"] is None)
    assert health.http.get(f"/documents/{original['id'].removeprefix('Letter:')}.pdf").status_code == 404


def test_a_document_opens_only_for_who_has_said_why(procurator: Person, reported: str) -> None:
    copy = next(item for item in procurator.case(reported)["letters"] if item["maySign"])
    refused = procurator.http.get(copy["documentUrl"])
    assert (refused.status_code, refused.json()["code"]) == (403, "reveal_first")
    procurator.reveal(reported, fields=["/child/name"])
    assert procurator.http.get(copy["documentUrl"]).status_code == 403
    procurator.reveal(reported)
    assert procurator.http.get(copy["documentUrl"]).status_code == 200


def test_the_whole_story_from_signing_to_sealing(
    demo_server: DemoServer,
    reported: str,
    police: Person,
    procurator: Person,
    social: Person,
    supervisor: Person,
    doctor: Person,
) -> None:
    assert police.waits(reported) == ["sign"]
    police.sign(reported, "mandatory_report")
    assert police.states(reported) == {"received", "not_requested"}
    police.act("triage", reported, triage_category="URGENT", acceptance="ADMINISTRATIVE", acceptance_no="1号")
    (clock,) = [item for item in police.case(reported)["deadlines"] if item["kind"] == "feedback"]
    assert clock["state"] == "running"
    (waiting,) = [item for item in police.inbox() if item["caseId"] == f"Case:{reported}"]
    assert (waiting["waits"], waiting["dueAt"]) == ("answer", clock["dueAt"])
    assert "三日" in clock["article"]
    procurator.act("requestSupport", reported, support_needs=["PSYCHOLOGICAL"])
    letters_arrive(procurator, reported)
    social.sign(reported, "support_request")
    assert procurator.states(reported) == {"triaged", "accepted"}
    assert procurator.refused("close", reported, closing_reason="HANDLED") == "scene_refused"
    demo_server.clock.advance(timedelta(hours=30))
    police.act("feedback", reported, feedback_outcome="PROTECTED", feedback_text="已受案，并落实保护措施。")
    (clock,) = [item for item in police.case(reported)["deadlines"] if item["kind"] == "feedback"]
    assert clock["state"] == "met"
    assert clock["metAt"] < clock["dueAt"]
    letters_arrive(procurator, reported)
    assert "已受案" in str(doctor.case(reported)["detail"]["feedback_text"])
    social.act("finishSupport", reported, support_outcome="COMPLETED")
    assert [event["action"] for event in procurator.case(reported)["timeline"]["nodes"]] == [
        "prompt",
        "report",
        "receive",
        "triage",
        "request_support",
        "accept_support",
        "feedback",
        "finish_support",
    ]
    assert procurator.refused("close", reported, closing_reason="HANDLED") == "letter_unsigned"
    doctor.sign(reported, "feedback")
    procurator.act("close", reported, closing_reason="HANDLED")
    for who in (doctor, police, procurator, social, supervisor):
        assert not who.sees(reported)
        assert reported not in str(
            who.ask("{ cases(first: 100) { nodes { id } } inbox(first: 100) { nodes { caseId } } }")
        )


def test_sealing_waits_five_days_for_a_signature_and_no_longer(
    reported: str, police: Person, procurator: Person, demo_server: DemoServer
) -> None:
    police.sign(reported, "mandatory_report")
    police.act("triage", reported, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="6号")
    police.act("feedback", reported, feedback_outcome="PROTECTED", feedback_text="已立案。")
    letters_arrive(police, reported)
    demo_server.clock.advance(timedelta(days=4))
    assert procurator.refused("close", reported, closing_reason="HANDLED") == "letter_unsigned"
    assert procurator.sees(reported)
    demo_server.clock.advance(timedelta(days=1))
    procurator.act("close", reported, closing_reason="HANDLED")
    assert not procurator.sees(reported)


def test_an_agency_whose_support_is_withdrawn_knows_of_the_case_no_longer(
    reported: str, procurator: Person, social: Person
) -> None:
    procurator.act("requestSupport", reported, support_needs=["PSYCHOLOGICAL"])
    letters_arrive(procurator, reported)
    social.sign(reported, "support_request")
    letter = next(item for item in social.case(reported)["letters"] if item["kind"] == "support_request")
    social.reveal(reported)
    assert social.http.get(letter["documentUrl"]).status_code == 200
    procurator.act("withdrawSupport", reported, support_withdrawal="DECLINED_BY_FAMILY")
    assert not social.sees(reported)
    assert social.http.get(letter["documentUrl"]).status_code == 404
    assert social.waits(reported) == []
    procurator.act("requestSupport", reported, support_needs=["PSYCHOLOGICAL"])
    letters_arrive(procurator, reported)
    social.sign(reported, "support_request")
    assert procurator.states(reported) == {"sent", "accepted"}


def test_the_record_of_a_sealed_case_opened_again_tells_nothing_of_it(
    clinic: Clinic, doctor: Person, police: Person, procurator: Person
) -> None:
    body = {
        "birth_date": "2012-02-29",
        "patient_ref": f"his-{uuid.uuid4().hex[:8]}",
        "icd10": ["S20.2", "S40.0", "S70.1"],
        "residence_division": ANJI,
    }
    address = f"/r/{HUZHOU}/minor-protection/screenings"
    case_id: str = clinic.http.post(address, json=body).json()["case"]
    doctor.act("report", case_id)
    letters_arrive(police, case_id)
    police.sign(case_id, "mandatory_report")
    police.act("triage", case_id, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="5号")
    police.act("feedback", case_id, feedback_outcome="PROTECTED", feedback_text="已立案。")
    letters_arrive(police, case_id)
    doctor.sign(case_id, "feedback")
    procurator.act("close", case_id, closing_reason="HANDLED")
    again = clinic.http.post(address, json=body, headers={"idempotency-key": str(uuid.uuid4())})
    told = {name: again.json()[name] for name in ("case", "state", "form")}
    assert (again.status_code, told) == (200, {"case": None, "state": [], "form": None})


def test_silence_at_the_deadline_reminds_and_leaves_evidence(
    demo_server: DemoServer, reported: str, police: Person, procurator: Person
) -> None:
    police.sign(reported, "mandatory_report")
    police.act("triage", reported, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="2号")
    demo_server.clock.advance(timedelta(days=12))
    eventually(lambda: "overdue" in police.waits(reported))
    assert "overdue" in procurator.waits(reported)
    original = next(letter for letter in police.case(reported)["letters"] if letter["copyOf"] is None)
    last = original["evidence"][-1]
    assert (last["step"], last["positive"]) == ("overdue", False)


def test_a_supervisor_above_sees_every_step_and_decides_nothing(supervisor: Person, reported: str) -> None:
    seen = supervisor.case(reported)
    assert [event["action"] for event in seen["timeline"]["nodes"]] == ["prompt", "report"]
    assert seen["actions"] == []
    assert (
        supervisor.refused("triage", reported, triage_category="URGENT", acceptance="CRIMINAL")
        == "action_not_allowed"
    )


def test_a_prompt_is_known_to_nobody_but_the_reporter_until_it_is_sent(
    clinic: Clinic, doctor: Person, supervisor: Person
) -> None:
    (card,) = clinic.opens_record()
    assert doctor.sees(card["uuid"])
    assert doctor.waits(card["uuid"]) == ["act"]
    assert not supervisor.sees(card["uuid"])
    listed = "{ cases(first: 100) { nodes { id } } }"
    assert card["uuid"] not in str(supervisor.ask(listed))
    clinic.accepts(card)
    assert supervisor.sees(card["uuid"])
    assert card["uuid"] in str(supervisor.ask(listed))


def test_a_report_that_names_another_county_goes_to_that_county(
    clinic: Clinic, doctor: Person, police: Person
) -> None:
    (card,) = clinic.opens_record()
    doctor.act("report", card["uuid"], incident_division="330522")
    assert doctor.case(card["uuid"])["region"]["code"] == "330522"
    assert not police.sees(card["uuid"])
    (original,) = [item for item in doctor.case(card["uuid"])["letters"] if item["copyOf"] is None]
    assert original["to"]["name"] == "长兴县公安局"


def test_a_report_that_names_a_county_without_the_scene_is_refused_and_stays_a_prompt(
    clinic: Clinic, doctor: Person
) -> None:
    (card,) = clinic.opens_record()
    assert doctor.refused("report", card["uuid"], incident_division=YIWU) == "scene_not_enabled"
    assert doctor.states(card["uuid"]) == {"prompted"}


def test_a_dismissal_keeps_its_reason_and_erases_the_person(
    clinic: Clinic, doctor: Person, demo_server: DemoServer
) -> None:
    (card,) = clinic.opens_record(name="不应留下")
    clinic.overrides(card, "ACCIDENT_CONFIRMED")
    case = doctor.case(card["uuid"])
    assert [state["id"] for state in case["states"]] == ["dismissed"]
    assert case["detail"]["dismissal_reason"] == "ACCIDENT_CONFIRMED"
    assert case["detail"]["child"] is None
    assert erased(demo_server, card["uuid"])


def test_an_unanswered_prompt_expires_and_forgets_the_person(
    clinic: Clinic, doctor: Person, demo_server: DemoServer
) -> None:
    (card,) = clinic.opens_record()
    assert doctor.waits(card["uuid"]) == ["act"]
    demo_server.clock.advance(timedelta(hours=74))
    eventually(lambda: doctor.states(card["uuid"]) == {"expired"})
    assert doctor.waits(card["uuid"]) == ["overdue"]
    doctor.takes_note(card["uuid"])
    assert doctor.waits(card["uuid"]) == []
    assert erased(demo_server, card["uuid"])


def test_a_county_without_the_scene_sees_neither_schema_nor_intake(
    yiwu: Person, demo_server: DemoServer
) -> None:
    sdl = yiwu.http.get(f"/graphql/{YIWU}/schema.graphql").text
    assert "inorProtection" not in sdl
    answer = yiwu.try_to("{ minorProtectio { cases { nodes { id } } } }")
    assert "minorProtection" not in str(answer).replace("minorProtectio ", "")
    with demo_server.client("yiwu-clinic") as http:
        assert http.get(f"/r/{YIWU}/cds-services").status_code == 404
        refused = http.post(f"/r/{YIWU}/cds-services/mandatory-report-patient-view", json=record())
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_a_child_of_a_county_without_the_scene_gets_a_card_that_says_what_to_do(
    clinic: Clinic, demo_server: DemoServer
) -> None:
    """A clinical system drops a failed call, and the doctor would see nothing."""
    (card,) = clinic.opens_record(district=YIWU)
    assert "110" in card["summary"]
    assert (card["indicator"], len(card["summary"]) < 140) == ("critical", True)
    assert not {"uuid", "suggestions", "links"} & card.keys()


def test_a_report_about_a_child_in_a_county_without_the_scene_is_refused_with_what_to_do(
    clinic: Clinic,
) -> None:
    body = {
        "birth_date": "2012-02-29",
        "patient_ref": f"his-{uuid.uuid4().hex[:8]}",
        "icd10": ["S20.2", "S40.0", "S70.1"],
        "residence_division": YIWU,
    }
    reply = clinic.http.post(f"/r/{HUZHOU}/minor-protection/screenings", json=body)
    assert (reply.status_code, reply.json()["code"]) == (404, "scene_not_enabled")
    assert "110" in reply.json()["remedy"]


def test_a_teacher_reports_by_the_web_form(teacher: Person, police: Person) -> None:
    (form,) = [
        item
        for item in teacher.ask("{ minorProtection { forms { name inputSchema } } }")["minorProtection"][
            "forms"
        ]
        if item["name"] == "report"
    ]
    assert form["inputSchema"]["type"] == "object"
    data = teacher.ask(
        "mutation($input: MinorProtectionReportInput!, $key: String!) { minorProtection"
        " { report(input: $input, key: $key) { case { id states { id } } } } }",
        key=str(uuid.uuid4()),
        input={
            "situations": ["SEVERAL_INJURIES"],
            "facts": "学生身上多处伤痕，称在家被打。",
            "incident_division": ANJI,
            "child": {"name": "小雨", "birth_date": "2014-05-06", "sex": "FEMALE"},
            "reporter": {"name": "何老师", "phone": "13800000000"},
        },
    )
    case_id = data["minorProtection"]["report"]["case"]["id"].removeprefix("Case:")
    letters_arrive(police, case_id)
    assert police.case(case_id)["detail"]["reporter"] == {"name": "何老师", "phone": "13800000000"}


def test_a_clinic_without_fhir_reports_by_plain_json(clinic: Clinic, police: Person) -> None:
    reply = clinic.http.post(
        f"/r/{HUZHOU}/minor-protection/screenings",
        json={
            "birth_date": "2012-02-29",
            "patient_ref": f"his-{uuid.uuid4().hex[:8]}",
            "icd10": ["S20.2", "S40.0", "S70.1"],
            "text": "多处挫伤",
            "residence_division": ANJI,
            "report": True,
        },
    )
    assert reply.status_code == 201, reply.text
    case_id = reply.json()["case"]
    case_id = case_id if isinstance(case_id, str) else case_id["id"]
    letters_arrive(police, case_id)
    assert police.states(case_id) == {"sent", "not_requested"}


def erased(demo: DemoServer, case_id: str) -> bool:
    """Whether the key of the case's subject is destroyed and no personal data stands in its row."""

    async def look() -> bool:
        async with demo.application.host.store.unit_of_work() as uow:
            row = await uow.fetchrow(
                "SELECT c.personal, k.wrapped_key, k.erased_at FROM cases c"
                " LEFT JOIN subject_key k ON k.subject_id = c.subject_id WHERE c.id = $1",
                uuid.UUID(case_id),
            )
        assert row is not None
        return row["personal"] is None and row["wrapped_key"] is None and row["erased_at"] is not None

    return asyncio.run_coroutine_threadsafe(look(), demo.loop).result(20)
