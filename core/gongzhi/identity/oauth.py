"""OAuth over HTTP: `/auth/authorize`, the consent that the console asks for, `/auth/token`, and their metadata.

After OAuth 2.1 as its parts say it: RFC 6749 (codes), 7636 (PKCE, S256 only), 7009 (giving a token back), 8414
(metadata), 9207 (`iss`) and 9700 (best practice). `GRANTS` names what the token endpoint answers to; another grant is
another entry.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import msgspec
from litestar import HttpMethod, Request, Response, get, post, route
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from gongzhi.declarations import Text
from gongzhi.errors import (
    AccountClosed,
    BodyTooLarge,
    CredentialsWrong,
    GrantRefused,
    InvalidInput,
    InvalidJson,
    MediaTypeNotSupported,
    NoSuchThing,
    Refused,
    SignInRequired,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.delegations import ACCESS_LASTS, CHALLENGE, Tokens
from gongzhi.identity.apps.granting import Granting
from gongzhi.identity.apps.registry import App
from gongzhi.identity.client_secrets import TOKEN_LASTS
from gongzhi.identity.origins import PREFLIGHT, let_read
from gongzhi.identity.requests import AuthHost, address_of, authenticate, cookie_name, language_of

Wire: TypeAlias = Request[Any, Any, Any]

BODY_LIMIT_BYTES: Final = 16_384
CONSENT_PAGE: Final = "/console/authorize"
"""Where a person is asked: a page of the console, which signs them in first."""

_NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_LONGEST_STATE: Final = 1_000

UNREGISTERED: Final = Text(
    zh="回调地址未登记为此应用所有", en="this redirect address is not registered for the app"
)
NO_FORM: Final = Text(
    zh="须为 application/x-www-form-urlencoded，且每个参数只出现一次",
    en="must be application/x-www-form-urlencoded with each parameter once",
)
NO_GRANT: Final = Text(zh="没有这种 grant_type", en="there is no such grant_type")
MISSING: Final = Text(zh="缺少参数", en="a parameter is missing")
ONE_WAY: Final = Text(zh="凭据只能以一种方式给出", en="credentials may be given in one way only")
NO_DECISION: Final = Text(
    zh="须为含 request 和 allow 的对象", en="it must be an object with request and allow"
)
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


class OAuthHost(AuthHost, Protocol):
    """What these doors ask of the host."""

    @property
    def apps(self) -> Granting: ...
    def delegable_scopes(self) -> Mapping[str, Text]: ...


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


def oauth_handlers(host: OAuthHost) -> Sequence[HTTPRouteHandler]:
    """The doors, for the application to mount."""

    @get("/.well-known/oauth-authorization-server")
    async def metadata() -> Response[dict[str, Any]]:
        """What clients need to know of us (RFC 8414)."""
        return Response(_metadata(host), headers={"Cache-Control": "max-age=300"})

    @get("/auth/authorize")
    async def authorize(request: Wire) -> Redirect:
        """Where an app sends a person: on to the console's page that asks them, or back with what is wrong."""
        await host.sign_in.admit_visitor(host.clock.now(), address=address_of(request))
        try:
            await _asked(host, request.url.query)
        except _SentBack as back:
            return _see_other(back.address)
        except Refused:
            # Nobody is sent to an address that is not the app's; the console's page says what is wrong.
            pass
        return _see_other(f"{CONSENT_PAGE}?{request.url.query}")

    @get("/auth/consent")
    async def describe(request: Wire) -> Response[dict[str, Any]]:
        """What the page shows: the app, its owner and the scopes in words; or where to send the person instead."""
        await _person(host, request)
        try:
            asked = await _asked(host, request.url.query)
        except _SentBack as back:
            return Response({"redirect": back.address}, headers=_NOT_STORED)
        return Response(_described(host, asked), headers=_NOT_STORED)

    @post("/auth/consent", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def decide(request: Wire) -> Response[dict[str, Any]]:
        """The person's answer, by their session alone; answers where to send them."""
        actor = await _person(host, request)
        answer = await _decision(request)
        try:
            asked = await _asked(host, answer.request)
        except _SentBack as back:
            return Response({"redirect": back.address}, headers=_NOT_STORED)
        if not answer.allow:
            return Response({"redirect": _back(host, asked, error="access_denied")}, headers=_NOT_STORED)
        code = await host.apps.consent(
            asked.app,
            actor,
            session=request.cookies.get(cookie_name(host.settings), ""),
            scopes=asked.scopes,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            now=host.clock.now(),
        )
        return Response({"redirect": _back(host, asked, code=code)}, headers=_NOT_STORED)

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

    @route(
        ["/graphql", "/auth/token", "/auth/revoke"],
        http_method=[HttpMethod.OPTIONS],
        include_in_schema=False,
    )
    async def preflight(request: Wire) -> Response[None]:
        return await _preflight(host, request)

    @route("/graphql/{division:str}", http_method=[HttpMethod.OPTIONS], include_in_schema=False)
    async def region_preflight(request: Wire, division: FromPath[str]) -> Response[None]:
        return await _preflight(host, request)

    # The preflights first: Litestar answers OPTIONS by itself on every path that has no handler for it yet.
    return [preflight, region_preflight, metadata, authorize, describe, decide, token, give_back]


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A sound request for authorization: the app is in use and the address is the app's."""

    app: App
    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    challenge: str


class _Decision(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The person's answer; `request` is the query that they were asked with."""

    request: str
    allow: bool


class _SentBack(Exception):
    """A request with something wrong that the app is told of, at its own `address` (RFC 6749 §4.1.2.1)."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


async def _asked(host: OAuthHost, query: str) -> _Asked:
    """The request for authorization in a query.

    Raises `NoSuchThing` or `InvalidInput` where nobody may be sent back, `_SentBack` for whatever else is wrong.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    once = len(given) == len(pairs)
    app = await host.apps.app(given.get("client_id", ""))
    if app is None or not once:
        raise NoSuchThing(where="/client_id")
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise InvalidInput(where="/redirect_uri", problem=UNREGISTERED)
    state = given.get("state")
    scopes = frozenset(given.get("scope", "").split())

    def sent_back(error: str, description: str) -> _SentBack:
        told = None if state is None or len(state) > _LONGEST_STATE else state
        return _SentBack(_address(host, redirect_uri, told, error=error, error_description=description))

    if state is not None and len(state) > _LONGEST_STATE:
        raise sent_back("invalid_request", "state is too long")
    if given.get("response_type") != "code":
        raise sent_back("unsupported_response_type", "response_type must be code")
    if given.get("response_mode", "query") != "query":
        raise sent_back("invalid_request", "response_mode must be query")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
        given.get("code_challenge", "")
    ):
        raise sent_back("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256")
    if not scopes or not scopes <= app.scopes & host.delegable_scopes().keys():
        raise sent_back("invalid_scope", "scope must name scopes that the app is registered for")
    return _Asked(
        app=app, redirect_uri=redirect_uri, scopes=scopes, state=state, challenge=given["code_challenge"]
    )


async def _person(host: OAuthHost, request: Wire) -> Actor:
    """The person at the browser. A bearer token consents to nothing: what it may do must not outlive it."""
    if "authorization" in request.headers:
        raise await host.sign_in.unreadable(SignInRequired(where="Cookie"), host.clock.now())
    return await authenticate(host, request)


async def _decision(request: Wire) -> _Decision:
    if request.content_type[0] != "application/json":  # a form of another site can't send this one unasked
        raise MediaTypeNotSupported(where="Content-Type", media_type=request.content_type[0] or "-")
    try:
        return msgspec.json.decode(await request.body(), type=_Decision)
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(limit_bytes=BODY_LIMIT_BYTES) from error
    except msgspec.ValidationError as error:
        raise InvalidInput(where="/", problem=NO_DECISION) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(problem="malformed") from error


def _described(host: OAuthHost, asked: _Asked) -> dict[str, Any]:
    words = host.delegable_scopes()
    return {
        "app": {"zh": asked.app.name.zh, "en": asked.app.name.en},
        "organ": {"zh": asked.app.organ.zh, "en": asked.app.organ.en},
        "returns_to": urlsplit(asked.redirect_uri).netloc,
        "scopes": [
            {"scope": scope, "zh": words[scope].zh, "en": words[scope].en} for scope in sorted(asked.scopes)
        ],
    }


def _back(host: OAuthHost, asked: _Asked, **answer: str) -> str:
    return _address(host, asked.redirect_uri, asked.state, **answer)


def _address(host: OAuthHost, redirect_uri: str, state: str | None, **answer: str) -> str:
    """The app's address with our answer; `iss` says whose it is (RFC 9207)."""
    told = {**answer, **({} if state is None else {"state": state}), "iss": host.settings.public_url}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(told)}"


def _see_other(address: str) -> Redirect:
    return Redirect(address, status_code=303, headers={**_NOT_STORED, "Referrer-Policy": "no-referrer"})


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
        return Response(await answer(asked), status_code=200, headers=_NOT_STORED)
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
    headers = dict(_NOT_STORED)
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


async def _preflight(host: OAuthHost, request: Wire) -> Response[None]:
    """May this page ask? Yes for a page of a registered app; credentials are never part of the question."""
    origin = request.headers.get("origin", "")
    known = bool(origin) and len(origin) <= 200 and await host.apps.knows_origin(origin)
    if not known:
        return Response(None, status_code=204, headers={"Vary": "Origin"})
    let_read(request.scope, origin)
    return Response(None, status_code=204, headers=PREFLIGHT)


def _metadata(host: OAuthHost) -> dict[str, Any]:
    url = host.settings.public_url
    methods = ["none", "client_secret_basic", "client_secret_post"]
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/auth/authorize",
        "token_endpoint": f"{url}/auth/token",
        "revocation_endpoint": f"{url}/auth/revoke",
        "scopes_supported": list(host.delegable_scopes()),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": sorted(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["zh-CN", "en"],
    }
