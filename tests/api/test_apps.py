"""Registered apps: who registers them, how a person lets one act, and what it may then do. authlib is the app."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client

from gongzhi.identity.apps.delegations import challenge_of

from .apps import (
    CALLBACK,
    MINE,
    ORIGIN,
    REGISTER,
    REVOKE,
    SCOPES,
    WITHDRAW,
    RegisteredApp,
    agrees,
    ask,
    browser,
    decides,
    query_of,
    register,
)
from .support import REPORT, Api, key

CASES = "{ cases { nodes { id scene { id } } } }"
ME = "{ me { login } }"


@pytest.fixture(scope="module", autouse=True)
def plain_http(monkeypatch_module: pytest.MonkeyPatch) -> None:
    """authlib refuses http unless told that this is a test."""
    monkeypatch_module.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def app(api: Api) -> RegisteredApp:
    return register(api)


def bearer(client: OAuth2Client) -> str:
    return str(client.token["access_token"])


def request_for(app: RegisteredApp, **other: str | None) -> str:
    """The address of a request for authorization; None leaves a parameter out."""
    given = {
        "response_type": "code",
        "client_id": app.id,
        "redirect_uri": CALLBACK,
        "scope": "lost_elder:read",
        "state": "xyz",
        "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
        **other,
    }
    told = urlencode({name: value for name, value in given.items() if value is not None})
    return f"{app.api.url}/auth/authorize?{told}"


# Registration


def test_a_security_administrator_registers_an_app_and_reads_its_secrets_once(api: Api) -> None:
    again = key()
    (organ,) = api.fetch("SELECT id FROM organ WHERE name = '测试hospital'")
    given = {
        "name": "小程序",
        "name_en": "Mini-program",
        "organ": f"Organ:{organ['id']}",
        "kind": "confidential",
        "redirect_uris": ["https://app.example/back"],
        "origins": [],
        "scopes": ["lost_elder:read"],
    }
    variables = {"input": given, "key": again}
    first = api.ask(REGISTER, as_="security", region="330000", variables=variables).data["apps"]["register"]
    assert first["output"].keys() == {"client_id", "client_secret", "practice_key"}
    second = api.ask(REGISTER, as_="security", region="330000", variables=variables).data["apps"]["register"]
    assert second == {"replayed": True, "output": {"client_id": first["output"]["client_id"]}}
    kept = api.fetch("SELECT a::text AS row, i.result::text AS result FROM app a, idempotency i")
    for secret in (first["output"]["client_secret"], first["output"]["practice_key"]):
        assert not any(secret in row["row"] or secret in row["result"] for row in kept)


def test_registering_leaves_a_leaf_with_the_row(api: Api) -> None:
    before = len(api.leaves())
    registered = register(api)
    (leaf,) = [leaf for leaf in api.leaves()[before:] if leaf["namespace"] == "apps"]
    assert (leaf["action"], leaf["outcome"], leaf["region"]) == ("register", "done", "330523")
    assert [(row["table"], row["id"], row["before"]) for row in leaf["rows"]] == [
        ("app", registered.id, None)
    ]


@pytest.mark.parametrize("login", ["administrator", "auditor", "doctor"])
def test_nobody_else_is_shown_the_register(api: Api, login: str) -> None:
    before = api.fetch("SELECT count(*) AS n FROM app")
    reply = api.ask(
        "{ apps { registered { apps { name } } } }",
        as_=login,
        region="330523" if login == "doctor" else "330000",
    )
    assert reply.codes == ["unknown_field"]
    assert api.fetch("SELECT count(*) AS n FROM app") == before


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("redirect_uris", ["http://clinic.example/cb"], "/redirect_uris/0"),
        ("redirect_uris", ["https://clinic.example/cb#x"], "/redirect_uris/0"),
        ("redirect_uris", ["https://user@clinic.example/"], "/redirect_uris/0"),
        ("redirect_uris", ["https://*.example/"], "/redirect_uris/0"),
        ("redirect_uris", ["javascript:alert(1)"], "/redirect_uris/0"),
        ("redirect_uris", ["http://127.0.0.1.evil.example/cb"], "/redirect_uris/0"),
        ("redirect_uris", [], "/redirect_uris"),
        ("origins", ["*"], "/origins/0"),
        ("origins", ["null"], "/origins/0"),
        ("origins", ["https://clinic.example/"], "/origins/0"),
        ("origins", ["https://clinic.example:443"], "/origins/0"),
        ("origins", ["http://clinic.example"], "/origins/0"),
        ("scopes", ["administration:enable_scene"], "/scopes/0"),
        ("scopes", ["lost_elder:fly"], "/scopes/0"),
        ("scopes", [], "/scopes"),
    ],
)
def test_an_unsafe_registration_is_refused(api: Api, field: str, value: list[str], where: str) -> None:
    before = api.fetch("SELECT count(*) AS n FROM app")
    (organ,) = api.fetch("SELECT id FROM organ WHERE name = '测试hospital'")
    given = {
        "name": "诊所",
        "name_en": "Clinic",
        "organ": str(organ["id"]),
        "kind": "public",
        "redirect_uris": [CALLBACK],
        "origins": [ORIGIN],
        "scopes": ["lost_elder:read"],
        field: value,
    }
    reply = api.ask(REGISTER, as_="security", region="330000", variables={"input": given, "key": key()})
    assert reply.codes == ["invalid_input"]
    assert reply.body["errors"][0]["extensions"]["where"] == where
    assert api.fetch("SELECT count(*) AS n FROM app") == before


# Delegation


def test_a_person_lets_an_app_read_in_their_name(api: Api, app: RegisteredApp) -> None:
    case_id = api.report()
    client = app.delegated("doctor", "lost_elder:read")
    reply = ask(api, bearer(client), "{ me { login } cases { nodes { id } } }")
    assert reply.data["me"]["login"] == "doctor"
    assert {"id": case_id} in reply.data["cases"]["nodes"]
    assert client.token["scope"] == "lost_elder:read"
    assert client.token["expires_in"] == 600


def test_the_metadata_lead_a_client_to_every_door(api: Api) -> None:
    told = httpx.get(f"{api.url}/.well-known/oauth-authorization-server").json()
    issuer = api.host.settings.public_url
    assert told["issuer"] == issuer
    assert told["authorization_endpoint"] == f"{issuer}/auth/authorize"
    assert told["token_endpoint"] == f"{issuer}/auth/token"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["authorization_response_iss_parameter_supported"] is True
    assert {"authorization_code", "refresh_token"} <= set(told["grant_types_supported"])
    assert set(SCOPES) <= set(told["scopes_supported"])
    assert not any(
        scope.startswith(("administration:", "apps:", "audit:")) for scope in told["scopes_supported"]
    )


def test_the_answer_names_its_issuer_and_gives_the_state_back(api: Api, app: RegisteredApp) -> None:
    back = agrees(api, "doctor", request_for(app))
    assert back.startswith(f"{CALLBACK}?")
    told = query_of(back)
    assert told.keys() == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("xyz", api.host.settings.public_url)


def test_a_person_who_says_no_gives_nothing(api: Api, app: RegisteredApp) -> None:
    before = api.fetch("SELECT count(*) AS n FROM app_code")
    told = query_of(decides(api, "doctor", request_for(app), allow=False))
    assert (told["error"], told["state"]) == ("access_denied", "xyz")
    assert api.fetch("SELECT count(*) AS n FROM app_code") == before


def test_the_page_is_told_the_app_its_owner_and_the_scopes_in_words(api: Api, app: RegisteredApp) -> None:
    asked = request_for(app).partition("?")[2]
    with browser(api, "doctor") as page:
        told = page.get(f"/auth/consent?{asked}").json()
    assert told["app"] == {"zh": "诊所网页", "en": "Clinic page"}
    assert told["organ"] == {"zh": "测试hospital", "en": "Test hospital"}
    assert told["returns_to"] == "127.0.0.1:9"
    assert told["scopes"] == [
        {
            "scope": "lost_elder:read",
            "zh": "查看“走失老人”中您有权查看的案件和文书",
            "en": "See the cases and letters of “Lost elders” that you may see",
        }
    ]


def test_consent_takes_a_session_of_our_own_pages(api: Api, app: RegisteredApp) -> None:
    body = {"request": request_for(app).partition("?")[2], "allow": True}
    assert api.send("POST", "/auth/consent", as_=None, json=body).json()["code"] == "sign_in_required"
    assert api.send("POST", "/auth/consent", as_="doctor", json=body).json()["code"] == "sign_in_required"
    with browser(api, "doctor") as page:
        foreign = page.post("/auth/consent", json=body, headers={"origin": "https://evil.example"})
    assert foreign.json()["code"] == "cross_site_request"


def test_authorize_leads_to_the_console_with_what_was_asked(app: RegisteredApp) -> None:
    asked = request_for(app)
    reply = httpx.get(asked)
    assert reply.status_code == 303
    assert reply.headers["location"] == f"/console/authorize?{asked.partition('?')[2]}"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "wrong", [{"redirect_uri": f"{CALLBACK}/x"}, {"redirect_uri": None}, {"client_id": "x"}]
)
def test_nobody_is_sent_to_an_address_that_is_not_the_apps(
    api: Api, app: RegisteredApp, wrong: dict[str, str | None]
) -> None:
    asked = request_for(app, **wrong)
    assert httpx.get(asked).headers["location"].startswith("/console/authorize?")
    with browser(api, "doctor") as page:
        told = page.get(f"/auth/consent?{asked.partition('?')[2]}")
    assert told.json()["code"] in ("not_found", "invalid_input")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "lost_elder:find"}, "invalid_scope"),
        ({"scope": "administration:enable_scene"}, "invalid_scope"),
    ],
)
def test_what_is_wrong_with_a_request_goes_back_to_the_app(
    app: RegisteredApp, wrong: dict[str, str | None], error: str
) -> None:
    told = query_of(httpx.get(request_for(app, **wrong)).headers["location"])
    assert (told["error"], told["state"]) == (error, "xyz")


def test_a_code_takes_its_verifier_its_address_and_its_app(api: Api, app: RegisteredApp) -> None:
    other = register(api)
    for client_id, wrong in (
        (app.id, {"code_verifier": "w" * 43}),
        (app.id, {"redirect_uri": f"{CALLBACK}/"}),
        (other.id, {}),
    ):
        code = query_of(agrees(api, "doctor", request_for(app)))["code"]
        form = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": "v" * 43,
            **wrong,
        }
        reply = httpx.post(f"{api.url}/auth/token", data=form)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
        assert reply.headers["cache-control"] == "no-store"
        if client_id == app.id:  # and it is spent, so that verifiers can't be tried one after the other
            right = {**form, "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
            assert httpx.post(f"{api.url}/auth/token", data=right).json()["error"] == "invalid_grant"


def test_a_code_that_comes_twice_ends_what_came_of_it(api: Api, app: RegisteredApp) -> None:
    code = query_of(agrees(api, "doctor", request_for(app)))["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": app.id,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 43,
    }
    tokens = httpx.post(f"{api.url}/auth/token", data=form).json()
    assert ask(api, tokens["access_token"], ME).data["me"]["login"] == "doctor"
    assert httpx.post(f"{api.url}/auth/token", data=form).json()["error"] == "invalid_grant"
    assert ask(api, tokens["access_token"], ME).codes == ["token_stale"]


def test_a_refresh_token_is_replaced_at_each_use(api: Api, app: RegisteredApp) -> None:
    client = app.delegated("doctor", "lost_elder:read inbox:read")
    first = dict(client.token)
    second = dict(client.refresh_token(f"{api.url}/auth/token", first["refresh_token"]))
    assert first["refresh_token"] != second["refresh_token"]
    assert ask(api, second["access_token"], ME).data["me"]["login"] == "doctor"
    narrow = client.refresh_token(f"{api.url}/auth/token", second["refresh_token"], scope="inbox:read")
    assert narrow["scope"] == "inbox:read"
    assert ask(api, narrow["access_token"], CASES).codes == ["scope_missing"]
    with pytest.raises(OAuthError, match="invalid_scope"):
        client.refresh_token(f"{api.url}/auth/token", narrow["refresh_token"], scope="letters:act")


def test_a_refresh_token_that_comes_twice_ends_its_family_and_leaves_a_leaf(
    api: Api, app: RegisteredApp
) -> None:
    client = app.delegated("doctor", "lost_elder:read")
    stolen = client.token["refresh_token"]
    client.refresh_token(f"{api.url}/auth/token", stolen)
    fresh = dict(client.token)
    before = len(api.leaves())
    with pytest.raises(OAuthError, match="invalid_grant"):
        app.client("lost_elder:read").refresh_token(f"{api.url}/auth/token", stolen)
    assert ask(api, fresh["access_token"], ME).codes == ["token_stale"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(f"{api.url}/auth/token", fresh["refresh_token"])
    told = [(leaf["action"], leaf["code"]) for leaf in api.leaves()[before:]]
    assert ("refresh_app", "grant_refused") in told


def test_a_confidential_app_shows_its_secret(api: Api) -> None:
    confidential = register(api, kind="confidential")
    assert (
        ask(api, bearer(confidential.delegated("doctor", "inbox:read")), ME).data["me"]["login"] == "doctor"
    )
    for secret in ("", "wrong"):
        basic = base64.b64encode(f"{confidential.id}:{secret}".encode()).decode()
        reply = httpx.post(
            f"{api.url}/auth/token",
            data={"grant_type": "refresh_token", "refresh_token": "x"},
            headers={"authorization": f"Basic {basic}"},
        )
        assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")
        assert reply.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "invalid_client"),
        ({"grant_type": ["refresh_token", "refresh_token"]}, "invalid_request"),
    ],
)
def test_the_token_door_answers_in_the_form_of_rfc_6749(api: Api, form: dict[str, Any], error: str) -> None:
    reply = httpx.post(
        f"{api.url}/auth/token", data=form, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert (reply.json()["error"], reply.json()["code"]) == (error, "grant_refused")


# Scopes


def test_an_app_reads_only_the_scenes_of_its_scopes(api: Api, app: RegisteredApp) -> None:
    case_id = api.report()
    other = bearer(app.delegated("doctor", "well_watch:read inbox:read"))
    assert ask(api, other, CASES, region="330500").data["cases"]["nodes"] == []
    assert ask(
        api, other, "query ($id: ID!) { case(id: $id) { id } }", id=case_id, region="330500"
    ).codes == ["not_found"]
    assert ask(
        api, other, "query ($id: ID!) { node(id: $id) { id } }", id=case_id, region="330500"
    ).codes == ["not_found"]
    assert ask(api, other, "{ lostElder { cases { nodes { id } } } }", region="330500").codes == [
        "scope_missing"
    ]


def test_an_inbox_shows_only_the_scenes_of_the_scopes(api: Api, app: RegisteredApp) -> None:
    case_id = api.report()
    api.delivered(case_id, "officer")
    inbox = "{ inbox { nodes { caseId } } }"
    blind = bearer(app.delegated("officer", "inbox:read"))
    assert ask(api, blind, inbox).data["inbox"]["nodes"] == []
    seeing = bearer(app.delegated("officer", "inbox:read lost_elder:read"))
    assert {"caseId": case_id} in ask(api, seeing, inbox).data["inbox"]["nodes"]


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        (CASES, "lost_elder:read"),
        ("{ inbox { nodes { id } } }", "inbox:read"),
        ("{ lostElder { forms { name } } }", "lost_elder:read"),
    ],
)
def test_a_field_outside_the_scopes_is_refused_with_the_scope_to_ask_for(
    api: Api, app: RegisteredApp, query: str, scope: str
) -> None:
    before = len(api.leaves())
    reply = ask(api, bearer(app.delegated("doctor", "letters:act")), query)
    assert (reply.status, reply.codes) == (403, ["scope_missing"])
    assert scope in reply.body["errors"][0]["message"]
    leaves = [leaf for leaf in api.leaves()[before:] if leaf["code"] == "scope_missing"]
    assert [leaf["outcome"] for leaf in leaves] == ["refused"]
    assert "app" in leaves[0]


@pytest.mark.parametrize(
    "document",
    [
        "subscription { inboxChanged { nodes { id } } }",
        """mutation { access { revealCase(case: "Case:00000000-0000-4000-8000-000000000000", reason: HANDLING,
             key: "k-12345678") { replayed } } }""",
    ],
)
def test_what_no_scope_names_is_not_delegable(api: Api, app: RegisteredApp, document: str) -> None:
    reply = ask(api, bearer(app.delegated("doctor", " ".join(SCOPES))), document)
    assert (reply.status, reply.codes) == (403, ["not_delegable"])


def test_an_act_takes_its_own_scope_and_names_the_app_in_the_log(api: Api, app: RegisteredApp) -> None:
    variables: dict[str, Any] = {"input": {"place": "330523", "about": "missed at noon"}, "key": key()}
    cases = api.fetch("SELECT count(*) AS n FROM cases")
    reading = bearer(app.delegated("doctor", "lost_elder:read"))
    reply = ask(api, reading, REPORT, **variables)
    assert reply.codes == ["scope_missing"]
    assert "lost_elder:report" in reply.body["errors"][0]["message"]
    assert api.fetch("SELECT count(*) AS n FROM cases") == cases
    before = len(api.leaves())
    acting = bearer(app.delegated("doctor", "lost_elder:report"))
    assert "errors" not in ask(api, acting, REPORT, **variables).body
    (leaf,) = [leaf for leaf in api.leaves()[before:] if leaf["action"] == "report"]
    assert (leaf["outcome"], len(leaf["app"])) == ("done", 32)


def test_a_person_without_the_right_gains_none_by_an_app(api: Api, app: RegisteredApp) -> None:
    """The officer's post may not report, whatever the scope says."""
    acting = bearer(app.delegated("officer", "lost_elder:report lost_elder:read"))
    variables: dict[str, Any] = {"input": {"place": "330523", "about": "missed at noon"}, "key": key()}
    assert ask(api, acting, REPORT, **variables).codes == ["action_not_allowed"]


