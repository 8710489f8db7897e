"""The HTTP door: regions, sign-in, media types, and what a request may not be."""

from __future__ import annotations

from typing import Any

import pytest

from gongzhi.identity.attempts import LIMITS
from gongzhi.identity.pace import Pace

QUERY = "{ region { code } }"


def refusal(response: Any) -> tuple[int, str]:
    """Status and code of a refused request; it has no data, and a remedy."""
    body = response.json()
    assert "data" not in body
    extensions = body["errors"][0]["extensions"]
    assert extensions["remedy"]
    return response.status_code, extensions["code"]


def counted(api: Any, code: str) -> int:
    """How many refusals of strangers are counted under this code."""
    sql = "SELECT coalesce(sum(count), 0)::int AS n FROM audit_counter WHERE code = $1"
    number: int = api.fetch(sql, code)[0]["n"]
    return number


def test_the_bare_address_is_the_region_of_the_signed_in_user(api: Any) -> None:
    assert api.ask(QUERY, region=None).data == {"region": {"code": "330523"}}
    assert api.ask(QUERY, region=None, as_="deqing_officer").data == {"region": {"code": "330521"}}


def test_the_bare_address_needs_sign_in(api: Any) -> None:
    response = api.send("POST", "/graphql", as_=None, json={"query": "{ __typename }"})
    assert refusal(response) == (401, "sign_in_required")


def test_a_visitor_reads_the_schema_and_no_field(api: Any) -> None:
    assert api.ask("{ __typename __schema { queryType { name } } }", as_=None).data["__typename"] == "Query"
    for query in (QUERY, "{ ...F } fragment F on Query { me { login } }", "{ ... { scenes { id } } }"):
        reply = api.ask(query, as_=None)
        assert (reply.status, reply.codes) == (401, ["sign_in_required"])


def test_a_bad_token_is_refused_even_for_the_schema(api: Any) -> None:
    reply = api.ask("{ __typename }", as_=None, headers={"authorization": "Bearer gongzhi_nobody"})
    assert (reply.status, reply.codes) == (401, ["sign_in_required"])


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "Bearer gongzhi_nobody"}, "sign_in_required"),
        ({"authorization": "Basic Og=="}, "sign_in_required"),
        ({"cookie": "gongzhi=nobody"}, "sign_in_required"),
        ({"cookie": "gongzhi=nobody", "sec-fetch-site": "cross-site"}, "cross_site_request"),
        ({}, "sign_in_required"),
    ],
)
def test_whoever_is_not_let_in_is_counted_once(api: Any, headers: dict[str, str], code: str) -> None:
    before = counted(api, code)
    assert api.ask("{ me { login } }", as_=None, headers=headers).codes == [code]
    assert counted(api, code) == before + 1


