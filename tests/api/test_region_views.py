"""What a region's view holds over HTTP: its scenes, and no trace of another's."""

from __future__ import annotations

import re
from typing import Any

INTROSPECTION = """
{ __schema { types { name description fields { name args { name } } enumValues { name } possibleTypes { name } } } }
"""


TRACE = re.compile("well.?watch|水井|depth", re.IGNORECASE)


def test_a_region_shows_its_scenes_and_no_other(api: Any) -> None:
    query = "{ scenes { id title version } }"
    assert api.ask(query).data["scenes"] == [{"id": "lost_elder", "title": "走失老人", "version": "1.0.0"}]
    deqing = api.ask(query, region="330521", as_="deqing_officer")
    assert [scene["id"] for scene in deqing.data["scenes"]] == ["well_watch"]


def test_a_hidden_scene_leaves_no_trace(api: Any) -> None:
    probes = [
        INTROSPECTION,
        "{ wellWatch { forms { name } } }",
        "{ wellWatc { forms { name } } }",
        '{ __type(name: "WellWatchCase") { name } }',
        "{ me { ... on WellWatchCas { depth } } }",
        "query ($x: WellWatchReportInput) { me { login } }",
        'mutation { wellWatch { report(input: {place: "330521"}, key: "12345678") { replayed } } }',
        "{ inbox { nodes { letter { case { detail { ... on WellWatchCase { depth } } } } } } }",
    ]
    for login in ("doctor", "administrator", None):
        for probe in probes:
            body = str(api.ask(probe, as_=login).body)
            for name in asked_for(probe):
                body = body.replace(name, "")
            assert not TRACE.search(body), probe
    assert not TRACE.search(api.send("GET", "/graphql/330523/schema.graphql").text)
    assert TRACE.search(api.send("GET", "/graphql/330521/schema.graphql").text)


def asked_for(probe: str) -> list[str]:
    """What the client itself wrote may be told back to it."""
    return re.findall(r"\w*[wW]ellWatc\w*|depth", probe)


def test_a_case_of_a_hidden_scene_is_not_found(api: Any) -> None:
    query = "query ($id: ID!) { case(id: $id) { title } }"
    case_id = api.report()
    assert api.ask(query, variables={"id": case_id}, as_="officer").data["case"]["title"]
    elsewhere = api.ask(query, variables={"id": case_id}, as_="officer", region="330521")
    assert (elsewhere.body["data"], elsewhere.codes) == ({"case": None}, ["not_found"])


def test_a_scene_whose_types_fail_loses_only_itself(api: Any) -> None:
    reply = api.ask("{ brokenTypes { forms { name } } }")
    assert reply.codes == ["unknown_field"]
    assert api.ask("{ lostElder { forms { name } } }").data["lostElder"]["forms"] == [{"name": "report"}]
    states = {state.id: state for state in api.host.scenes.states()}
    assert states["broken_types"].state == "failed"
    assert states["broken_types"].reason.startswith("GraphQL types: case/odd: ")
    assert states["lost_elder"].state == "loaded"


def test_administration_is_shown_to_those_who_administer(api: Any) -> None:
    query = "{ __schema { mutationType { fields { name } } } }"

    def namespaces(login: str | None) -> list[str]:
        fields = api.ask(query, as_=login).data["__schema"]["mutationType"]["fields"]
        return [field["name"] for field in fields]

    everybody = namespaces(None)
    assert {"letters", "lostElder"} <= set(everybody)
    assert namespaces("doctor") == everybody
    assert set(namespaces("administrator")) - set(everybody) == {"administration", "directory"}


def test_forms_are_those_that_my_organ_may_open_here(api: Any) -> None:
    query = "{ lostElder { forms { name title namespace mutation inputSchema letter } } }"
    form = api.ask(query).data["lostElder"]["forms"][0]
    schema = form.pop("inputSchema")
    assert form == {
        "name": "report",
        "title": "报告走失",
        "namespace": "lostElder",
        "mutation": "report",
        "letter": None,
    }
    assert schema["required"] == ["place", "about"]
    assert api.ask(query, as_="officer").data["lostElder"]["forms"] == []