@pytest.mark.parametrize("login", ["administrator", "auditor", "security"])
def test_administration_and_audit_are_never_delegated(api: Api, app: RegisteredApp, login: str) -> None:
    token = bearer(app.delegated(login, "lost_elder:read"))
    api.run(_force_scopes(api, app, ["administration:enable_scene", "apps:register", "lost_elder:read"]))
    for query in (
        "{ administration { installedScenes { scenes { id } } } }",
        "{ apps { registered { apps { name } } } }",
    ):
        assert ask(api, token, query, region="330000").codes == ["unknown_field"]
    assert ask(api, token, MINE, region="330000").codes == ["not_delegable"]
    entries = httpx.get(f"{api.url}/audit/tile/entries/000", headers={"authorization": f"Bearer {token}"})
    assert entries.json()["code"] == "app_token_refused"


async def _force_scopes(api: Api, app: RegisteredApp, scopes: list[str]) -> None:
    async with api.host.store.unit_of_work() as uow:
        await uow.execute("UPDATE app_token SET scopes = $1", scopes)


@pytest.mark.parametrize(
    "path", ["/auth/me", "/documents/x.pdf", "/r/330523/x", "/graphql/330523/schema.graphql"]
)
def test_other_doors_take_no_app(api: Api, app: RegisteredApp, path: str) -> None:
    token = bearer(app.delegated("doctor", "lost_elder:read"))
    reply = httpx.get(api.url + path, headers={"authorization": f"Bearer {token}"})
    assert (reply.status_code, reply.json()["code"]) == (403, "app_token_refused")


