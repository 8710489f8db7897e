"""How much one request may ask; and that no document below the limits keeps validation busy."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, get_introspection_query

from gongzhi.errors import LimitExceeded
from gongzhi_graphql.compose import Composer
from gongzhi_graphql.documents import prepare
from gongzhi_graphql.limits import Limits
from gongzhi_graphql.problems import Rejected

from .made import scene

BOUND_SECONDS = 0.4
"""Of processor time, which other work on the machine does not lengthen."""
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "graphql.md"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return Composer([], print).view([scene("fire")]).schema


def times(count: int, text: str) -> str:
    return " ".join(text.replace("#", str(n)) for n in range(count))


OVER = {
    "tokens": "{ " + "me { login } " * 600 + "}",
    "characters": "{ me { login } }" + " " * 50_000,
    "comments": "#\n" * 300 + "{ me { login } }",
    "depth": "{ me { organ { region " + "{ parent " * 14 + "{ code }" + " }" * 14 + " } } }",
    "letters within letters": '{ case(id: "x") { letters { case { letters { id } } } } }',
    "letters within letters of an act": 'mutation { letters { sign(letter: "x", key: "y") { letters { case {'
    " ...F } } } } } fragment F on Case { l: letters { id } }",
    "aliases": "{ " + times(51, "a#: me { login }") + " }",
    "repeats of a field": "{ " + "me { login } " * 21 + "}",
    "repeats through fragments": "{ me { "
    + times(21, "...F#")
    + " } } "
    + times(21, "fragment F# on Me { login }"),
    "fields": "{ " + times(10, "a#: inbox { nodes { letter { ...F } } }") + " } fragment F on Letter { "
    "id kind title number state basis role department copyOf replyBy acceptedAt deliveredAt signedAt case { id "
    "title closedAt createdAt updatedAt nextDueAt rowVersion role masked states { id title track } scene { id "
    "title summary version } region { code name level } deadlines { id kind title state startedAt dueAt metAt "
    "explanation article source } timeline { nodes { id seq action title at role leafHash } } organs { role "
    "organ { id name type region { code name level parent { code name level } } } } actions { name title "
    "namespace mutation inputSchema letter } } from { id name type region { code name level parent { code name "
    "level } } } to { id name type region { code name level parent { code name level } } } evidence { id step "
    "positive at record signature } }",
    "fragments": "{ me { ...F0 } } " + times(51, "fragment F# on Me { login }"),
    "fragment spreads": "{ me { " + "...F " * 201 + "} } fragment F on Me { login }",
    "schemas": "{ " + times(3, "a#: __schema { types { name } }") + " }",
    "directives": "{ me { " + times(51, "a: login @include(if: true)") + " } }",
}


@pytest.mark.parametrize("name", OVER)
def test_what_is_over_a_limit_is_refused_at_once(schema: GraphQLSchema, name: str) -> None:
    started = time.thread_time()
    with pytest.raises(Rejected) as refused:
        prepare(schema, OVER[name], Limits())
    assert isinstance(refused.value.first, LimitExceeded)
    assert time.thread_time() - started < BOUND_SECONDS


BELOW = {
    "introspection": get_introspection_query(input_value_deprecation=True, directive_is_repeatable=True),
    "many repeats": "{ " + times(45, "a#: me { " + "login " * 20 + "}") + " }",
    "parents repeated": "{ " + "me { id login name department title duties language } " * 20 + "}",
    "chained fragments": "{ me { "
    + times(19, "...F#")
    + " } } "
    + times(18, "fragment F# on Me { login ...G# }")
    + times(18, "fragment G# on Me { name }")
    + " fragment F18 on Me { login }",
    "dense fragments": "{ me { ...F0 } } "
    + " ".join(
        f"fragment F{n} on Me {{ login {' '.join(f'...F{m}' for m in range(n + 1, 18))} }}" for n in range(18)
    ),
    "a list literal": "{ case(id: [" + '"a" ' * 1900 + "]) { id } }",
    "many operations": times(190, "query Q# { me { login name } }"),
    "many unknown fields": "{ " + times(300, "field#") + " }",
    "inline fragments": "{ " + "... on Query { " * 150 + "me { login } " + "} " * 151,
}


@pytest.mark.parametrize("name", BELOW)
def test_what_is_below_the_limits_is_validated_in_bounded_time(schema: GraphQLSchema, name: str) -> None:
    started = time.thread_time()
    try:
        prepare(schema, BELOW[name], Limits())
    except Rejected as refused:
        assert not isinstance(refused.first, LimitExceeded)
        assert len(refused.errors) <= Limits().errors + 1
    assert time.thread_time() - started < BOUND_SECONDS


def test_three_hundred_repeated_fields_are_refused(api: Any) -> None:
    query = "{ " + "cases(first: 5) { nodes { id } } " * 300 + "}"
    reply = api.ask(query)
    assert (reply.status, reply.codes) == (400, ["limit_exceeded"])


@pytest.mark.parametrize("field", ["cases", "inbox"])
def test_a_page_holds_a_hundred_at_most(api: Any, field: str) -> None:
    def ask(first: int) -> list[str]:
        return list(api.ask(f"{{ {field}(first: {first}) {{ nodes {{ id }} }} }}").codes)

    assert ask(100) == []
    assert ask(101) == ["limit_exceeded"]
    assert ask(0) == ["invalid_input"]


def test_one_operation_opens_twenty_cases_at_most(api: Any) -> None:
    for n in range(22):
        api.report(f"crowd {n}")
    reply = api.ask("{ cases(first: 22) { nodes { id role } } }")
    assert reply.codes[0] == "limit_exceeded"
    assert len(api.ask("{ cases(first: 20) { nodes { id role } } }").data["cases"]["nodes"]) == 20


def test_what_lists_multiply_is_counted_and_told_once(api: Any) -> None:
    several = "{ code name level parent { code name level parent { code } } }"
    query = "{ " + times(48, f'a#: regions(search: "3") {several}') + " me { login } }"
    started = time.thread_time()
    reply = api.ask(query)
    assert (reply.status, reply.codes, reply.body["data"]) == (200, ["limit_exceeded"], None)
    assert time.thread_time() - started < 1


def test_a_read_of_the_store_counts_as_many_values(api: Any) -> None:
    case_id = api.report("read over and over")
    timelines = times(30, "a#: timeline(first: 1) { nodes { id } }")
    query = f"query ($id: ID!) {{ case(id: $id) {{ {times(7, 'l#: letters { case { ...F } }')} }} }}"
    reply = api.ask(f"{query} fragment F on Case {{ {timelines} }}", variables={"id": case_id})
    assert reply.codes == ["limit_exceeded"]


@pytest.mark.parametrize("what", ["cases", "regions", "introspection", "timelines", "letters"])
def test_the_most_that_passes_is_answered_within_a_second(api: Any, what: str) -> None:
    case_id = api.report("asked about at length")
    query = {
        "cases": times(49, "a#: cases(first: 100) { nodes { id title } }"),
        "regions": times(30, 'a#: regions(search: "3") { code name level parent { code name } }'),
        "introspection": times(
            49,
            'a#: __type(name: "Query") { fields { type { name fields { type { name kind ofType { name } } } } } }',
        ),
        "timelines": f'case(id: "{case_id}") {{ letters {{ case {{ {times(45, "a#: timeline { nodes { id } }")} }} }} }}',
        "letters": f'case(id: "{case_id}") {{ {times(45, "a#: letters { id case { role actions { inputSchema } } }")} }}',
    }[what]
    started = time.thread_time()
    assert api.ask("{ " + query + " }").codes == []
    assert time.thread_time() - started < 1


def test_the_reference_states_the_figures_in_force() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    stated = {
        name: int(figure) for name, figure in re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE)
    }
    assert stated == asdict(Limits())