def test_visitors_from_one_address_are_limited_and_nobody_else_is(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.ask("{ __typename }", as_=None)
    monkeypatch.setitem(LIMITS, "visitor", 1)
    before = counted(api, "too_many_requests")
    response = api.send("POST", "/graphql/330523", as_=None, json={"query": "{ __typename }"})
    assert refusal(response) == (429, "too_many_requests")
    assert 0 < int(response.headers["retry-after"]) <= 900
    sdl = api.send("GET", "/graphql/330523/schema.graphql", as_=None)
    assert sdl.status_code == 429
    assert counted(api, "too_many_requests") == before + 2
    assert api.ask(QUERY).data == {"region": {"code": "330523"}}


def test_an_address_of_which_too_many_credentials_are_refused_waits_and_visitors_of_it_do_not(
    own_api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_api.host.sign_in, "_refused", Pace(1))
    made_up = {"authorization": "Bearer gongzhi_nobody"}
    codes = [own_api.ask(QUERY, as_=None, headers=made_up).codes for _ in range(3)]
    assert codes == [["sign_in_required"], ["sign_in_required"], ["too_many_requests"]]
    assert own_api.ask("{ __typename }", as_=None).status == 200


def test_an_account_that_asks_too_often_waits_for_the_next_minute(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = counted(api, "too_many_requests")
    monkeypatch.setattr(api.host.sign_in, "pace", Pace(0))
    for _ in range(3):
        response = api.send("POST", "/graphql/330523", json={"query": QUERY})
        assert refusal(response) == (429, "too_many_requests")
        assert 0 < int(response.headers["retry-after"]) <= 60
    assert counted(api, "too_many_requests") == before + 1


def test_an_unknown_region_is_not_found_and_the_asker_is_on_record(api: Any) -> None:
    before = len(api.leaves())
    reply = api.ask("{ __typename }", region="999999")
    assert (reply.status, reply.codes) == (404, ["no_such_region"])
    fresh = [(leaf["region"], leaf["outcome"], leaf["code"]) for leaf in api.leaves()[before:]]
    assert ("330523", "refused", "no_such_region") in fresh


def test_messages_come_in_the_language_that_is_asked_for(api: Any) -> None:
    chinese = api.ask("{ nothing }", headers={"accept-language": "zh-CN,zh;q=0.9"}).body["errors"][0]
    english = api.ask("{ nothing }", headers={"accept-language": "en-GB,en;q=0.9"}).body["errors"][0]
    assert chinese["message"] == "“Query.nothing”：没有名为“nothing”的字段。"
    assert english["message"] == "Query.nothing: there is no field named nothing."


def test_the_reply_has_the_media_type_that_accept_prefers(api: Any) -> None:
    new, old = "application/graphql-response+json", "application/json"
    for accept, expected in (
        (f"{new}, {old};q=0.9", new),
        (f"{new};q=0.5, {old}", old),
        (f"text/html, {new}", new),
        ("*/*", old),
    ):
        reply = api.ask(QUERY, headers={"accept": accept})
        assert reply.media_type == f"{expected}; charset=utf-8"


def test_another_media_type_is_not_acceptable(api: Any) -> None:
    response = api.send("GET", f"/graphql/330523?query={QUERY}", headers={"accept": "text/html"})
    assert refusal(response) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b'{"query": "{ me', "application/json", (400, "invalid_json")),
        (b'{"query": "\xff"}', "application/json", (400, "invalid_encoding")),
        (b"[]", "application/json", (400, "invalid_request")),
        (b'[{"query": "{ __typename }"}]', "application/json", (400, "invalid_request")),
        (b'{"query": 1}', "application/json", (400, "invalid_request")),
        (b'{"query": "{ __typename }", "variables": []}', "application/json", (400, "invalid_request")),
        (b"query={me}", "application/x-www-form-urlencoded", (415, "media_type_not_supported")),
        (b"{}", "application/json; charset=gbk", (415, "media_type_not_supported")),
    ],
)
def test_a_malformed_body_is_refused_with_its_own_code(
    api: Any, content: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    headers = {"content-type": content_type}
    assert refusal(api.send("POST", "/graphql/330523", content=content, headers=headers)) == expected


def test_a_body_of_twenty_megabytes_is_refused_and_put_on_record(api: Any) -> None:
    before = len(api.leaves())
    content = b'{"query": "' + b"x" * 20_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    response = api.send("POST", "/graphql", content=content, headers=headers)
    assert refusal(response) == (413, "body_too_large")
    fresh = [(leaf["action"], leaf["outcome"], leaf["code"]) for leaf in api.leaves()[before:]]
    assert ("request", "refused", "body_too_large") in fresh


def test_a_visitors_refusal_is_counted_and_leaves_no_leaf(api: Any) -> None:
    before, leaves = counted(api, "unknown_field"), len(api.leaves())
    api.ask("{ nothing }", as_=None)
    assert counted(api, "unknown_field") == before + 1
    assert [leaf for leaf in api.leaves()[leaves:] if leaf["namespace"] == "graphql"] == []


def test_get_answers_queries_and_no_mutation(api: Any) -> None:
    response = api.send("GET", "/graphql/330523", params={"query": QUERY})
    assert response.json() == {"data": {"region": {"code": "330523"}}}
    writing = {"query": 'mutation { letters { sign(letter: "Letter:x", key: "12345678") { replayed } } }'}
    assert refusal(api.send("GET", "/graphql/330523", params=writing)) == (405, "method_not_allowed")


def test_several_operations_need_a_name(api: Any) -> None:
    both = "query A { region { code } } query B { me { login } }"
    named = api.send("POST", "/graphql", json={"query": both, "operationName": "B"})
    assert named.json() == {"data": {"me": {"login": "doctor"}}}
    for name in (None, "C"):
        response = api.send("POST", "/graphql", json={"query": both, "operationName": name})
        assert refusal(response) == (200, "invalid_query")


def test_the_sdl_of_a_region_is_at_its_address(api: Any) -> None:
    response = api.send("GET", "/graphql/330523/schema.graphql", as_=None)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "type LostElderCase implements CaseDetail {" in response.text
    again = api.send(
        "GET",
        "/graphql/330523/schema.graphql",
        as_=None,
        headers={"if-none-match": response.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
