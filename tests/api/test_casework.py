"""Casework through the API: report, sign, close; lists page by page; nodes by their ids."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from gongzhi.cases.views import WAITS

from .support import REPORT, key

SIGN = """
mutation ($letter: ID!, $key: String!) {
  letters { sign(letter: $letter, key: $key) { replayed case { states { id } } letters { id } } }
}
"""
FIND = """
mutation ($case: ID!, $key: String!, $version: Int) {
  lostElder {
    find(case: $case, input: {outcome: FOUND}, key: $key, rowVersion: $version) {
      replayed case { closedAt states { id } detail { ... on LostElderCase { outcome } } }
    }
  }
}
"""
OPEN = """
query ($id: ID!) {
  case(id: $id) {
    id role masked rowVersion
    scene { id title version } region { code name }
    states { id title track }
    actions { name mutation letter }
    deadlines { kind state dueAt organ { name } article }
    organs { role organ { name type region { code } } }
    letters { id kind basis copyOf to { name } from { name } case { id } evidence { step positive } }
    timeline(first: 10) { nodes { seq action title states { id } leafHash } pageInfo { hasNextPage } }
    detail {
      caseId
      ... on LostElderCase {
        place about urgency reward last_seen name born seen_at
        clothing { colour hat }
        helper { __typename ... on LostElderCaseHelperGroup { kind size } }
        shout hints { text }
      }
    }
  }
}
"""


def test_a_report_travels_to_its_end(api: Any) -> None:
    case_id = api.report("missing since dawn", name="张三丰", born="1940-02-29")
    letter = api.delivered(case_id, "officer")

    inbox = api.ask("{ inbox { nodes { caseId waits letter { id } } } }", as_="officer").data["inbox"][
        "nodes"
    ]
    assert {"caseId": case_id, "waits": "sign", "letter": {"id": letter}} in inbox

    signed = api.ask(SIGN, as_="officer", variables={"letter": letter, "key": key()}).data["letters"]["sign"]
    assert signed["case"]["states"] == [{"id": "received"}]

    found = api.ask(FIND, as_="officer", variables={"case": case_id, "key": key()}).data["lostElder"]["find"]
    assert found["case"]["closedAt"] is not None
    assert found["case"]["detail"] == {"outcome": "FOUND"}

    opened = api.ask(OPEN, as_="officer", variables={"id": case_id}).data["case"]
    steps = [event["action"] for event in opened["timeline"]["nodes"]]
    assert [step for step in steps if step in ("report", "receive", "find")] == ["report", "receive", "find"]
    assert all(len(event["leafHash"]) == 64 for event in opened["timeline"]["nodes"])


def test_generated_types_carry_every_kind_of_value(api: Any) -> None:
    case_id = api.report(
        "with everything",
        urgency="URGENT",
        reward=9_007_199_254_740_991,
        last_seen="2026-11-01T10:00:00+08:00",
        clothing={"colour": "red", "hat": None},
        helper={"group": {"kind": "GROUP", "size": 3}},
        seen_at=["market", "bridge"],
        name="张三丰",
        born="1940-02-29",
    )
    shown = api.ask(OPEN, as_="officer", variables={"id": case_id}).data["case"]
    assert shown["detail"] == {
        "caseId": case_id,
        "place": "330523",
        "about": "with everything",
        "urgency": "URGENT",
        "reward": 9_007_199_254_740_991,
        "last_seen": "2026-11-01T10:00:00+08:00",
        "name": "张三丰",
        "born": "1940-02-29",
        "seen_at": ["market", "bridge"],
        "clothing": {"colour": "red", "hat": None},
        "helper": {"__typename": "LostElderCaseHelperGroup", "kind": "GROUP", "size": 3},
        "shout": "WITH EVERYTHING",
        "hints": [{"text": "near 330523"}],
    }
    assert (shown["role"], shown["masked"]) == ("公安", [])


def test_what_a_role_may_not_read_is_masked(api: Any) -> None:
    case_id = api.report("masked", name="张三丰", born="1940-02-29")
    shown = api.ask(OPEN, variables={"id": case_id}).data["case"]
    assert shown["role"] == "报告单位"
    assert (shown["detail"]["name"], shown["detail"]["born"]) == ("张**", None)
    assert shown["masked"] == ["/name", "/born"]


def test_a_repeated_key_replays_and_another_body_is_refused(api: Any) -> None:
    variables = {"input": {"place": "330523", "about": "twice"}, "key": key()}
    first = api.ask(REPORT, variables=variables).data["lostElder"]["report"]
    again = api.ask(REPORT, variables=variables).data["lostElder"]["report"]
    assert again == {**first, "replayed": True}
    other = api.ask(REPORT, variables={**variables, "input": {"place": "330523", "about": "thrice"}})
    assert other.codes == ["key_reused"]


def test_a_stale_version_is_refused(api: Any) -> None:
    case_id = api.report("stale")
    reply = api.ask(FIND, as_="officer", variables={"case": case_id, "key": key(), "version": 99})
    assert reply.codes == ["row_changed"]
    assert reply.body["data"] == {"lostElder": {"find": None}}


def test_acts_of_one_request_run_in_order_and_fail_alone(api: Any) -> None:
    query = """
    mutation ($a: String!, $b: String!, $c: String!) {
      lostElder {
        one: report(input: {place: "330523", about: "one"}, key: $a) { case { id } }
        two: report(input: {place: "330523", about: "raise"}, key: $b) { case { id } }
        three: report(input: {place: "330523", about: "three"}, key: $c) { case { id } }
      }
    }
    """
    reply = api.ask(query, variables={"a": key(), "b": key(), "c": key()})
    done = reply.body["data"]["lostElder"]
    assert (done["two"], reply.codes) == (None, ["scene_fault"])
    ids = [done[name]["case"]["id"] for name in ("one", "three")]
    created = [
        api.ask("query ($id: ID!) { case(id: $id) { createdAt } }", variables={"id": id_}).data for id_ in ids
    ]
    assert created[0]["case"]["createdAt"] < created[1]["case"]["createdAt"]


def test_lists_are_read_page_by_page(api: Any) -> None:
    mine = [api.report(f"page {n}") for n in range(5)]
    query = """
    query ($after: String) {
      lostElder { cases(first: 2, after: $after) {
        edges { cursor node { id } } nodes { id } pageInfo { hasNextPage endCursor }
      } }
    }
    """
    seen: list[str] = []
    after = None
    while True:
        page = api.ask(query, variables={"after": after}).data["lostElder"]["cases"]
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        seen += [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen))
    assert [id_ for id_ in seen if id_ in mine] == mine[::-1]


def test_cases_are_searched_and_filtered(api: Any) -> None:
    case_id = api.report("戴蓝帽子的老人")
    query = '{ cases(search: "蓝帽子", scene: "lost_elder", open: true) { nodes { id title } } }'
    assert [node["id"] for node in api.ask(query).data["cases"]["nodes"]] == [case_id]
    assert api.ask(query.replace("true", "false")).data["cases"]["nodes"] == []


def test_a_list_opens_a_case_once_and_only_when_asked(api: Any) -> None:
    api.report("listed")

    def opened(query: str) -> int:
        before = len(api.leaves())
        assert api.ask(query).data
        return [leaf["action"] for leaf in api.leaves()[before:]].count("open_case")

    assert opened("{ cases(first: 3) { nodes { id title states { id } nextDueAt scene { title } } } }") == 0
    assert (
        opened("{ cases(first: 1) { nodes { role masked actions { name } letters { id case { id } } } } }")
        == 1
    )


def test_nodes_are_found_by_their_ids(api: Any) -> None:
    case_id = api.report("node")
    query = """
    query ($id: ID!) {
      node(id: $id) { __typename id ... on Case { role } ... on Letter { kind } ... on Organ { name type } }
    }
    """
    case = api.ask(OPEN, variables={"id": case_id}).data["case"]
    letter = case["letters"][0]["id"]
    me = api.ask("{ me { organ { id } } }").data["me"]["organ"]["id"]
    assert api.ask(query, variables={"id": case_id}).data["node"]["__typename"] == "Case"
    assert api.ask(query, variables={"id": letter}).data["node"] == {
        "__typename": "Letter",
        "id": letter,
        "kind": "notice",
    }
    assert api.ask(query, variables={"id": me}).data["node"] == {
        "__typename": "Organ",
        "id": me,
        "name": "测试hospital",
        "type": "hospital",
    }
    for id_ in ("Case:nonsense", "nonsense", f"Scene:{uuid4()}", f"Case:{uuid4()}", f"Letter:{uuid4()}", ""):
        reply = api.ask(query, variables={"id": id_})
        assert (reply.body["data"], reply.codes) == ({"node": None}, ["not_found"]), id_


def test_each_case_of_a_batch_is_authorised_by_itself(api: Any) -> None:
    case_id = api.report("batch")
    query = f"""{{
      first: case(id: "{case_id}") {{ id }}
      second: case(id: "Case:{uuid4()}") {{ id }}
      third: case(id: "{case_id}") {{ role }}
    }}"""
    mine = api.ask(query)
    assert mine.codes == ["not_found"]
    assert mine.body["data"] == {"first": {"id": case_id}, "second": None, "third": {"role": "报告单位"}}

    strangers = api.ask(query, as_="deqing_officer", region="330500")
    assert strangers.codes == ["not_found"] * 3
    assert strangers.body["data"] == {"first": None, "second": None, "third": None}


def test_an_organ_outside_the_region_may_not_act_there(api: Any) -> None:
    variables = {"input": {"place": "330523", "about": "outside"}, "key": key()}
    before = len(api.leaves())
    reply = api.ask(REPORT, as_="deqing_officer", variables=variables)
    assert reply.codes == ["organ_outside_region"]
    assert "organ_outside_region" in [leaf["code"] for leaf in api.leaves()[before:]]


def test_totals_and_counts_are_read_by_the_conditions_of_their_lists(api: Any) -> None:
    about = f"counted {key()}"
    case_id = api.report(about)
    api.delivered(case_id, "officer")
    word = about.split()[1]
    listed = f'cases(search: "{word}") {{ nodes {{ id }} total {{ count exact }} }}'
    asked = f"{{ {listed} inbox {{ counts {{ waits count exact }} }} }}"
    seen = api.ask(asked, as_="officer").data
    assert seen["cases"] == {"nodes": [{"id": case_id}], "total": {"count": 1, "exact": True}}
    counts = {item["waits"]: item["count"] for item in seen["inbox"]["counts"]}
    assert set(counts) == set(WAITS)
    assert counts["sign"] >= 1
    own = api.ask(
        f'{{ lostElder {{ cases(search: "{word}") {{ total {{ count }} }} }} }}', as_="officer"
    ).data
    assert own["lostElder"]["cases"]["total"] == {"count": 1}
    others = api.ask(asked, as_="deqing_officer", region="330521").data
    assert others["cases"] == {"nodes": [], "total": {"count": 0, "exact": True}}