# Origins


def test_a_page_of_the_app_may_read_the_answer_and_no_other(api: Api, app: RegisteredApp) -> None:
    token = bearer(app.delegated("doctor", "lost_elder:read"))
    body = {"query": ME}
    for origin, code in ((ORIGIN, 200), ("https://evil.example", 403), ("null", 403), (api.url, 403)):
        headers = {"authorization": f"Bearer {token}", "origin": origin}
        reply = httpx.post(f"{api.url}/graphql/330523", json=body, headers=headers)
        assert reply.status_code == code
        allowed = reply.headers.get("access-control-allow-origin")
        assert allowed == (ORIGIN if code == 200 else None)
        assert "access-control-allow-credentials" not in reply.headers
        assert ("Origin" in reply.headers.get("vary", "")) is (code == 200)


def test_a_page_of_the_app_may_read_that_its_token_is_stale(api: Api, app: RegisteredApp) -> None:
    client = app.delegated("doctor", "lost_elder:read")
    client.revoke_token(f"{api.url}/auth/revoke", bearer(client), token_type_hint="access_token")
    headers = {"authorization": f"Bearer {bearer(client)}", "origin": ORIGIN}
    reply = httpx.post(f"{api.url}/graphql/330523", json={"query": ME}, headers=headers)
    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (401, ORIGIN)


