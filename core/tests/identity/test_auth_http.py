"""The doors of identity over HTTP: cookies, bearer tokens, and pages from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar, Request, Response, get, post

from gongzhi.audit.log import AuditLog
from gongzhi.clock import VirtualClock
from gongzhi.errors import GongzhiError
from gongzhi.identity.apps.bearers import AppCredentials
from gongzhi.identity.attempts import LIMITS
from gongzhi.identity.clients import client_of
from gongzhi.identity.directory import Directory
from gongzhi.identity.http import BODY_LIMIT_BYTES, auth_handlers
from gongzhi.identity.requests import authenticate
from gongzhi.identity.sign_in import SignIn
from gongzhi.store import Store
from gongzhi.trail import AuditJournal

from .conftest import PASSWORD, Town

OURS = "https://gongzhi.example"
WANG = {"login": "wang", "password": PASSWORD}


@dataclass(frozen=True, kw_only=True)
class Settings:
    demo: bool = False
    secure_cookies: bool = True
    public_url: str = OURS


@dataclass(frozen=True, kw_only=True)
class Host:
    settings: Settings
    clock: VirtualClock
    store: Store
    directory: Directory
    sign_in: SignIn
    apps: AppCredentials


def a_client(host: Host, base_url: str = OURS) -> httpx.AsyncClient:
    @post("/act", status_code=200)
    async def act(request: Request[Any, Any, Any]) -> str:
        return (await authenticate(host, request)).login

    @get("/read")
    async def read(request: Request[Any, Any, Any]) -> str:
        return (await authenticate(host, request)).login

    def refused(_: Request[Any, Any, Any], error: GongzhiError) -> Response[dict[str, str]]:
        return Response(error.reply("en"), status_code=error.status)

    app = Litestar([act, read, *auth_handlers(host)], exception_handlers={GongzhiError: refused})
    return httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=base_url)


def host_of(town: Town, sign_in: SignIn, clock: VirtualClock) -> Host:
    journal = AuditJournal(AuditLog(town.store))
    return Host(
        settings=Settings(),
        clock=clock,
        store=town.store,
        directory=town.directory,
        sign_in=sign_in,
        apps=AppCredentials(store=town.store, journal=journal, secret=bytes(32)),
    )


@pytest.fixture
def host(town: Town, sign_in: SignIn, clock: VirtualClock) -> Host:
    return host_of(town, sign_in, clock)


@pytest.fixture
async def client(host: Host) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(host) as opened:
        yield opened


async def test_a_browser_signs_in_reads_acts_and_signs_out(client: httpx.AsyncClient) -> None:
    reply = await client.post("/auth/sign-in", json=WANG)
    assert reply.status_code == 200
    assert reply.json()["organ"]["name"] == {"zh": "安吉县公安局", "en": "Anji Public Security Bureau"}
    me = await client.get("/auth/me")
    assert (me.json()["login"], me.headers["cache-control"]) == ("wang", "no-store")
    assert (await client.post("/act", headers={"origin": OURS})).text == "wang"
    over = await client.post("/auth/sign-out", headers={"origin": OURS})
    assert (over.status_code, dict(client.cookies)) == (204, {})
    assert (await client.get("/auth/me")).json()["code"] == "sign_in_required"


@pytest.mark.parametrize("name", ["login", "password"])
async def test_a_character_that_cannot_be_stored_is_refused(client: httpx.AsyncClient, name: str) -> None:
    reply = await client.post("/auth/sign-in", json={**WANG, name: "wang\x00"})
    assert (reply.status_code, reply.json()["code"], reply.json()["where"]) == (
        400,
        "invalid_input",
        f"/{name}",
    )


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: httpx.AsyncClient) -> None:
    cookie = (await client.post("/auth/sign-in", json=WANG)).headers["set-cookie"]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith("__Host-gongzhi=")
    assert attributes == {"httponly", "max-age=43200", "path=/", "samesite=lax", "secure"}


async def test_on_plain_loopback_the_cookie_has_a_plain_name(host: Host) -> None:
    local = "http://127.0.0.1:8000"
    plain = replace(host, settings=Settings(secure_cookies=False, public_url=local))
    async with a_client(plain, local) as client:
        cookie = (await client.post("/auth/sign-in", json=WANG)).headers["set-cookie"]
        assert cookie.startswith("gongzhi=") and "secure" not in cookie.lower()
        assert (await client.get("/read")).text == "wang"


async def test_a_stolen_cookie_is_worthless_after_signing_out(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    stolen = dict(client.cookies)
    await client.post("/auth/sign-out", headers={"origin": OURS})
    client.cookies.update(stolen)
    reply = await client.get("/read")
    assert (reply.status_code, reply.json()["code"]) == (401, "token_stale")


FROM_OUR_PAGES = [
    {"origin": OURS},
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-origin", "origin": "https://gongzhi.example:444"},
    {"sec-fetch-site": "none"},
]
FROM_ELSEWHERE = [
    {"sec-fetch-site": "same-site", "origin": OURS},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "unheard-of"},
    {"origin": "https://evil.example"},
    {"origin": "http://gongzhi.example"},
    {"origin": "https://gongzhi.example.evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {},
    {"x-gongzhi-csrf": "guess"},
]


async def test_a_cookie_acts_from_our_own_pages_only(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    for headers in FROM_OUR_PAGES:
        assert (await client.post("/act", headers=headers)).text == "wang", headers
    for headers in FROM_ELSEWHERE:
        reply = await client.post("/act", headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (403, "cross_site_request"), headers


async def test_reading_by_cookie_needs_no_origin(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    assert (await client.get("/read")).text == "wang"


async def test_a_client_without_an_origin_shows_the_sessions_second_secret(
    client: httpx.AsyncClient,
) -> None:
    csrf = (await client.post("/auth/sign-in", json=WANG)).json()["csrf"]
    assert (await client.post("/act", headers={"x-gongzhi-csrf": csrf})).text == "wang"
    evil = {"x-gongzhi-csrf": csrf, "origin": "https://evil.example"}
    assert (await client.post("/act", headers=evil)).status_code == 403


async def test_a_bearer_token_needs_no_origin(host: Host, client: httpx.AsyncClient) -> None:
    async with host.store.unit_of_work() as uow:
        bearer = await host.sign_in.issue_token(uow, "clinic", host.clock.now(), timedelta(hours=1))
    headers = {"authorization": f"Bearer {bearer}", "origin": "https://evil.example"}
    assert (await client.post("/act", headers=headers)).text == "clinic"
    host.clock.advance(timedelta(hours=1))
    reply = await client.post("/act", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "token_stale")


async def test_a_bad_header_is_refused_even_beside_a_good_cookie(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    for header in ("", "Bearer", "Bearer ", "Basic d2FuZzp4", "Bearer gongzhi_guess", "x"):
        reply = await client.get("/read", headers={"authorization": header})
        assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required"), header


async def test_nobody_is_let_in_without_credentials(client: httpx.AsyncClient) -> None:
    for reply in (await client.get("/read"), await client.post("/act"), await client.get("/auth/me")):
        assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required")


async def test_malformed_sign_ins_are_refused_and_counted(town: Town, client: httpx.AsyncClient) -> None:
    bodies = {
        b"{": "invalid_json",
        b'{"login": "\xff"}': "invalid_encoding",
        b"[]": "invalid_input",
        b'{"login": "wang", "password": "x", "organ": "y"}': "unknown_field",
        b'"' + b"x" * BODY_LIMIT_BYTES + b'"': "body_too_large",
    }
    for content, code in bodies.items():
        reply = await client.post(
            "/auth/sign-in", content=content, headers={"content-type": "application/json"}
        )
        assert (reply.json()["code"], "set-cookie" in reply.headers) == (code, False)
    assert (await town.counts(), await town.leaves()) == (dict.fromkeys(bodies.values(), 1), [])


async def test_a_sign_in_names_both_login_and_password(client: httpx.AsyncClient) -> None:
    for body, where in (({"login": "wang"}, "/password"), ({"login": 1, "password": "x"}, "/login")):
        reply = await client.post("/auth/sign-in", json=body)
        assert (reply.json()["code"], reply.json()["where"]) == ("invalid_input", where)


async def test_a_form_of_another_site_signs_nobody_in(client: httpx.AsyncClient) -> None:
    reply = await client.post("/auth/sign-in", data=WANG)
    assert reply.json()["code"] == "media_type_not_supported"
    reply = await client.post("/auth/sign-in", json=WANG, headers={"origin": "https://evil.example"})
    assert reply.json()["code"] == "cross_site_request"
    await client.post("/auth/sign-in", json=WANG)
    reply = await client.post("/auth/sign-out", headers={"sec-fetch-site": "cross-site"})
    assert reply.json()["code"] == "cross_site_request"
    assert (await client.get("/read")).text == "wang"


async def test_malformed_attempts_lock_their_address(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for _ in range(LIMITS["address"]):
        await client.post("/auth/sign-in", content=b"{", headers=headers)
    reply = await client.post("/auth/sign-in", content=b"{", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (429, "too_many_requests")
    assert (await client.post("/auth/sign-in", json=WANG)).status_code == 429


async def test_a_demo_offers_its_accounts_one_click_apart(host: Host) -> None:
    async with a_client(replace(host, settings=Settings(demo=True))) as client:
        (account,) = (await client.get("/auth/accounts")).json()
        assert (account["login"], account["name"], account["title"]) == ("demo-li", "李宁", "副大队长")
        assert account["organ"]["name"]["zh"] == "安吉县公安局"
        reply = await client.post("/auth/demo-sign-in", json={"login": "demo-li"})
        assert (reply.status_code, (await client.get("/read")).text) == (200, "demo-li")
        other = await client.post("/auth/demo-sign-in", json={"login": "wang"})
        assert (other.status_code, other.json()["code"]) == (401, "credentials_wrong")


async def test_elsewhere_there_is_no_list_of_accounts(client: httpx.AsyncClient) -> None:
    replies = [
        await client.get("/auth/accounts"),
        await client.post("/auth/demo-sign-in", json={"login": "demo-li"}),
    ]
    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(404, "not_found")] * 2


async def test_a_new_sign_in_takes_the_place_of_the_session_before_it(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    former = dict(client.cookies)
    await client.post("/auth/sign-in", json=WANG)
    assert dict(client.cookies) != former
    assert (await client.get("/read")).text == "wang"
    client.cookies.clear()
    client.cookies.update(former)
    assert (await client.get("/read")).json()["code"] == "token_stale"


async def test_a_failed_sign_in_leaves_the_session_alone(client: httpx.AsyncClient) -> None:
    await client.post("/auth/sign-in", json=WANG)
    await client.post("/auth/sign-in", json={**WANG, "password": "another one"})
    assert (await client.get("/read")).text == "wang"


async def test_an_open_page_learns_whose_its_session_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/auth/session")).json()["code"] == "sign_in_required"
    await client.post("/auth/sign-in", json=WANG)
    standing = await client.get("/auth/session")
    assert (standing.json(), standing.headers["cache-control"]) == ({"login": "wang"}, "no-store")
    stolen = dict(client.cookies)
    await client.post("/auth/sign-out", headers={"origin": OURS})
    client.cookies.update(stolen)
    assert (await client.get("/auth/session")).json()["code"] == "token_stale"


async def test_signing_out_everywhere_is_for_ones_own_session_from_our_own_pages(
    host: Host, client: httpx.AsyncClient
) -> None:
    await client.post("/auth/sign-in", json=WANG)
    async with a_client(host) as elsewhere:
        await elsewhere.post("/auth/sign-in", json=WANG)
        evil = await client.post("/auth/sign-out-everywhere", headers={"origin": "https://evil.example"})
        assert (evil.status_code, (await elsewhere.get("/read")).text) == (403, "wang")
        done = await client.post("/auth/sign-out-everywhere", headers={"origin": OURS})
        assert (done.status_code, dict(client.cookies)) == (204, {})
        assert (await elsewhere.get("/read")).json()["code"] == "token_stale"


FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
EDGE = {"user-agent": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"}


async def test_a_person_lists_their_live_sessions_and_ends_one(
    town: Town, host: Host, client: httpx.AsyncClient
) -> None:
    begun = host.clock.now()
    await client.post("/auth/sign-in", json=WANG, headers=FIREFOX)
    host.clock.advance(timedelta(minutes=5))
    async with a_client(host) as elsewhere, a_client(host) as third:
        await elsewhere.post("/auth/sign-in", json=WANG, headers=EDGE)
        await third.post("/auth/sign-in", json=WANG)
        await third.post("/auth/sign-out", headers={"origin": OURS})
        reply = await client.get("/auth/sessions")
        here, there = reply.json()
        assert reply.headers["cache-control"] == "no-store"
        assert (here["this"], here["client"], there["this"], there["client"]) == (
            True,
            "Firefox · Linux",
            False,
            "Edge · Windows",
        )
        assert datetime.fromisoformat(here["begun_at"]) == begun
        assert datetime.fromisoformat(there["seen_at"]) == begun + timedelta(minutes=5)
        assert set(here) == {"id", "client", "begun_at", "seen_at", "expires_at", "this"}
        evil = await client.post(
            f"/auth/sessions/{there['id']}/end", headers={"origin": "https://evil.example"}
        )
        assert (evil.status_code, (await elsewhere.get("/read")).text) == (403, "wang")
        done = await client.post(f"/auth/sessions/{there['id']}/end", headers={"origin": OURS})
        assert done.status_code == 204
        assert (await elsewhere.get("/read")).json()["code"] == "token_stale"
    assert (await client.get("/read")).text == "wang"
    assert [session["id"] for session in (await client.get("/auth/sessions")).json()] == [here["id"]]
    began, *later = await town.leaves()
    ended = [(leaf.outcome, leaf.actor) for leaf in later if leaf.action == "sign_out"]
    assert ended == [("done", began.actor)] * 2  # the third's own, and this one


async def test_nobody_ends_a_session_of_anybody_else_nor_learns_that_there_is_one(
    town: Town, host: Host, client: httpx.AsyncClient
) -> None:
    await client.post("/auth/sign-in", json=WANG)
    async with town.store.unit_of_work() as uow:
        await uow.execute("UPDATE account SET demo = true WHERE login = 'demo-li'")
    theirs = await host.sign_in.demo_sign_in("demo-li", host.clock.now())
    async with town.store.unit_of_work() as uow:
        foreign = await uow.fetchval(
            "SELECT s.id FROM web_session s JOIN account a ON a.id = s.account_id WHERE a.login = 'demo-li'"
        )
    replies = [
        await client.post(f"/auth/sessions/{name}/end", headers={"origin": OURS})
        for name in (foreign, uuid4(), "none")
    ]
    assert {(reply.status_code, reply.text) for reply in replies} == {(404, replies[0].text)}
    assert replies[0].json()["code"] == "not_found"
    assert (await host.sign_in.actor_from_session(theirs.token, host.clock.now())).login == "demo-li"
    assert str(foreign) not in (await client.get("/auth/sessions")).text
    refused = [leaf for leaf in await town.leaves() if leaf.action == "sign_out"]
    assert {(leaf.outcome, leaf.code) for leaf in refused} == {("refused", "not_found")}


async def test_a_bearer_token_sees_and_ends_no_session(host: Host, client: httpx.AsyncClient) -> None:
    async with host.store.unit_of_work() as uow:
        bearer = await host.sign_in.issue_token(uow, "wang", host.clock.now(), timedelta(hours=1))
    headers = {"authorization": f"Bearer {bearer}"}
    for reply in (
        await client.get("/auth/sessions", headers=headers),
        await client.post(f"/auth/sessions/{uuid4()}/end", headers=headers),
    ):
        assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize(
    ("user_agent", "kinds"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Safari/604.1",
            "Safari · iOS",
        ),
        ("Mozilla/5.0 (Linux; Android 14; Mi 9) Chrome/120 MicroMessenger/8.0", "微信 WeChat · Android"),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_of_a_browser_no_more_than_its_kind_is_kept(user_agent: str, kinds: str) -> None:
    assert client_of(user_agent) == kinds


async def test_a_bearer_token_signs_nobody_out_everywhere(host: Host, client: httpx.AsyncClient) -> None:
    async with host.store.unit_of_work() as uow:
        bearer = await host.sign_in.issue_token(uow, "wang", host.clock.now(), timedelta(hours=1))
    reply = await client.post("/auth/sign-out-everywhere", headers={"authorization": f"Bearer {bearer}"})
    assert (reply.status_code, reply.json()["code"]) == (401, "sign_in_required")
