"""`POST /auth/token` for service accounts: RFC 6749 §4.4, from the secret to a request with the token."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import quote_plus

import httpx
import pytest

from gongzhi.identity.client_secrets import make_secret

from .support import Api

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def secret(api: Api) -> str:
    """A secret of `clinic-system`, the hospital's service account."""

    async def make() -> str:
        host, now = api.host, api.host.clock.now()
        async with host.store.unit_of_work() as uow:
            organ = await uow.fetchval("SELECT id FROM organ WHERE name = '测试hospital'")
            account = await host.directory.account_add(uow, login="clinic-system", organ_id=organ)
            return await make_secret(uow, account, now, timedelta(days=1))

    return api.run(make())


def basic(client: str, secret: str) -> dict[str, str]:
    """HTTP Basic with both parts form-encoded (RFC 6749 §2.3.1)."""
    both = f"{quote_plus(client)}:{quote_plus(secret)}"
    return {"authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def ask(api: Api, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    return httpx.post(f"{api.url}/auth/token", data={**GRANT, **form}, headers=headers or {})


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post"])
def test_a_system_gets_a_short_token_for_its_secret_and_asks_with_it(api: Api, secret: str, way: str) -> None:
    if way == "client_secret_basic":
        reply = ask(api, basic("clinic-system", secret))
    else:
        reply = ask(api, client_id="clinic-system", client_secret=secret)
    assert (reply.status_code, reply.headers["cache-control"]) == (200, "no-store")
    told = reply.json()
    assert (set(told), told["token_type"], told["expires_in"]) == (
        {"access_token", "token_type", "expires_in"},
        "Bearer",
        900,
    )
    api.tokens["clinic-system"] = told["access_token"]
    assert (
        api.ask("{ me { login } }", as_="clinic-system", region=None).data["me"]["login"] == "clinic-system"
    )


@pytest.mark.parametrize(("client", "shown"), [("clinic\x00", "x"), ("clinic", "x\x00")])
def test_credentials_with_a_nul_are_no_request(api: Api, client: str, shown: str) -> None:
    reply = ask(api, basic(client, shown))
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")


def test_a_wrong_secret_is_refused_in_the_protocols_form_and_in_ours(api: Api, secret: str) -> None:
    for headers, form in (
        (basic("clinic-system", "guess"), {}),
        ({}, {"client_id": "clinic-system", "client_secret": "guess"}),
        (basic("doctor", secret), {}),
        ({}, {"client_id": "clinic-system"}),
    ):
        reply = ask(api, headers, **form)
        body = reply.json()
        assert (reply.status_code, body["error"], body["code"]) == (401, "invalid_client", "grant_refused")
        assert reply.headers["www-authenticate"].startswith("Basic ")
        assert body["error_description"].isascii()
        assert "access_token" not in body


def test_a_service_account_has_no_scopes_to_ask_for(api: Api, secret: str) -> None:
    reply = ask(api, basic("clinic-system", secret), scope="anything")
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_scope")


def test_the_grant_is_in_the_metadata(api: Api) -> None:
    told = httpx.get(f"{api.url}/.well-known/oauth-authorization-server").json()
    assert "client_credentials" in told["grant_types_supported"]