def test_cookies_stay_with_our_own_pages(api: Api) -> None:
    with browser(api, "doctor") as page:
        reply = page.post("/graphql/330523", json={"query": ME}, headers={"origin": ORIGIN})
    assert reply.json()["errors"][0]["extensions"]["code"] == "cross_site_request"
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.parametrize("path", ["/graphql", "/graphql/330523", "/auth/token", "/auth/revoke"])
def test_a_preflight_is_answered_for_registered_origins_alone(
    api: Api, app: RegisteredApp, path: str
) -> None:
    ask_first = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    ours = httpx.options(api.url + path, headers={"origin": ORIGIN, **ask_first})
    assert ours.status_code == 204
    assert ours.headers["access-control-allow-origin"] == ORIGIN
    assert ours.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in ours.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in ours.headers
    other = httpx.options(api.url + path, headers={"origin": "https://evil.example", **ask_first})
    assert not [name for name in other.headers if name.startswith("access-control-")]


def test_the_token_door_lets_the_apps_own_page_read(api: Api, app: RegisteredApp) -> None:
    client = app.delegated("doctor", "lost_elder:read")
    form = {
        "grant_type": "refresh_token",
        "client_id": app.id,
        "refresh_token": client.token["refresh_token"],
    }
    foreign = httpx.post(f"{api.url}/auth/token", data=form, headers={"origin": "https://evil.example"})
    assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (400, False)
    ours = httpx.post(f"{api.url}/auth/token", data=form, headers={"origin": ORIGIN})
    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (200, ORIGIN)


