"""A provincial administrator enables scenes per region, and can explain what holds where."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ..conftest import DemoServer
from .people import ANJI, HUZHOU, Clinic, Person

ENABLE = (
    "mutation($input: AdministrationEnableSceneInput!, $key: String!)"
    " { administration { enableScene(input: $input, key: $key) { output } } }"
)
EXPLAIN = (
    "query($input: AdministrationEffectiveConfigurationQueryInput!) { administration { effectiveConfiguration(input: $input)"
    " { state version decided_by fields { name value decided_by } roles { role organ_name decided_by } } } }"
)


@pytest.fixture
def admin(demo_server: DemoServer) -> Person:
    return Person(demo_server, "admin", "330000")


def enable(who: Person, **given: Any) -> dict[str, Any]:
    return who.try_to(
        ENABLE, input={"scene": "minor_protection", "roles": [], **given}, key=str(uuid.uuid4())
    )


def explained(who: Person, region: str) -> dict[str, Any]:
    asked = {"scene": "minor_protection", "region": region}
    held: dict[str, Any] = who.ask(EXPLAIN, input=asked)["administration"]["effectiveConfiguration"]
    return held


def test_configuration_adds_up_from_default_city_and_county_and_says_so(admin: Person) -> None:
    assert "errors" not in enable(admin, region=ANJI, config={"recent_days": 5})
    held = explained(admin, ANJI)
    fields = {field["name"]: (field["value"], field["decided_by"]) for field in held["fields"]}
    assert fields["recent_days"] == ("5", ANJI)
    assert fields["prompt_expiry_hours"] == ("72", "")
    assert fields["reads_text"] == ("true", "")
    assert {role["role"]: role["organ_name"] for role in held["roles"]}["police"] == "安吉县公安局"
    neighbour = {field["name"]: field["value"] for field in explained(admin, "330522")["fields"]}
    assert neighbour["recent_days"] == "3"


def test_a_configuration_that_does_not_fit_the_scenes_schema_is_refused(admin: Person) -> None:
    answer = enable(admin, region=ANJI, config={"recent_days": 400})
    assert answer["errors"][0]["extensions"]["code"] == "invalid_input"


def test_enabling_is_refused_until_every_role_is_bound(admin: Person) -> None:
    answer = enable(admin, region="330802")
    assert answer["errors"][0]["extensions"]["code"] == "roles_unbound"
    assert "police" in answer["errors"][0]["message"]
    refused = admin.code(EXPLAIN, input={"scene": "minor_protection", "region": "330802"})
    assert refused == "scene_not_enabled"


def test_installed_scenes_show_their_state(admin: Person) -> None:
    data = admin.ask("{ administration { installedScenes { scenes { id state reason } } } }")
    assert data["administration"]["installedScenes"]["scenes"] == [
        {"id": "minor_protection", "state": "loaded", "reason": ""}
    ]


@pytest.mark.parametrize("login", ["police", "procurator", "auditor"])
def test_nobody_else_administers(demo_server: DemoServer, login: str) -> None:
    answer = enable(Person(demo_server, login, ANJI), region=ANJI)
    assert "errors" in answer
    assert "enableScene" not in str(answer.get("data"))


def test_closing_takes_no_new_cases_and_lets_running_ones_go_on(
    admin: Person, reported: str, police: Person, clinic: Clinic
) -> None:
    assert "errors" not in enable(admin, region=ANJI, state="closing")
    try:
        refused = clinic.http.post(
            f"/r/{HUZHOU}/minor-protection/screenings",
            json={
                "birth_date": "2012-02-29",
                "patient_ref": f"his-{uuid.uuid4().hex[:8]}",
                "icd10": ["S20.2", "S40.0", "S70.1"],
                "residence_division": ANJI,
                "report": True,
            },
        )
        assert (refused.status_code, refused.json()["code"]) == (404, "scene_not_enabled")
        police.sign(reported, "mandatory_report")
        assert police.states(reported) == {"received", "not_requested"}
    finally:
        assert "errors" not in enable(admin, region=ANJI, state="enabled")


def test_a_scene_made_read_only_lets_nobody_act_and_everybody_read(
    admin: Person, reported: str, police: Person, procurator: Person
) -> None:
    letter = next(item for item in police.case(reported)["letters"] if item["maySign"])
    copy = next(item for item in procurator.case(reported)["letters"] if item["maySign"])
    assert "errors" not in enable(admin, region=ANJI, state="read_only")
    try:
        sign = "mutation($l: ID!, $k: String!) { letters { sign(letter: $l, key: $k) { replayed } } }"
        assert police.code(sign, l=letter["id"], k=str(uuid.uuid4())) == "scene_read_only"
        assert procurator.code(sign, l=copy["id"], k=str(uuid.uuid4())) == "scene_read_only"
        assert (
            procurator.refused("requestSupport", reported, support_needs=["PSYCHOLOGICAL"])
            == "scene_read_only"
        )
        shown = police.case(reported)
        assert {state["id"] for state in shown["states"]} == {"sent", "not_requested"}
        assert (shown["actions"], [item for item in shown["letters"] if item["maySign"]]) == ([], [])
    finally:
        assert "errors" not in enable(admin, region=ANJI, state="enabled")
    police.sign(reported, "mandatory_report")
