"""The token endpoint: `/auth/token`, and `/auth/revoke` where tokens are given back.

`GRANTS` names what it answers to; another grant is another entry.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, unquote_plus

from litestar import Response, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler

from gongzhi.declarations import Text
from gongzhi.errors import (
    AccountClosed,
    BodyTooLarge,
    CredentialsWrong,
    GrantRefused,
)
from gongzhi.identity.apps.delegations import ACCESS_LASTS, Tokens
from gongzhi.identity.apps.registry import App
from gongzhi.identity.client_secrets import TOKEN_LASTS
from gongzhi.identity.oauth.wire import BODY_LIMIT_BYTES, NOT_STORED, OAuthHost, Wire
from gongzhi.identity.origins import let_read
from gongzhi.identity.requests import address_of, language_of

NO_FORM: Final = Text(
    zh="须为 application/x-www-form-urlencoded，且每个参数只出现一次",
    en="must be application/x-www-form-urlencoded with each parameter once",
)
NO_GRANT: Final = Text(zh="没有这种 grant_type", en="there is no such grant_type")
MISSING: Final = Text(zh="缺少参数", en="a parameter is missing")
ONE_WAY: Final = Text(zh="凭据只能以一种方式给出", en="credentials may be given in one way only")
NO_SCOPES: Final = Text(zh="服务账号没有授权范围", en="a service account has no scopes")
WRONG_SECRET: Final = Text(
    zh="没有这个服务账号，或密钥不对、已过期、已收回",
    en="there is no such service account, or the secret is wrong, expired or revoked",
)
CLOSED: Final = Text(
    zh="账号已停用，或其单位已失效", en="the account is disabled, or its organ is no longer valid"
)
OTHER_ORIGIN: Final = Text(
    zh="该网页来源未登记为此应用所有", en="the page's origin is not registered for this app"
)


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """A request for tokens as it came; nobody has been authenticated yet. Absent credentials are empty."""

    request: Wire
    form: Mapping[str, str]
    client_id: str
    client_secret: str
    address: str
    now: datetime

    def needs(self, name: str) -> str:
        """A parameter that has to be there. Raises `GrantRefused` (`invalid_request`)."""
        if not (value := self.form.get(name, "")):
            raise GrantRefused(error="invalid_request", problem=MISSING, where=f"/{name}")
        return value


Grant: TypeAlias = Callable[[OAuthHost, TokenRequest], Awaitable[dict[str, Any]]]
"""Answers the fields of RFC 6749 §5.1, or raises `GrantRefused`."""


async def code_grant(host: OAuthHost, asked: TokenRequest) -> dict[str, Any]:
    """`authorization_code`: the first tokens of a code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
    app = await _client(host, asked)
    return _answer(
        await host.apps.redeem(
            app,
            asked.needs("code"),
            redirect_uri=asked.needs("redirect_uri"),
            verifier=asked.needs("code_verifier"),
            now=asked.now,
        )
    )


async def refresh_grant(host: OAuthHost, asked: TokenRequest) -> dict[str, Any]:
    """`refresh_token`: new tokens for one that is spent with it (RFC 6749 §6, RFC 9700 §4.14)."""
    app = await _client(host, asked)
    scopes = asked.form["scope"].split() if asked.form.get("scope") else None
    return _answer(await host.apps.refresh(app, asked.needs("refresh_token"), scopes=scopes, now=asked.now))


async def client_grant(host: OAuthHost, asked: TokenRequest) -> dict[str, Any]:
    """`client_credentials`: a short token for a service account's secret (RFC 6749 §4.4). Never for a page to ask."""
    if asked.request.headers.get("origin") is not None:
        raise GrantRefused(error="invalid_request", problem=OTHER_ORIGIN, where="Origin")
    if asked.form.get("scope"):
        raise GrantRefused(error="invalid_scope", problem=NO_SCOPES, where="/scope")
    try:
        bearer = await host.sign_in.client_token(asked.client_id, asked.client_secret, asked.now)
    except CredentialsWrong as error:
        raise GrantRefused(
            error="invalid_client", problem=WRONG_SECRET, status=401, where="/client_id"
        ) from error
    except AccountClosed as error:
        raise GrantRefused(error="unauthorized_client", problem=CLOSED, where="/client_id") from error
    return {
        "access_token": bearer,
        "token_type": "Bearer",
        "expires_in": int(TOKEN_LASTS.total_seconds()),
    }


