"""A case opened in an emergency, and a sealed one opened by law: over HTTP, by the people concerned."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from ..conftest import DemoServer
from .people import Person, actor_of, appoint, eventually, seal

PROVINCE = "330000"
"""The address that Yiwu and Anji share: Yiwu's own view doesn't hold a scene that is not enabled there."""

BREAK = """
mutation($case: ID, $number: String, $key: String!) { access {
  breakGlass(case: $case, number: $number, reason: MISSING_MINOR, note: "孩子离家未归，需联系监护人", key: $key)
  { output case { id } } } }
"""
BROKEN = "{ access { brokenGlass { id organ login reason note finding caseId } } }"
REVIEW = """
mutation($glass: ID!, $key: String!) { access {
  reviewBreakGlass(glass: $glass, finding: JUSTIFIED, key: $key) { replayed } } }
"""
UNSEAL = """
mutation($case: ID!, $requester: ID!, $key: String!) { access {
  unseal(case: $case, ground: JUDICIAL, requestNumber: "义公刑〔2026〕12号", requester: $requester,
    purpose: "办理另案需要核对", days: 3, key: $key) { output case { id } } } }
"""

END = """
mutation($grant: ID!, $key: String!) { access { endGrant(grant: $grant, key: $key) { replayed } } }
"""


@pytest.fixture
def stranger(demo_server: DemoServer) -> Person:
    """The police of Yiwu, who have no part in Anji's cases."""
    return Person(demo_server, "yiwu-police", PROVINCE)


@pytest.fixture
def approver(demo_server: DemoServer) -> Person:
    """Somebody at Anji's procuratorate who signs off; it is the organ that closes and seals."""
    login, beside = f"approver-{uuid.uuid4().hex[:8]}", actor_of(demo_server, "procurator")
    appoint(demo_server, login, organ=beside.organ.id, department=beside.department, duty="approver")
    return Person(demo_server, login)


def open_until(who: Person, case_id: str) -> datetime | None:
    """When the case closes again to who reads it by a grant."""
    told = who.ask("query($id: ID!) { case(id: $id) { openUntil } }", id=f"Case:{case_id}")["case"][
        "openUntil"
    ]
    return None if told is None else datetime.fromisoformat(told)


def test_police_elsewhere_break_the_glass_and_the_procuratorate_reviews_it(
    demo_server: DemoServer, stranger: Person, police: Person, procurator: Person, reported: str
) -> None:
    assert not stranger.sees(reported)
    guess = str(uuid.uuid4())
    assert stranger.code(BREAK, case=f"Case:{guess}", key=str(uuid.uuid4())) == "not_found"
    done = stranger.ask(BREAK, case=f"Case:{reported}", key=str(uuid.uuid4()))["access"]["breakGlass"]
    assert done["case"] == {"id": f"Case:{reported}"}
    closes = demo_server.clock.now() + timedelta(hours=2)
    assert open_until(stranger, reported) == closes
    assert [open_until(who, reported) for who in (police, procurator)] == [None, None]
    seen = stranger.case(reported)
    assert seen["detail"]["child"] == {"name": "小满", "birth_date": "2011-09-01"}
    assert (seen["detail"]["facts"], seen["detail"]["reporter"]) == (None, None)
    assert "湖州市第一人民医院" not in str(seen)
    assert (seen["actions"], {letter["maySign"] for letter in seen["letters"]}) == ([], {False})
    for letter in police.case(reported)["letters"]:
        assert stranger.http.get(f"/documents/{letter['id'].removeprefix('Letter:')}.pdf").status_code == 404
    assert stranger.refused("receive", reported) == "action_not_allowed"
    broken = [
        glass
        for glass in procurator.ask(BROKEN)["access"]["brokenGlass"]
        if glass["caseId"] == f"Case:{reported}"
    ]
    assert [(one["login"], one["reason"], one["note"], one["finding"]) for one in broken] == [
        ("yiwu-police", "MISSING_MINOR", "孩子离家未归，需联系监护人", None)
    ]
    procurator.ask(REVIEW, glass=broken[0]["id"], key=str(uuid.uuid4()))
    procurator.ask(END, grant=broken[0]["id"], key=str(uuid.uuid4()))
    assert not stranger.sees(reported)


def test_a_sealed_case_is_opened_to_who_inquires_by_law_and_sealed_again_by_the_clock(
    demo_server: DemoServer,
    stranger: Person,
    approver: Person,
    doctor: Person,
    police: Person,
    procurator: Person,
    reported: str,
) -> None:
    """The offender's law, Criminal Procedure Law art. 286, is followed for a victim's report: no other way is open."""
    seal(reported, doctor=doctor, police=police, procurator=procurator)
    asked = {"requester": f"Organ:{actor_of(demo_server, 'yiwu-police').organ.id}"}
    sealed, never = f"Case:{reported}", f"Case:{uuid.uuid4()}"
    refusals = [
        who.try_to(UNSEAL, case=case, key=str(uuid.uuid4()), **asked)
        for who, case in ((procurator, sealed), (procurator, never), (police, sealed), (approver, never))
    ]
    assert {answer["errors"][0]["extensions"]["code"] for answer in refusals} == {"unsealing_refused"}
    assert len({str(answer) for answer in refusals}) == 1
    opened = approver.ask(UNSEAL, case=sealed, key=str(uuid.uuid4()), **asked)["access"]["unseal"]
    assert opened["case"] is None
    assert stranger.case(reported)["detail"]["child"] == {"name": "小*", "birth_date": None}
    stranger.reveal(reported, "statutory_inquiry")
    seen = stranger.case(reported)
    assert seen["sealedAt"] is not None
    assert (seen["detail"]["facts"] is not None, seen["detail"]["reporter"], seen["actions"]) == (
        True,
        None,
        [],
    )
    assert not [who.login for who in (doctor, police, procurator, approver) if who.sees(reported)]
    again = approver.ask(UNSEAL, case=sealed, key=str(uuid.uuid4()), **asked)["access"]["unseal"]
    for grant in (opened, again):
        assert stranger.sees(reported)
        approver.ask(END, grant=f"Grant:{grant['output']['grant']}", key=str(uuid.uuid4()))
    assert not stranger.sees(reported)
    approver.ask(UNSEAL, case=sealed, key=str(uuid.uuid4()), **asked)
    assert stranger.sees(reported)
    demo_server.clock.advance(timedelta(days=3))
    eventually(lambda: not stranger.sees(reported))