# Practice


def test_a_practice_key_sees_no_case(api: Api, app: RegisteredApp) -> None:
    case_id = api.report()
    leaves = api.settled()
    asked = "{ cases { nodes { id } } inbox { nodes { id } } lostElder { cases { nodes { id } } } }"
    told = ask(api, app.practice_key, asked).data
    assert told == {
        "cases": {"nodes": []},
        "inbox": {"nodes": []},
        "lostElder": {"cases": {"nodes": []}},
    }
    assert ask(api, app.practice_key, "query ($id: ID!) { case(id: $id) { id } }", id=case_id).codes == [
        "not_found"
    ]
    # No account asked: it is counted, and names nobody in the log.
    assert len(api.leaves()) == leaves


def test_a_practised_act_is_checked_in_full_and_undone(api: Api, app: RegisteredApp) -> None:
    tables = (
        "cases",
        "letter",
        "case_event",
        "deadline",
        "outbox",
        "idempotency",
        "case_search",
        "case_unique",
    )
    count = "SELECT " + ", ".join(f"(SELECT count(*) FROM {table}) AS {table}" for table in tables)
    leaves, before = api.settled(), api.fetch(count)
    report = """
    mutation ($input: LostElderReportInput!, $key: String!) {
      lostElder { report(input: $input, key: $key) { practice replayed output case { id } letters { id } } } }
    """
    same = key()
    for _ in range(2):
        reply = ask(api, app.practice_key, report, input={"place": "330523", "about": "a trial"}, key=same)
        assert reply.data["lostElder"]["report"] == {
            "practice": True,
            "replayed": False,
            "output": {"state": ["told"], "letters": 2},
            "case": None,
            "letters": [],
        }
    assert api.fetch(count) == before
    assert len(api.leaves()) == leaves
    wrong = ask(api, app.practice_key, report, input={"place": "110101", "about": "elsewhere"}, key=key())
    assert wrong.codes == ["scene_not_enabled"]
    broken = ask(api, app.practice_key, report, input={"place": "330523", "about": "raise"}, key=key())
    assert broken.codes == ["scene_fault"]
    assert api.fetch(count) == before
    assert len(api.leaves()) == leaves


