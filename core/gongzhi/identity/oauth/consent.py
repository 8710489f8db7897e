"""Consent: `/auth/authorize`, where an app sends a person, and what the console's page asks and answers there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from litestar import Response, get, post
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from gongzhi.declarations import Text
from gongzhi.errors import (
    BodyTooLarge,
    InvalidInput,
    InvalidJson,
    MediaTypeNotSupported,
    NoSuchThing,
    Refused,
    SignInRequired,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.delegations import CHALLENGE
from gongzhi.identity.apps.registry import App
from gongzhi.identity.oauth.wire import BODY_LIMIT_BYTES, NOT_STORED, OAuthHost, Wire
from gongzhi.identity.requests import address_of, authenticate, cookie_name

CONSENT_PAGE: Final = "/console/authorize"
"""Where a person is asked: a page of the console, which signs them in first."""
_LONGEST_STATE: Final = 1_000

UNREGISTERED: Final = Text(
    zh="回调地址未登记为此应用所有", en="this redirect address is not registered for the app"
)
NO_DECISION: Final = Text(
    zh="须为含 request 和 allow 的对象", en="it must be an object with request and allow"
)


def consent_handlers(host: OAuthHost) -> list[HTTPRouteHandler]:
    """The doors of consent."""

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
            return Response({"redirect": back.address}, headers=NOT_STORED)
        return Response(_described(host, asked), headers=NOT_STORED)

    @post("/auth/consent", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def decide(request: Wire) -> Response[dict[str, Any]]:
        """The person's answer, by their session alone; answers where to send them."""
        actor = await _person(host, request)
        answer = await _decision(request)
        try:
            asked = await _asked(host, answer.request)
        except _SentBack as back:
            return Response({"redirect": back.address}, headers=NOT_STORED)
        if not answer.allow:
            return Response({"redirect": _back(host, asked, error="access_denied")}, headers=NOT_STORED)
        code = await host.apps.consent(
            asked.app,
            actor,
            session=request.cookies.get(cookie_name(host.settings), ""),
            scopes=asked.scopes,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            now=host.clock.now(),
        )
        return Response({"redirect": _back(host, asked, code=code)}, headers=NOT_STORED)

    return [authorize, describe, decide]


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
    return Redirect(address, status_code=303, headers={**NOT_STORED, "Referrer-Policy": "no-referrer"})