GRANTS: Final[Mapping[str, Grant]] = MappingProxyType(
    {
        "authorization_code": code_grant,
        "refresh_token": refresh_grant,
        "client_credentials": client_grant,
    }
)
"""What the token endpoint answers to, by `grant_type`."""


def token_handlers(host: OAuthHost) -> list[HTTPRouteHandler]:
    """The doors of tokens."""

    @post("/auth/token", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def token(request: Wire) -> Response[dict[str, Any]]:
        """Tokens for a grant (RFC 6749 §3.2)."""

        async def answer(asked: TokenRequest) -> dict[str, Any]:
            grant = GRANTS.get(asked.needs("grant_type"))
            if grant is None:
                raise GrantRefused(error="unsupported_grant_type", problem=NO_GRANT, where="/grant_type")
            return await grant(host, asked)

        return await _token_reply(host, request, answer)

    @post("/auth/revoke", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def give_back(request: Wire) -> Response[dict[str, Any]]:
        """End the tokens that an app no longer needs (RFC 7009); an unknown one is answered alike."""

        async def answer(asked: TokenRequest) -> dict[str, Any]:
            app = await _client(host, asked)
            await host.apps.give_back(app, asked.needs("token"), asked.now)
            return {}

        return await _token_reply(host, request, answer)

    return [token, give_back]


async def _client(host: OAuthHost, asked: TokenRequest) -> App:
    """The app that asks. Its own page may read the answer, and no other page may ask."""
    app = await host.apps.client(asked.client_id, asked.client_secret)
    if (origin := asked.request.headers.get("origin")) is not None:
        if origin not in app.origins:
            raise GrantRefused(error="invalid_request", problem=OTHER_ORIGIN, where="Origin")
        let_read(asked.request.scope, origin)
    return app


async def _token_reply(
    host: OAuthHost, request: Wire, answer: Callable[[TokenRequest], Awaitable[dict[str, Any]]]
) -> Response[dict[str, Any]]:
    """The answer, or the refusal in the form of RFC 6749 §5.2; what is wrong is counted against the address."""
    now, address = host.clock.now(), address_of(request)
    await host.apps.admit_client(now, address=address)
    try:
        asked = await _token_request(request, address, now)
        return Response(await answer(asked), status_code=200, headers=NOT_STORED)
    except GrantRefused as refusal:
        await host.apps.failed(refusal, now, address=address)
        return _refused(request, refusal)


async def _token_request(request: Wire, address: str, now: datetime) -> TokenRequest:
    if request.content_type[0] != "application/x-www-form-urlencoded":
        raise GrantRefused(error="invalid_request", problem=NO_FORM, where="Content-Type")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=50)
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(limit_bytes=BODY_LIMIT_BYTES) from error
    except ValueError as error:
        raise GrantRefused(error="invalid_request", problem=NO_FORM, where="/") from error
    form = dict(pairs)
    if len(form) != len(pairs) or any("\x00" in value for value in form.values()):
        raise GrantRefused(error="invalid_request", problem=NO_FORM, where="/")
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    if (basic := _basic(request)) is not None:
        if secret or client_id not in ("", basic[0]):
            raise GrantRefused(error="invalid_request", problem=ONE_WAY, where="/client_secret")
        if any("\x00" in value for value in basic):
            raise GrantRefused(error="invalid_request", problem=NO_FORM, where="Authorization")
        client_id, secret = basic
    return TokenRequest(
        request=request, form=form, client_id=client_id, client_secret=secret, address=address, now=now
    )


def _basic(request: Wire) -> tuple[str, str] | None:
    """Client id and secret of HTTP Basic, each form-encoded (RFC 6749 §2.3.1); empty where it can't be read."""
    if (header := request.headers.get("authorization")) is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        decoded = ""
    client_id, _, secret = decoded.partition(":") if scheme.lower() == "basic" else ("", "", "")
    return unquote_plus(client_id), unquote_plus(secret)


def _refused(request: Wire, refusal: GrantRefused) -> Response[dict[str, Any]]:
    headers = dict(NOT_STORED)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="gongzhi"'
    reply = refusal.reply(language_of(request))
    body = {"error": refusal.error, "error_description": refusal.message("en"), **reply}
    return Response(body, status_code=refusal.status, headers=headers)


def _answer(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LASTS.total_seconds()),
        "refresh_token": tokens.refresh,
        "scope": " ".join(sorted(tokens.scopes)),
    }
