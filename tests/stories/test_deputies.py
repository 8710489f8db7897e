"""While a colleague is on leave, an officer acts in their place over the public API, until the administrator ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from gongzhi.identity.acting import legal_day

from ..conftest import DemoServer
from .people import Person, act, variables

ORGANS = '{ directory { organs(input: {region: "330523"}) { organs { id type } } } }'
ADD = """
mutation ($input: DirectoryAddAccountInput!, $key: String!) { directory { addAccount(input: $input, key: $key) { output } } }
"""
DEPUTISE = """
mutation ($input: DirectoryDeputiseInput!, $key: String!) { directory { deputise(input: $input, key: $key) { output } } }
"""
END = """
mutation ($input: DirectoryEndDeputyshipInput!, $key: String!) {
  directory { endDeputyship(input: $input, key: $key) { replayed } }
}
"""
LIST = """
query ($organ: String!) {
  directory { deputyships(input: {organ: $organ}) { deputyships { id absent deputy reason ended } } }
}
"""
TIMELINE = "query ($id: ID!) { case(id: $id) { timeline { nodes { action byDeputy } } } }"


def administer(demo: DemoServer, query: str, **variables: Any) -> dict[str, Any]:
    """What an act of the province's administrator answers."""
    admin = Person(demo, "admin", "330000")
    data: dict[str, Any] = admin.ask(query, key=str(uuid4()), **variables)["directory"]
    return data


def ask(browser: httpx.Client, query: str, headers: dict[str, str], **variables: Any) -> dict[str, Any]:
    reply = browser.post("/graphql/330523", json={"query": query, "variables": variables}, headers=headers)
    said: dict[str, Any] = reply.json()
    return said


def test_an_officer_handles_a_case_for_a_colleague_on_leave(
    demo_server: DemoServer, police: Person, reported: str
) -> None:
    organs = Person(demo_server, "admin", "330000").ask(ORGANS)["directory"]["organs"]["organs"]
    (organ,) = [organ["id"] for organ in organs if organ["type"] == "police"]
    absent = f"away-{uuid4().hex[:8]}"
    post = {
        "login": absent,
        "name": "赵青",
        "title": "中队长",
        "duties": ["approver"],
        "department": "少年警务",
    }
    administer(demo_server, ADD, input={"organ": organ, **post})
    until = (legal_day(demo_server.clock.now()) + timedelta(days=5)).isoformat()
    given = {"absent": absent, "deputy": "police", "valid_to": until, "reason": "leave"}
    deputyship = administer(demo_server, DEPUTISE, input=given)["deputise"]["output"]["deputyship"]

    with httpx.Client(base_url=demo_server.base_url, timeout=30) as browser:
        csrf = browser.post("/auth/demo-sign-in", json={"login": "police"}).json()["csrf"]
        own = {"x-gongzhi-csrf": csrf}
        acting = {**own, "gongzhi-deputyship": deputyship}
        offered = browser.get("/auth/deputyships").json()
        assert {
            "id": deputyship,
            "name": "赵青",
            "department": "少年警务",
            "title": "中队长",
            "duties": ["approver"],
            "valid_to": until,
        } in offered
        me = browser.get("/auth/me", headers=acting).json()
        assert (me["login"], me["department"], me["in_place_of"]) == (
            "police",
            "少年警务",
            {"id": deputyship, "name": "赵青"},
        )
        assert "in_place_of" not in browser.get("/auth/me").json()

        police.sign(reported, "mandatory_report")
        triage = {"triage_category": "POLICE", "acceptance": "CRIMINAL", "acceptance_no": "21号"}
        done = ask(browser, *act("triage", True), acting, **variables(reported, triage))
        assert "errors" not in done, done
        timeline = ask(browser, TIMELINE, own, id=f"Case:{reported}")["data"]["case"]["timeline"]["nodes"]
        assert {event["action"]: event["byDeputy"] for event in timeline}["triage"] is True
        assert timeline[0]["byDeputy"] is False

        # A program stands in for nobody, and neither does who was never named.
        with demo_server.client("police") as program:
            refused = program.get("/auth/me", headers={"gongzhi-deputyship": deputyship})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_deputy")

        administer(demo_server, END, input={"deputyship": deputyship})
        after = ask(browser, TIMELINE, acting, id=f"Case:{reported}")
        assert after["errors"][0]["extensions"]["code"] == "not_deputy"
        assert browser.get("/auth/me", headers=own).json()["login"] == "police"
        assert deputyship not in [one["id"] for one in browser.get("/auth/deputyships").json()]
    listed = Person(demo_server, "admin", "330000").ask(LIST, organ=organ)["directory"]["deputyships"]
    (row,) = [row for row in listed["deputyships"] if row["id"] == deputyship]
    assert row == {"id": deputyship, "absent": absent, "deputy": "police", "reason": "leave", "ended": True}
