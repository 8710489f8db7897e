"""Errors: our own with code, remedy and place; anything else masked; never what a user typed."""

from __future__ import annotations

from typing import Any

import pytest

from .support import REPORT, key

SECRET = "张三的电话 13800000000"


def report(api: Any, **input_: Any) -> Any:
    return api.ask(REPORT, variables={"input": {"place": "330523", "about": "x", **input_}, "key": key()})


def faults(api: Any, before: int) -> list[tuple[str, str, str]]:
    """Namespace, action and code of each fault's leaf since there were `before` leaves."""
    fresh = api.leaves()[before:]
    assert all(leaf["actor"] for leaf in fresh)
    return [(leaf["namespace"], leaf["action"], leaf["code"]) for leaf in fresh if leaf["outcome"] == "fault"]


def test_a_scenes_exception_is_its_fault_and_shows_no_text(api: Any) -> None:
    reply = report(api, about="raise")
    assert reply.codes == ["scene_fault"]
    assert "138" not in str(reply.body)

    case_id = api.report()
    query = "query ($id: ID!) { case(id: $id) { detail { ... on LostElderCase { about broken } } } }"
    before = len(api.leaves())
    shown = api.ask(query, variables={"id": case_id})
    assert shown.codes == ["scene_fault"]
    assert shown.body["data"] == {"case": {"detail": {"about": "missed since noon", "broken": None}}}
    assert "138" not in str(shown.body)
    assert faults(api, before) == [("lost_elder", "request", "scene_fault")]


