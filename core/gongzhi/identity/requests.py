"""Whose an HTTP request is, from where, and in which language.

A browser sends a cookie, and proves for anything but reading that the request comes from our own pages;
anybody else sends `Authorization: Bearer …`. Every edge asks `authenticate`; none reads the cookie itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection

from gongzhi.declarations import Language
from gongzhi.errors import (
    AppTokenRefused,
    CrossSiteRequest,
    NotDeputy,
    Refused,
    SignInRequired,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.bearers import PREFIXES, AppCredentials
from gongzhi.identity.attempts import address_block
from gongzhi.identity.clients import client_of
from gongzhi.identity.credentials import DEPUTYSHIP_HEADER, given
from gongzhi.identity.directory import Directory
from gongzhi.identity.origins import let_read
from gongzhi.identity.sign_in import SignIn
from gongzhi.store.store import Store

Connection = ASGIConnection[Any, Any, Any, Any]

CSRF_HEADER: Final = "x-gongzhi-csrf"
BACKGROUND_HEADER: Final = "gongzhi-background"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class AuthSettings(Protocol):
    """What identity asks of the settings."""

    @property
    def demo(self) -> bool: ...
    @property
    def secure_cookies(self) -> bool: ...
    @property
    def public_url(self) -> str: ...


class AuthClock(Protocol):
    """Where identity reads the time."""

    def now(self) -> datetime: ...


class AuthHost(Protocol):
    """What identity asks of the host."""

    @property
    def settings(self) -> AuthSettings: ...
    @property
    def clock(self) -> AuthClock: ...
    @property
    def store(self) -> Store: ...
    @property
    def directory(self) -> Directory: ...
    @property
    def sign_in(self) -> SignIn: ...
    @property
    def apps(self) -> AppCredentials: ...


async def authenticate(
    host: AuthHost, request: Connection, *, apps: bool = False, seen: bool = True, paced: bool = True
) -> Actor:
    """The actor whose request it is: of its bearer token, or else of its session cookie.

    A registered app's token is refused unless the door says that it takes `apps`. `seen` False, or the request's header
    `Gongzhi-Background`, says that nobody is at work: a page that looks by itself whether anything is new must not keep an
    idle session alive. The header `Gongzhi-Deputyship` says that the person of the session acts in an absent colleague's
    place.

    `paced` False is for what must not be held up, or is no request: a reader who is looked up anew.

    A bad `Authorization` header is refused even beside a good cookie. Every refusal of credentials is on record
    when it is raised: as a leaf where the account is known, counted where it isn't.

    Raises:
        SignInRequired: there are no credentials, or none that we know.
        TokenStale: the token or session has expired, was idle for too long, or was revoked.
        AccountClosed: the account, its post or its organ is closed.
        CrossSiteRequest: a cookie came with a request, not for reading, from elsewhere than our pages.
        AppTokenRefused: it is an app's token, at a door that takes none.
        AppOriginRefused: an app's token came from a page that is not the app's.
        TooManyRequests: a practice key, or the account, has been used too often; or too many credentials of this address
            were refused.
        NotDeputy: the deputyship doesn't hold for the account now, or came with a token: programs stand in for nobody.
    """
    now = host.clock.now()
    with flood_kept_out(host, request, now):
        actor = await _presented(host, request, now, apps=apps, seen=seen)
    if paced:
        await host.sign_in.keep_pace(actor, now)
    return actor


@contextmanager
def flood_kept_out(host: AuthHost, request: Connection, now: datetime) -> Iterator[None]:
    """Around looking up whose a request is: an address of which too many are refused has to wait for the next minute.

    Raises `TooManyRequests`.
    """
    address = address_of(request)
    if not _shows_credentials(host, request):
        yield
        return
    host.sign_in.refuse_flood(address, now)
    try:
        yield
    except Refused:
        host.sign_in.credentials_refused(address, now)
        raise


def _shows_credentials(host: AuthHost, request: Connection) -> bool:
    return "authorization" in request.headers or bool(request.cookies.get(cookie_name(host.settings)))


async def _presented(host: AuthHost, request: Connection, now: datetime, *, apps: bool, seen: bool) -> Actor:
    deputyship = request.headers.get(DEPUTYSHIP_HEADER)
    if (header := request.headers.get("authorization")) is not None:
        if deputyship is not None:
            raise await host.sign_in.unreadable(NotDeputy(where=DEPUTYSHIP_HEADER), now)
        scheme, _, bearer = header.partition(" ")
        if scheme.lower() != "bearer" or not bearer.strip():
            raise await host.sign_in.unreadable(SignInRequired(where="Authorization"), now)
        if bearer.strip().startswith(PREFIXES):
            return await _app_actor(host, request, bearer.strip(), now, apps=apps)
        return await host.sign_in.actor_from_token(bearer.strip(), now)
    token = request.cookies.get(cookie_name(host.settings))
    if not token:
        raise SignInRequired()
    csrf: str | None = None
    if request.scope.get("method") not in SAFE_METHODS:  # a WebSocket has no method, and is no mere reading
        origin = origin_of(request, host.settings.public_url)
        if origin == "elsewhere":
            raise await host.sign_in.unreadable(CrossSiteRequest(), now)
        if origin == "unsaid":
            csrf = request.headers.get(CSRF_HEADER, "")
    seen = seen and BACKGROUND_HEADER not in request.headers
    return await host.sign_in.actor_from_session(token, now, csrf=csrf, seen=seen, deputyship=deputyship)


def language_of(request: Connection) -> Language:
    """The language of texts for this request: English where it is asked for first, Chinese otherwise."""
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"


async def _app_actor(host: AuthHost, request: Connection, bearer: str, now: datetime, *, apps: bool) -> Actor:
    if not apps:
        raise await host.sign_in.unreadable(AppTokenRefused(where="Authorization"), now)
    origin = request.headers.get("origin")
    admission = await host.apps.admit(bearer, origin, now)
    if admission.from_app and origin is not None:
        let_read(request.scope, origin)
    return given(admission.outcome)


async def visitor_or_actor(host: AuthHost, request: Connection, *, apps: bool = False) -> Actor | None:
    """The actor as in `authenticate`, or None for a visitor, who shows no credentials at all.

    Raises `TooManyRequests` for a visitor from an address of which too many have come.
    """
    if _shows_credentials(host, request):
        return await authenticate(host, request, apps=apps)
    await host.sign_in.admit_visitor(host.clock.now(), address=address_of(request))
    return None


def cookie_name(settings: AuthSettings) -> str:
    """The session cookie's name; the prefix `__Host-` makes a browser insist on https, `/` and no domain."""
    return "__Host-gongzhi" if settings.secure_cookies else "gongzhi"


def origin_of(request: Connection, public_url: str) -> Literal["ours", "elsewhere", "unsaid"]:
    """Where the page that sent a request is from, by `Sec-Fetch-Site`, or by `Origin` where that is missing.

    Another host of the same site is elsewhere: a neighbouring system is not us. Browsers say one or the
    other with every request that is not for reading (Fetch standard; W3C Fetch Metadata).
    """
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return "ours" if site in ("same-origin", "none") else "elsewhere"
    if (origin := request.headers.get("origin")) is None:
        return "unsaid"
    public = urlsplit(public_url)
    scheme = request.scope["scheme"].replace("ws", "http", 1)  # a WebSocket's page is an http page
    here = f"{scheme}://{request.headers.get('host', '')}"
    return "ours" if origin in (f"{public.scheme}://{public.netloc}", here) else "elsewhere"


def address_of(request: Connection) -> str:
    """What a client's attempts are counted by; empty when unknown."""
    return address_block(request.client.host) if request.client else ""


def client_by(request: Connection) -> str:
    """The kinds of browser and system that a request comes from, as far as it says."""
    return client_of(request.headers.get("user-agent", ""))
