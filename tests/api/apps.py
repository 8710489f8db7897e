"""A registered app, and a person who lets it act: authlib plays the app, httpx the person's browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client

from gongzhi.identity.sessions import begin_session

from .support import Api, Reply, key

CALLBACK = "http://127.0.0.1:9/callback"
ORIGIN = "https://clinic.example"
SCOPES = ("inbox:read", "letters:act", "lost_elder:read", "lost_elder:report", "well_watch:read")

REGISTER = """
mutation ($input: AppsRegisterInput!, $key: String!) { apps { register(input: $input, key: $key) { replayed output } } }
"""
REVOKE = """
mutation ($input: AppsRevokeInput!, $key: String!) { apps { revoke(input: $input, key: $key) { output } } }
"""
MINE = (
    """{ delegations { mine { delegations { id app organ granted_at used_at scopes { scope zh en } } } } }"""
)
WITHDRAW = """
mutation ($input: DelegationsWithdrawInput!, $key: String!) {
  delegations { withdraw(input: $input, key: $key) { output } }
}
"""


@dataclass(frozen=True, kw_only=True)
class RegisteredApp:
    """An app at one server. `secret` is empty for a public one."""

    api: Api
    id: str
    secret: str
    practice_key: str

    def client(self, scope: str) -> OAuth2Client:
        """The app's side, as authlib plays it."""
        return OAuth2Client(
            self.id,
            self.secret or None,
            scope=scope,
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self.secret else "none",
            revocation_endpoint_auth_method="client_secret_basic" if self.secret else "none",
        )

    def delegated(self, login: str, scope: str) -> OAuth2Client:
        """The app's side once a person has agreed and the code is redeemed."""
        client, verifier = self.client(scope), generate_token(48)
        address, _ = client.create_authorization_url(f"{self.api.url}/auth/authorize", code_verifier=verifier)
        back = agrees(self.api, login, address)
        client.fetch_token(f"{self.api.url}/auth/token", authorization_response=back, code_verifier=verifier)
        return client


def register(api: Api, *, kind: str = "public", **other: Any) -> RegisteredApp:
    """Register an app of the hospital, as the province's security administrator."""
    (organ,) = api.fetch("SELECT id FROM organ WHERE name = '测试hospital'")
    given = {
        "name": "诊所网页",
        "name_en": "Clinic page",
        "organ": str(organ["id"]),
        "kind": kind,
        "redirect_uris": [CALLBACK],
        "origins": [ORIGIN],
        "scopes": list(SCOPES),
        **other,
    }
    reply = api.ask(REGISTER, as_="security", region="330000", variables={"input": given, "key": key()})
    output = reply.data["apps"]["register"]["output"]
    return RegisteredApp(
        api=api,
        id=output["client_id"],
        secret=output.get("client_secret", ""),
        practice_key=output["practice_key"],
    )


def browser(api: Api, login: str) -> httpx.Client:
    """A browser in which this person is signed in."""

    async def begin() -> str:
        async with api.host.store.unit_of_work() as uow:
            now = api.host.clock.now()
            return (await begin_session(uow, await api.host.directory.actor(uow, login, now), now)).token

    headers = {"origin": api.url, "accept-language": "en"}
    return httpx.Client(base_url=api.url, cookies={"gongzhi": api.run(begin())}, headers=headers, timeout=30)


def decides(api: Api, login: str, address: str, *, allow: bool) -> str:
    """What the console does with a person's answer; answers where they are sent."""
    with browser(api, login) as page:
        asked = page.post("/auth/consent", json={"request": urlsplit(address).query, "allow": allow})
    assert asked.status_code == 200, asked.text
    return str(asked.json()["redirect"])


def agrees(api: Api, login: str, address: str) -> str:
    return decides(api, login, address, allow=True)


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address, each once."""
    pairs = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert all(len(values) == 1 for values in pairs.values())
    return {name: values[0] for name, values in pairs.items()}


def ask(api: Api, bearer: str, query: str, *, origin: str | None = None, **variables: Any) -> Reply:
    """A GraphQL request of an app at Anji's address; from a page of `origin`, if any."""
    region = variables.pop("region", "330523")
    headers = {"authorization": f"Bearer {bearer}", "accept": "application/graphql-response+json"}
    if origin is not None:
        headers["origin"] = origin
    response = httpx.post(
        f"{api.url}/graphql/{region}",
        content=orjson.dumps({"query": query, "variables": variables}),
        headers={**headers, "content-type": "application/json"},
        timeout=30,
    )
    return Reply(
        status=response.status_code, media_type=response.headers["content-type"], body=response.json()
    )
