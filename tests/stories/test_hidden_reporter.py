"""Who reported is told to the police alone: nobody else's answers or documents depend on it, in any field."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from pypdf import PdfReader

from ..conftest import DemoServer
from .people import ANJI, HUZHOU, Person, letters_arrive

ORGAN = "{ id name type region { code } }"
EVERYTHING = f"""
query($id: ID!) {{
  case(id: $id) {{
    title role states {{ id }} masked revealable {{ pointer level }} documentsMasked nextDueAt
    organs {{ organ {ORGAN} role }}
    letters {{ id kind number title caseTitle copyOf basis state role department replyBy maySign
               from {ORGAN} to {ORGAN} evidence {{ step positive record }} }}
    deadlines {{ kind state organ {ORGAN} explanation article }}
    timeline {{ nodes {{ action role organ {ORGAN} states {{ id }} }} }}
    detail {{ ... on MinorProtectionCase {{ situations facts feedback_text reporter {{ name phone }} }} }}
  }}
  inbox(first: 100) {{ nodes {{ waits caseId caseTitle deadline {{ organ {ORGAN} }}
    letter {{ number from {ORGAN} to {ORGAN} evidence {{ record }} }} }} }}
}}
"""
PROMPT = (
    "mutation($input: MinorProtectionPromptInput!, $key: String!) { minorProtection"
    " { prompt(input: $input, key: $key) { case { id } } } }"
)
CHANCE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64,}|\d{4}-\d\d-\d\dT[\d:.+]+Z?|〔\d{4}〕\d+ ?号|\d\d:\d\d"
)
"""Ids, hashes, times and consecutive numbers: they differ between any two cases."""


def report_by(reporter: Person, police: Person) -> str:
    """The same prompt and report whoever sends it, played through to the announcement of prosecution."""
    given = {
        "channel": "WEB_FORM",
        "findings": [{"system": "ICD_10", "code": code} for code in ("S20.2", "S40.0", "S70.1")],
        "encounter": {"ref": str(uuid.uuid4())},
        "incident_division": ANJI,
        "child": {"name": "小雨", "birth_date": "2014-05-06", "sex": "FEMALE"},
        "reporter": {"name": "何老师", "phone": "13800000000"},
    }
    data = reporter.ask(PROMPT, input=given, key=str(uuid.uuid4()))
    case_id: str = data["minorProtection"]["prompt"]["case"]["id"].removeprefix("Case:")
    reporter.act("report", case_id, facts="身上多处伤痕，称在家被打。")
    letters_arrive(police, case_id)
    police.demo.clock.advance(timedelta(minutes=1))
    police.sign(case_id, "mandatory_report")
    police.act("triage", case_id, triage_category="POLICE", acceptance="CRIMINAL", acceptance_no="3号")
    police.demo.clock.advance(timedelta(minutes=1))
    police.act("feedback", case_id, feedback_outcome="PROTECTED", feedback_text="已立案。")
    police.demo.clock.advance(timedelta(minutes=1))
    police.act("announceProsecution", case_id, prosecution_date="2026-04-01")
    letters_arrive(police, case_id)
    return case_id


def seen_by(who: Person, case_id: str) -> list[str]:
    """All that somebody is shown of one case, its documents too, chance values aside, line by line.

    They say why, where that shows them more: before and after it alike nothing may depend on the reporter.
    """
    before = who.ask(EVERYTHING, id=f"Case:{case_id}")["case"]
    if before["revealable"]:
        who.reveal(case_id, "supervision")
    answer = who.ask(EVERYTHING, id=f"Case:{case_id}")
    assert answer["case"]["revealable"] == []
    waiting = [item for item in answer["inbox"]["nodes"] if item["caseId"] == f"Case:{case_id}"]
    documents = documents_for(who, answer["case"])
    assert documents, f"{who.login} may fetch no document of {case_id}"
    shown = anonymous({"before": before, "case": answer["case"], "inbox": waiting, "documents": documents})
    return json.dumps(shown, ensure_ascii=False, indent=1).splitlines()


def documents_for(who: Person, case: dict[str, Any]) -> list[str]:
    """The text of every document of a case that somebody may fetch, in the order of its letters."""
    answers = [
        who.http.get(f"/documents/{letter['id'].removeprefix('Letter:')}.pdf") for letter in case["letters"]
    ]
    pdfs = [PdfReader(io.BytesIO(answer.content)) for answer in answers if answer.status_code == 200]
    return ["\n".join(page.extract_text() for page in pdf.pages) for pdf in pdfs]


def anonymous(value: Any) -> Any:
    """The value without what chance gave it; ids of organs stay, for they are what may tell."""
    if isinstance(value, dict):
        return {
            key: item if key == "id" and str(item).startswith("Organ:") else anonymous(item)
            for key, item in value.items()
            if key != "at_us"
        }
    if isinstance(value, list):
        return [anonymous(item) for item in value]
    return CHANCE.sub("*", value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("login", "region"),
    [("procurator", ANJI), ("health", ANJI), ("civil", ANJI), ("supervisor", HUZHOU)],
)
def test_no_answer_depends_on_who_reported(
    demo_server: DemoServer, police: Person, teacher: Person, login: str, region: str
) -> None:
    """The education bureau is told of every case, so hiding it by name would give it away as the reporter."""
    bureau = Person(demo_server, "education")
    reader = Person(demo_server, login, region)
    by_school = seen_by(reader, report_by(teacher, police))
    by_bureau = seen_by(reader, report_by(bureau, police))
    assert by_school == by_bureau
    assert "报告单位已隐去" in str(by_school)


def test_the_police_know_the_reporter(police: Person, teacher: Person) -> None:
    case_id = report_by(teacher, police)
    assert "报告单位已隐去" not in str(seen_by(police, case_id))
    documents = documents_for(police, police.case(case_id))
    assert any("强制报告表" in said and "安吉县实验小学" in said for said in documents)
