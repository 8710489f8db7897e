"""A sealed case over HTTP: in words, in status and in time it is no case, for those who knew it too."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from ..conftest import DemoServer
from .people import HUZHOU, Clinic, Person, letters_arrive

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "sealed_timing.py"
PAIRS, MOST_AUC = 2000, 0.55
CASE_QUERIES = (
    "query($id: ID!) { case(id: $id) { id title sealedAt } }",
    "query($id: ID!) { node(id: $id) { id ... on Case { title } } }",
    "query($id: ID!) { minorProtection { case(id: $id) { caseId } } }",
    "query($id: ID!) { case(id: $id) { timeline { nodes { id } } } }",
    'mutation($id: ID!) { minorProtection { receive(case: $id, key: "sealed-0001") { replayed } } }',
    'mutation($id: ID!) { minorProtection { receive(case: $id, key: "sealed-0002", rowVersion: 1) { existing } } }',
    'mutation($id: ID!) { access { revealCase(case: $id, reason: SUPERVISION, key: "sealed-0003") { output } } }',
)
LETTER_QUERIES = (
    "query($id: ID!) { letter(id: $id) { id caseTitle } }",
    "query($id: ID!) { node(id: $id) { id } }",
    'mutation($id: ID!) { letters { sign(letter: $id, key: "sealed-0004") { replayed } } }',
)


def test_who_knew_a_sealed_case_is_answered_as_if_there_had_been_none(
    demo_server: DemoServer,
    clinic: Clinic,
    doctor: Person,
    police: Person,
    procurator: Person,
    supervisor: Person,
) -> None:
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    case_id = card["uuid"]
    letters_arrive(police, case_id)
    police.sign(case_id, "mandatory_report")
    police.act("triage", case_id, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="8号")
    police.act("feedback", case_id, feedback_outcome="PROTECTED", feedback_text="已立案。")
    letters_arrive(police, case_id)
    doctor.sign(case_id, "feedback")
    letters = [letter["id"].removeprefix("Letter:") for letter in police.case(case_id)["letters"]]
    procurator.act("close", case_id, closing_reason="HANDLED")
    health = Person(demo_server, "health")
    for who in (doctor, police, procurator, supervisor, health):
        for queries, kind, hidden in (
            (CASE_QUERIES, "Case", case_id),
            *((LETTER_QUERIES, "Letter", letter) for letter in letters),
        ):
            for query in queries:
                never = str(uuid.uuid4())
                about = [who.try_to(query, id=f"{kind}:{asked}") for asked in (hidden, never)]
                assert about[0] == about[1]
                assert "errors" in about[0]
        for letter in letters:
            pdfs = [who.http.get(f"/documents/{asked}.pdf") for asked in (letter, uuid.uuid4())]
            assert pdfs[0].status_code == pdfs[1].status_code == 404
            assert pdfs[0].content == pdfs[1].content
        everything = who.ask(
            "{ cases(first: 100) { nodes { id } } inbox(first: 100) { nodes { caseId } }"
            ' found: cases(first: 100, search: "强制报告") { nodes { id } } }'
        )
        assert case_id not in str(everything)


def test_the_clinic_that_answers_the_card_of_a_sealed_case_is_told_of_none(
    clinic: Clinic, doctor: Person, police: Person, procurator: Person
) -> None:
    (card,) = clinic.opens_record()
    clinic.accepts(card)
    letters_arrive(police, card["uuid"])
    police.sign(card["uuid"], "mandatory_report")
    police.act("triage", card["uuid"], triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="9号")
    police.act("feedback", card["uuid"], feedback_outcome="PROTECTED", feedback_text="已立案。")
    letters_arrive(police, card["uuid"])
    doctor.sign(card["uuid"], "feedback")
    procurator.act("close", card["uuid"], closing_reason="HANDLED")
    coded = {
        "reason": {"code": "ACCIDENT_CONFIRMED", "system": "urn:gongzhi:minor-protection:dismissal-reason"}
    }
    answers = []
    for asked in (card["uuid"], str(uuid.uuid4())):
        item = {
            "card": asked,
            "outcome": "overridden",
            "overrideReason": coded,
            "outcomeTimestamp": "2026-03-04T01:00:00Z",
        }
        reply = clinic.http.post(
            f"/r/{HUZHOU}/cds-services/mandatory-report-patient-view/feedback", json={"feedback": [item]}
        )
        answers.append((reply.status_code, reply.text.replace(asked, "")))
    assert answers[0] == answers[1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_time_of_an_answer_does_not_tell_a_sealed_case_from_none() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--pairs", str(PAIRS)], capture_output=True, text=True, check=True
    )
    measured = json.loads(done.stdout)
    assert measured["pairs"] == PAIRS
    assert {name: way["auc"] for name, way in measured["ways"].items() if way["auc"] > MOST_AUC} == {}