def test_an_unforeseen_exception_shows_nothing_but_its_code(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        """A tree that fails as only a bug can."""

        get = api.host.tree.get

        def __getattr__(self, name: str) -> Any:
            return getattr(tree, name)

    tree = api.host.tree
    broken = Broken()
    monkeypatch.setattr(api.host, "tree", broken)
    calls = iter([True, True])

    def get(code: str) -> Any:
        if next(calls, False):
            return tree.get(code)
        raise RuntimeError(SECRET)

    broken.get = get
    before = len(api.leaves())
    reply = api.ask("{ region { code } me { login } }", headers={"accept-language": "en"})
    assert reply.body["errors"] == [
        {
            "message": "Something went wrong inside.",
            "locations": [{"line": 1, "column": 3}],
            "path": ["region"],
            "extensions": {
                "code": "internal_error",
                "remedy": "Try again later; if it happens again, tell the administrator when.",
                "where": "",
            },
        }
    ]

    assert faults(api, before) == [("graphql", "request", "internal_error")]


def test_an_act_that_breaks_leaves_one_leaf_and_the_dispatcher_left_it(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: Any) -> Any:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(api.host.dispatch._acting, "act", raises)
    before = len(api.leaves())
    reply = report(api)
    assert reply.codes == ["internal_error"]
    assert "138" not in str(reply.body)
    assert faults(api, before) == [("lost_elder", "report", "internal_error")]


@pytest.mark.parametrize(
    ("input_", "code", "where"),
    [
        ({"born": "2012-02-30"}, "impossible_date", "/born"),
        ({"born": "yesterday"}, "impossible_date", "/born"),
        ({"last_seen": "2026-13-01T00:00:00Z"}, "impossible_date", "/last_seen"),
        ({"nickname": SECRET}, "unknown_field", "/nickname"),
        ({"clothing": {"colour": "red", "size": 1}}, "unknown_field", "/clothing/size"),
        ({"clothing": {}}, "invalid_input", "/clothing/colour"),
        ({"urgency": SECRET}, "invalid_input", "/urgency"),
        ({"about": 3}, "invalid_input", "/about"),
        ({"reward": 2**53}, "invalid_input", "/reward"),
        ({"place": SECRET}, "invalid_input", "/place"),
        ({"seen_at": ["a", 1]}, "invalid_input", "/seen_at/1"),
        ({"helper": {}}, "invalid_input", "/helper"),
        ({"helper": {"person": None}}, "invalid_input", "/helper"),
        ({"about": "x" * 201}, "invalid_input", "/about"),
    ],
)
def test_a_wrong_variable_is_refused_where_it_stands(
    api: Any, input_: dict[str, Any], code: str, where: str
) -> None:
    before = len(api.leaves())
    cases = api.fetch("SELECT count(*) AS n FROM cases")
    reply = report(api, **input_)
    error = reply.body["errors"][0]
    assert (error["extensions"]["code"], error["extensions"]["where"]) == (code, where)
    assert SECRET not in str(reply.body)
    assert error["extensions"]["remedy"]
    assert code in [leaf["code"] for leaf in api.leaves()[before:]]
    assert api.fetch("SELECT count(*) AS n FROM cases") == cases


@pytest.mark.parametrize(
    ("literal", "code", "where"),
    [
        ('born: "2012-02-30"', "impossible_date", "/born"),
        (f'nickname: "{SECRET}"', "unknown_field", "/nickname"),
        (f'urgency: "{SECRET}"', "invalid_input", "/urgency"),
        ("clothing: {}", "invalid_input", "/clothing/colour"),
    ],
)
def test_a_wrong_literal_is_refused_without_being_repeated(
    api: Any, literal: str, code: str, where: str
) -> None:
    query = f"""
    mutation {{ lostElder {{ report(input: {{place: "330523", about: "x", {literal}}}, key: "{key()}") {{
      replayed
    }} }} }}
    """
    reply = api.ask(query)
    error = reply.body["errors"][0]
    assert reply.status == 400
    assert (error["extensions"]["code"], error["extensions"]["where"]) == (code, where)
    assert SECRET not in str(reply.body)


@pytest.mark.parametrize(
    ("literal", "told"),
    [
        ("urgency: SOON", ["“/urgency”", "不是可选值之一：CALM、URGENT"]),
        ("about: 3", ["“/about”", "类型不对，应为文本"]),
        ("clothing: 3", ["“/clothing”", "类型不对，应为对象"]),
    ],
)
def test_a_refusal_says_what_was_expected(api: Any, literal: str, told: list[str]) -> None:
    name, value = literal.split(": ")
    fields = {"place": '"330523"', "about": '"x"', name: value}
    given = ", ".join(f"{field}: {sent}" for field, sent in fields.items())
    query = f'mutation {{ lostElder {{ report(input: {{{given}}}, key: "{key()}") {{ replayed }} }} }}'
    message = api.ask(query).body["errors"][0]["message"]
    assert [words for words in told if words not in message] == [], message
    message = report(api, **{name: value if value.isalpha() else int(value)}).body["errors"][0]["message"]
    assert [words for words in told if words not in message] == [], message


def test_a_required_field_left_out_of_a_literal_is_named(api: Any) -> None:
    query = (
        f'mutation {{ lostElder {{ report(input: {{place: "330523"}}, key: "{key()}") {{ replayed }} }} }}'
    )
    error = api.ask(query).body["errors"][0]
    assert error["extensions"]["where"] == "/about"
    assert "缺少必填项" in error["message"]


def test_null_for_what_may_be_left_out_is_taken_as_left_out(api: Any) -> None:
    assert report(api, urgency=None, helper=None, name=None).data["lostElder"]["report"]["case"]


def test_an_unknown_field_is_named_with_suggestions_from_the_view(api: Any) -> None:
    before = len(api.leaves())
    reply = api.ask("{ lostElde { forms { name } } }")
    error = reply.body["errors"][0]
    assert reply.status == 400
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["code"] == "unknown_field"
    assert error["extensions"]["where"] == "Query.lostElde"
    assert error["extensions"]["suggestions"] == ["lostElder"]
    fresh = [(leaf["namespace"], leaf["outcome"], leaf["code"]) for leaf in api.leaves()[before:]]
    assert ("graphql", "refused", "unknown_field") in fresh


def test_a_syntax_error_tells_its_place(api: Any) -> None:
    reply = api.ask("{ me { }")
    assert (reply.status, reply.codes) == (400, ["invalid_query"])
    assert reply.body["errors"][0]["locations"] == [{"line": 1, "column": 9}]


@pytest.mark.parametrize(
    ("query", "english"),
    [
        (f'{{ node(id: "{SECRET}" ', "line 1, column 32: Name expected."),
        (f'{{ "{SECRET}" }}', "line 1, column 3: Name expected."),
        (f'"{SECRET}"', "line 1, column 20: syntax error."),
        ('{ node(id: "13800000000\n") }', "line 1, column 24: syntax error."),
        ("{ me { login } } 13800000000", "line 1, column 18: syntax error."),
        ("{ me { login }\n  13800000000 }", "line 2, column 3: Name expected."),
        ("query 13800000000 { me { login } }", "line 1, column 7: '{' expected."),
    ],
)
def test_a_syntax_error_never_repeats_what_was_written(api: Any, query: str, english: str) -> None:
    reply = api.ask(query, headers={"accept-language": "en"})
    assert reply.codes == ["invalid_query"]
    assert reply.body["errors"][0]["message"] == f"The GraphQL document is not valid: {english}"
    assert "138" not in str(reply.body)


def test_in_the_older_media_type_a_well_formed_request_is_answered_200(api: Any) -> None:
    reply = api.ask("{ nothing }", headers={"accept": "application/json"})
    assert (reply.status, reply.codes) == (200, ["unknown_field"])


def test_a_refused_query_of_a_namespace_leaves_an_audit_leaf(api: Any) -> None:
    before = len(api.leaves())
    reply = api.ask(
        """query ($input: AdministrationEffectiveConfigurationQueryInput!) {
             administration { effectiveConfiguration(input: $input) { state } } }""",
        as_="administrator",
        variables={"input": {"scene": "lost_elder", "region": "110101"}},
    )
    assert reply.codes == ["action_not_allowed"]
    fresh = [
        (leaf["namespace"], leaf["action"], leaf["region"], leaf["code"]) for leaf in api.leaves()[before:]
    ]
    assert ("administration", "effective_configuration", "330523", "action_not_allowed") in fresh
