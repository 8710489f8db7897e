"""The city's procuratorate reminds the county's police, and decides nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ..conftest import DemoServer
from .people import ANJI, Clinic, Person, letters_arrive

NUDGE = (
    "mutation($case: ID!, $reason: String!, $key: String!) { supervision {"
    " nudge(case: $case, reason: $reason, key: $key) { replayed case { states { id } } } } }"
)
NUDGES = "query($id: ID!) { case(id: $id) { mayNudge nudges { reason from { name } to { name } } } }"
WHY = "报告已到一日，请尽快签收。"


def asked(case_id: str) -> dict[str, Any]:
    return {"case": f"Case:{case_id}", "reason": WHY, "key": str(uuid.uuid4())}


def nudges(who: Person, case_id: str) -> dict[str, Any]:
    case: dict[str, Any] = who.ask(NUDGES, id=f"Case:{case_id}")["case"]
    return case


def test_a_supervisor_nudges_the_police_who_then_act(
    supervisor: Person, police: Person, reported: str
) -> None:
    assert nudges(supervisor, reported) == {"mayNudge": True, "nudges": []}
    before = supervisor.states(reported)
    supervisor.ask(NUDGE, **asked(reported))
    assert supervisor.states(reported) == before
    assert sorted(police.waits(reported)) == ["nudged", "sign"]
    sent = {"reason": WHY, "from": {"name": "湖州市人民检察院"}, "to": {"name": "安吉县公安局"}}
    assert nudges(police, reported)["nudges"] == [sent]
    assert nudges(supervisor, reported) == {"mayNudge": False, "nudges": [sent]}
    assert police.case(reported)["timeline"]["nodes"][-1]["action"] == "nudge"
    assert supervisor.code(NUDGE, **asked(reported)) == "nudged_already"
    police.sign(reported, "mandatory_report")
    assert police.states(reported) == {"received", "not_requested"}


@pytest.mark.parametrize("login", ["police", "health", "education", "civil", "doctor"])
def test_nobody_but_a_supervisor_nudges(demo_server: DemoServer, reported: str, login: str) -> None:
    region = "330500" if login == "doctor" else ANJI
    who = Person(demo_server, login, region)
    assert who.code(NUDGE, **asked(reported)) == "action_not_allowed"
    assert not nudges(who, reported)["mayNudge"]


def test_who_may_not_know_of_the_case_nudges_none(yiwu: Person, reported: str) -> None:
    assert yiwu.code(NUDGE, **asked(reported)) == "not_found"


def test_nobody_may_nudge_about_a_prompt(supervisor: Person, clinic: Clinic) -> None:
    (card,) = clinic.opens_record()
    assert supervisor.code(NUDGE, **asked(card["uuid"])) == "not_found"


def test_a_nudge_does_not_name_the_reporter(
    supervisor: Person, police: Person, procurator: Person, reported: str
) -> None:
    """The feedback goes to the reporting organ: whoever nudges it to sign for that does not learn which it is."""
    police.sign(reported, "mandatory_report")
    police.act("triage", reported, triage_category="URGENT", acceptance="ADMINISTRATIVE", acceptance_no="1号")
    police.act("feedback", reported, feedback_outcome="UNDER_INVESTIGATION", feedback_text="已受案。")
    letters_arrive(police, reported)
    supervisor.ask(NUDGE, **asked(reported))
    (seen,) = nudges(supervisor, reported)["nudges"]
    assert "湖州市第一人民医院" not in str(seen)
    assert seen["to"]["name"] == "（报告单位已隐去）"
