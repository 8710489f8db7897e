"""OIDC sign-in over HTTP: `/auth/oidc/<provider>/start` sends a browser away, `…/callback` takes it back.

What must be known when it comes back (state, nonce, PKCE's verifier) travels in a sealed cookie of ten minutes, which
also binds the sign-in to this browser: nobody can be signed in to somebody else's account by a link.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from gongzhi.errors import ExternalSignInFailed, GongzhiError, NoSuchThing
from gongzhi.identity.http import NOT_STORED, cookie, end_former, session_cookie
from gongzhi.identity.oidc.client import NOT_OURS, Begun, RelyingParty
from gongzhi.identity.oidc.external import ExternalSignIn
from gongzhi.identity.oidc.refusal_page import refusal_page
from gongzhi.identity.requests import AuthHost, AuthSettings, address_of, client_by, language_of
from gongzhi.identity.sealed import Seal

AWAY: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""

_PURPOSE: Final = b"gongzhi oidc sign-in"
_PLACE: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,300}")


class OidcHost(AuthHost, Protocol):
    """What OIDC sign-in asks of the host."""

    @property
    def external(self) -> ExternalSignIn: ...
    @property
    def providers(self) -> Mapping[str, RelyingParty]: ...


class _Away(msgspec.Struct, frozen=True):
    """What the cookie holds."""

    begun: Begun
    to: str
    until: float


def oidc_handlers(host: OidcHost) -> Sequence[HTTPRouteHandler]:
    """The doors of OIDC sign-in, for the application to mount."""
    seal = Seal(host.store.keys.secret("oidc"))

    @get("/auth/providers")
    async def providers() -> Response[list[dict[str, Any]]]:
        """Where else one can sign in; empty where there is nowhere."""
        told = [
            {
                "id": party.provider.id,
                "kind": party.provider.kind,
                "title": {"zh": party.provider.title.zh, "en": party.provider.title.en},
                "start": f"/auth/oidc/{party.provider.id}/start",
            }
            for party in host.providers.values()
        ]
        return Response(told, headers=NOT_STORED)

    @get("/auth/oidc/{provider:str}/start", status_code=302)
    async def start(
        request: Request[Any, Any, Any], provider: FromPath[str], to: FromQuery[str] = "/"
    ) -> Response[Any]:
        """Send the browser to a provider; it comes back to `to`, a path of ours."""
        return await _or_page(request, _start(request, provider, to))

    async def _start(request: Request[Any, Any, Any], provider: str, to: str) -> Response[Any]:
        now = host.clock.now()
        await host.sign_in.admit_visitor(now, address=address_of(request))
        url, begun = await _party(host, provider).begin(now)
        away = _Away(begun=begun, to=to if _PLACE.fullmatch(to) else "/", until=(now + AWAY).timestamp())
        sealed = seal.seal(msgspec.json.encode(away), _PURPOSE).hex()
        remembered = cookie(
            host.settings, away_name(host.settings), sealed, max_age=int(AWAY.total_seconds())
        )
        return _redirect(url, remembered)

    @get("/auth/oidc/{provider:str}/callback", status_code=302)
    async def callback(request: Request[Any, Any, Any], provider: FromPath[str]) -> Response[Any]:
        """Where a provider sends the browser back to: begins a session, or says why not."""
        reply = await _or_page(request, _callback(request, provider))
        reply.cookies.append(cookie(host.settings, away_name(host.settings), "", max_age=0))
        return reply

    async def _callback(request: Request[Any, Any, Any], provider: str) -> Response[Any]:
        party, now, address = _party(host, provider), host.clock.now(), address_of(request)
        await host.external.admit(now, address=address)
        try:
            away = _opened(seal, request.cookies.get(away_name(host.settings), ""))
            if away is None or away.begun.provider != provider or now.timestamp() >= away.until:
                raise ExternalSignInFailed(problem=NOT_OURS)
            proved = await party.finish(away.begun, _answer(request), now)
        except ExternalSignInFailed as refusal:
            await host.external.failed(refusal, now, address=address)
            raise
        session = await host.external.sign_in(party.provider, proved, now, client=client_by(request))
        await end_former(host, request)
        return _redirect(away.to, session_cookie(host.settings, session))

    return [providers, start, callback]


def away_name(settings: AuthSettings) -> str:
    """The name of the cookie that waits for a browser's return."""
    return "__Host-gongzhi-oidc" if settings.secure_cookies else "gongzhi-oidc"


def _party(host: OidcHost, provider: str) -> RelyingParty:
    if provider not in host.providers:
        raise NoSuchThing(where="/auth/oidc")
    return host.providers[provider]


def _opened(seal: Seal, value: str) -> _Away | None:
    try:
        opened = seal.open(bytes.fromhex(value), _PURPOSE)
    except ValueError:
        return None
    return None if opened is None else msgspec.json.decode(opened, type=_Away)


def _answer(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The redirect's parameters; none may come twice (RFC 6749 §3.1)."""
    answer: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in answer:
            raise ExternalSignInFailed(problem=NOT_OURS)
        answer[name] = value
    return answer


async def _or_page(request: Request[Any, Any, Any], reply: Awaitable[Response[Any]]) -> Response[Any]:
    """The reply; a refusal as a page for browsers, and as JSON, like everywhere, for others."""
    try:
        return await reply
    except GongzhiError as error:
        language = language_of(request)
        if request.accept.best_match(["application/json", "text/html"]) == "text/html":
            return refusal_page(error, language)
        return Response(error.reply(language), status_code=error.status, headers=NOT_STORED)


def _redirect(url: str, *cookies: Cookie) -> Response[Any]:
    return Response(None, status_code=302, headers={**NOT_STORED, "Location": url}, cookies=list(cookies))