def test_practice_is_counted_and_limited(api: Api) -> None:
    trying = register(api)
    counted = "SELECT coalesce(sum(count), 0)::int AS n FROM audit_counter WHERE code = 'practice'"
    (before,) = api.fetch(counted)
    acting: dict[str, Any] = {"input": {"place": "330523", "about": "a trial"}, "key": key()}
    ask(api, trying.practice_key, REPORT, **acting)
    assert api.fetch(counted) == [{"n": before["n"] + 1}]

    async def use_up() -> None:
        async with api.host.store.unit_of_work() as uow:
            for _ in range(300):
                await api.host.apps._attempts.fail(uow, "practice", trying.id, api.host.clock.now())

    api.run(use_up())
    reply = ask(api, trying.practice_key, ME)
    assert (reply.status, reply.codes) == (429, ["too_many_requests"])


# Revocation


def test_a_person_sees_what_they_let_apps_do_and_takes_it_back_at_once(api: Api) -> None:
    own = register(api, name="夜班小程序")
    client = own.delegated("officer", "lost_elder:read inbox:read")
    assert ask(api, bearer(client), ME).data["me"]["login"] == "officer"
    mine = api.ask(MINE, as_="officer").data["delegations"]["mine"]["delegations"]
    (held,) = [one for one in mine if one["app"] == "夜班小程序"]
    assert [scope["scope"] for scope in held["scopes"]] == ["inbox:read", "lost_elder:read"]
    assert held["used_at"] != ""
    taken = api.ask(WITHDRAW, as_="doctor", variables={"input": {"delegation": held["id"]}, "key": key()})
    assert taken.codes == ["not_found"]
    assert "errors" not in ask(api, bearer(client), ME).body
    before = len(api.leaves())
    taken = api.ask(WITHDRAW, as_="officer", variables={"input": {"delegation": held["id"]}, "key": key()})
    assert "errors" not in taken.body
    assert ask(api, bearer(client), ME).codes == ["token_stale"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(f"{api.url}/auth/token", client.token["refresh_token"])
    rows = [
        row["table"] for leaf in api.leaves()[before:] if leaf["action"] == "withdraw" for row in leaf["rows"]
    ]
    assert rows == ["app_grant"]


def test_an_app_out_of_use_is_refused_at_the_next_request(api: Api) -> None:
    own = register(api)
    client = own.delegated("doctor", "lost_elder:read")
    token = bearer(client)
    assert "errors" not in ask(api, token, ME).body
    variables = {"input": {"app": own.id}, "key": key()}
    assert "errors" not in api.ask(REVOKE, as_="security", region="330000", variables=variables).body
    for void in (token, own.practice_key):
        reply = ask(api, void, ME)
        assert (reply.status, reply.codes) == (401, ["app_withdrawn"])
    with pytest.raises(OAuthError, match="invalid_client"):
        client.refresh_token(f"{api.url}/auth/token", client.token["refresh_token"])
    told = httpx.get(request_for(own)).headers["location"]
    assert told.startswith("/console/authorize?")


def test_revoking_an_accounts_tokens_ends_those_of_apps(api: Api, app: RegisteredApp) -> None:
    client = app.delegated("deqing_officer", "lost_elder:read")

    async def revoke() -> None:
        async with api.host.store.unit_of_work() as uow:
            await api.host.sign_in.revoke(uow, "deqing_officer", api.host.clock.now())

    async def issue() -> str:
        async with api.host.store.unit_of_work() as uow:
            now = api.host.clock.now()
            return await api.host.sign_in.issue_token(uow, "deqing_officer", now, timedelta(days=1))

    api.run(revoke())
    api.tokens["deqing_officer"] = api.run(issue())
    assert ask(api, bearer(client), ME, region="330521").codes == ["token_stale"]
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(f"{api.url}/auth/token", client.token["refresh_token"])


def test_no_secret_of_a_delegation_is_stored(api: Api, app: RegisteredApp) -> None:
    client = app.delegated("doctor", "lost_elder:read")
    stored = api.fetch(
        "SELECT t::text AS row FROM app_token t UNION ALL SELECT c::text FROM app_code c"
        " UNION ALL SELECT g::text FROM app_grant g"
    )
    for secret in (client.token["access_token"], client.token["refresh_token"]):
        assert not any(secret in row["row"] for row in stored)
