"""Identity over HTTP: whose a request is, in which language, and the doors `/auth/…`.

A browser sends a cookie, and proves for anything but reading that the request comes from our own pages;
anybody else sends `Authorization: Bearer …`. Every edge asks `authenticate`; none reads the cookie itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler

from gongzhi.declarations import Language, Text
from gongzhi.errors import (
    AppTokenRefused,
    BodyTooLarge,
    CrossSiteRequest,
    InvalidEncoding,
    InvalidInput,
    InvalidJson,
    MediaTypeNotSupported,
    NoSuchThing,
    NotDeputy,
    Refused,
    SecondStepRequired,
    SignInRequired,
    UnknownField,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.bearers import PREFIXES, AppCredentials
from gongzhi.identity.attempts import address_block
from gongzhi.identity.credentials import DEPUTYSHIP_HEADER, given
from gongzhi.identity.deputies import offered
from gongzhi.identity.directory import Directory
from gongzhi.identity.origins import let_read
from gongzhi.identity.sealed import Seal
from gongzhi.identity.second_step import SecondStep, Waiting
from gongzhi.identity.sessions import ABSOLUTE, Session
from gongzhi.identity.sign_in import STEP_LASTS, SignIn
from gongzhi.store.store import Store

Connection = ASGIConnection[Any, Any, Any, Any]

CSRF_HEADER: Final = "x-gongzhi-csrf"
BACKGROUND_HEADER: Final = "gongzhi-background"
BODY_LIMIT_BYTES: Final = 4_096
NOT_STORED: Final = {"Cache-Control": "no-store"}
_STEP: Final = b"gongzhi second step"
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
    host: AuthHost, request: Connection, *, apps: bool = False, seen: bool = True
) -> Actor:
    """The actor whose request it is: of its bearer token, or else of its session cookie.

    A registered app's token is refused unless the door says that it takes `apps`. `seen` False, or the request's header
    `Gongzhi-Background`, says that nobody is at work: a page that looks by itself whether anything is new must not keep an
    idle session alive. The header `Gongzhi-Deputyship` says that the person of the session acts in an absent colleague's
    place.

    A bad `Authorization` header is refused even beside a good cookie. Every refusal of credentials is on record
    when it is raised: as a leaf where the account is known, counted where it isn't.

    Raises:
        SignInRequired: there are no credentials, or none that we know.
        TokenStale: the token or session has expired, was idle for too long, or was revoked.
        AccountClosed: the account, its post or its organ is closed.
        CrossSiteRequest: a cookie came with a request, not for reading, from elsewhere than our pages.
        AppTokenRefused: it is an app's token, at a door that takes none.
        AppOriginRefused: an app's token came from a page that is not the app's.
        TooManyRequests: a practice key, or the account, has been used too often; or too many credentials that we don't know
            have come from this address.
        NotDeputy: the deputyship doesn't hold for the account now, or came with a token: programs stand in for nobody.
    """
    now = host.clock.now()
    try:
        actor = await _presented(host, request, now, apps=apps, seen=seen)
    except SignInRequired:
        if _shows_credentials(host, request):
            await host.sign_in.admit_visitor(now, address=address_of(request))
        raise
    await host.sign_in.keep_pace(actor, now)
    return actor


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


def auth_handlers(host: AuthHost) -> Sequence[HTTPRouteHandler]:
    """The doors of identity, for the application to mount; refusals are raised as they are."""

    @post("/auth/sign-out", status_code=204)
    async def sign_out(request: Request[Any, Any, Any]) -> Response[None]:
        """End the session and take the cookie away; signing out twice is no error."""
        if origin_of(request, host.settings.public_url) == "elsewhere":
            raise CrossSiteRequest()
        if token := request.cookies.get(cookie_name(host.settings)):
            await host.sign_in.sign_out(token, host.clock.now())
        return Response(
            None,
            status_code=204,
            cookies=[cookie(host.settings, cookie_name(host.settings), "", max_age=0)],
            headers=NOT_STORED,
        )

    @post("/auth/sign-out-everywhere", status_code=204)
    async def sign_out_everywhere(request: Request[Any, Any, Any]) -> Response[None]:
        """End every session of the account, here and on other machines; bearer tokens stay."""
        actor = await authenticate(host, request)
        token = request.cookies.get(cookie_name(host.settings))
        if token is None or "authorization" in request.headers:  # a token is no session
            raise await host.sign_in.unreadable(SignInRequired(where="Cookie"), host.clock.now())
        await host.sign_in.sign_out_everywhere(actor, host.clock.now())
        gone = cookie(host.settings, cookie_name(host.settings), "", max_age=0)
        return Response(None, status_code=204, cookies=[gone], headers=NOT_STORED)

    @get("/auth/session")
    async def session(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Whether the session of an open page still lives, and whose it is. Asking doesn't keep it alive."""
        token = request.cookies.get(cookie_name(host.settings))
        if not token:
            raise SignInRequired()
        actor = await host.sign_in.standing(token, host.clock.now())
        return Response({"login": actor.login}, headers=NOT_STORED)

    @get("/auth/me")
    async def me(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Who I am here."""
        return Response(_shown(await authenticate(host, request)), headers=NOT_STORED)

    @get("/auth/deputyships")
    async def deputyships(request: Request[Any, Any, Any]) -> Response[list[dict[str, Any]]]:
        """Whom I may act in the place of today; each `id` is what the header `Gongzhi-Deputyship` takes."""
        actor = await authenticate(host, request)
        async with host.store.unit_of_work() as uow:
            ones = await offered(uow, actor, host.clock.now())
        told = [
            {
                "id": str(one.ground.deputyship_id),
                "name": one.ground.name,
                "department": one.actor.department,
                "title": one.actor.title,
                "duties": sorted(one.actor.duties),
                "valid_to": one.valid_to,
            }
            for one in ones
        ]
        return Response(told, headers=NOT_STORED)

    @get("/auth/accounts")
    async def accounts() -> Response[list[dict[str, Any]]]:
        """The people that a demo offers to be; anywhere else there is nothing here."""
        _demo_only(host)
        async with host.store.unit_of_work() as uow:
            actors = await host.directory.demo_actors(uow, host.clock.now())
        return Response([_shown(actor) for actor in actors], headers=NOT_STORED)

    return [*_ways_in(host), sign_out, sign_out_everywhere, session, me, deputyships, accounts]


def _ways_in(host: AuthHost) -> Sequence[HTTPRouteHandler]:
    """Signing in: by password, with a second step where it takes one, or from a demo's list."""
    steps = Seal(host.store.keys.secret("second_step"))

    @post("/auth/sign-in", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def sign_in(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Sign in by login and password: sets the session's cookie."""
        login, password = await _read(host, request, ("login", "password"))
        now, address = host.clock.now(), address_of(request)
        try:
            session = await host.sign_in.sign_in(login, password, now, address=address)
        except SecondStepRequired as first:
            return _second_step_first(host, steps, first, language_of(request))
        await end_former(host, request)
        return _signed_in(host, session)

    @post("/auth/second-step", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def second_step(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """The second step of the sign-in that this browser began: a code, or a recovery code."""
        (code,) = await _read(host, request, ("code",))
        waiting = _waiting(steps, request.cookies.get(step_cookie_name(host.settings), ""))
        if waiting is None:
            raise await host.sign_in.unreadable(SignInRequired(where="Cookie"), host.clock.now())
        now, address = host.clock.now(), address_of(request)
        session, codes = await host.sign_in.second_step(waiting, code, now, address=address)
        await end_former(host, request)
        reply = _signed_in(host, session)
        reply.content["recovery_codes"] = codes
        reply.cookies.append(cookie(host.settings, step_cookie_name(host.settings), "", max_age=0))
        return reply

    @post("/auth/demo-sign-in", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def demo_sign_in(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Sign in as an account of the demo, by login alone."""
        _demo_only(host)
        (login,) = await _read(host, request, ("login",))
        now, address = host.clock.now(), address_of(request)
        session = await host.sign_in.demo_sign_in(login, now, address=address)
        await end_former(host, request)
        return _signed_in(host, session)

    return [sign_in, second_step, demo_sign_in]


_NO_OBJECT: Final = Text(zh="须为对象", en="it must be an object")
_NO_STRING: Final = Text(zh="须为文本", en="it must be a string")
_UNSTORABLE: Final = Text(zh="含有不可保存的字符", en="it has a character that cannot be stored")


def _demo_only(host: AuthHost) -> None:
    if not host.settings.demo:
        raise NoSuchThing()


async def _read(host: AuthHost, request: Request[Any, Any, Any], names: Sequence[str]) -> list[str]:
    """The body's strings by name; whatever else it is gets counted against the client's address."""
    try:
        if origin_of(request, host.settings.public_url) == "elsewhere":
            raise CrossSiteRequest()
        return await _strings(request, names)
    except Refused as refusal:
        counted = await host.sign_in.malformed(refusal, host.clock.now(), address=address_of(request))
        raise counted from refusal


async def _strings(request: Request[Any, Any, Any], names: Sequence[str]) -> list[str]:
    if request.content_type[0] != "application/json":
        raise MediaTypeNotSupported(where="Content-Type", media_type=request.content_type[0] or "-")
    try:
        body = msgspec.json.decode((await request.body()).decode())
    except RequestEntityTooLarge as error:
        raise BodyTooLarge(limit_bytes=BODY_LIMIT_BYTES) from error
    except UnicodeDecodeError as error:
        raise InvalidEncoding(offset=error.start) from error
    except msgspec.DecodeError as error:
        raise InvalidJson(problem="malformed") from error
    if not isinstance(body, dict):
        raise InvalidInput(where="/", problem=_NO_OBJECT)
    for name in body:
        if name not in names:
            raise UnknownField(where="/", field=name[:40])
    for name in names:
        if not isinstance(body.get(name), str):
            raise InvalidInput(where=f"/{name}", problem=_NO_STRING)
        if "\x00" in body[name]:  # the one character of JSON that PostgreSQL's text can't hold
            raise InvalidInput(where=f"/{name}", problem=_UNSTORABLE)
    return [body[name] for name in names]


def address_of(request: Connection) -> str:
    """What a client's attempts are counted by; empty when unknown."""
    return address_block(request.client.host) if request.client else ""


def _signed_in(host: AuthHost, session: Session) -> Response[dict[str, Any]]:
    body = {**_shown(session.actor), "csrf": session.csrf, "expires_at": session.expires_at}
    cookies = [session_cookie(host.settings, session)]
    return Response(body, status_code=200, cookies=cookies, headers=NOT_STORED)


def step_cookie_name(settings: AuthSettings) -> str:
    """The name of the cookie that waits for the second step."""
    return "__Host-gongzhi-step" if settings.secure_cookies else "gongzhi-step"


def _second_step_first(
    host: AuthHost, steps: Seal, first: SecondStepRequired, language: Language
) -> Response[dict[str, Any]]:
    """No session yet: what the browser has to ask for, and a sealed cookie by which it comes back."""
    asked = first.step
    if not isinstance(asked, SecondStep):
        raise first
    sealed = steps.seal(msgspec.json.encode(asked.waiting), _STEP).hex()
    lasts = int(STEP_LASTS.total_seconds())
    told: dict[str, Any] = {"kind": "code"}
    if secret := asked.waiting.secret:
        told = {"kind": "enrol", "secret": secret, "uri": asked.uri, "picture": asked.picture}
    return Response(
        {**first.reply(language), "second_step": told},
        status_code=first.status,
        cookies=[cookie(host.settings, step_cookie_name(host.settings), sealed, max_age=lasts)],
        headers=NOT_STORED,
    )


def _waiting(steps: Seal, value: str) -> Waiting | None:
    try:
        opened = steps.open(bytes.fromhex(value), _STEP)
    except ValueError:
        return None
    return None if opened is None else msgspec.json.decode(opened, type=Waiting)


async def end_former(host: AuthHost, request: Connection) -> None:
    """End the session that a browser had before it began another: its secret is of no more use to anybody."""
    if former := request.cookies.get(cookie_name(host.settings)):
        await host.sign_in.sign_out(former, host.clock.now())


def session_cookie(settings: AuthSettings, session: Session) -> Cookie:
    """The cookie that carries a session."""
    return cookie(settings, cookie_name(settings), session.token, max_age=int(ABSOLUTE.total_seconds()))


def cookie(settings: AuthSettings, name: str, value: str, *, max_age: int) -> Cookie:
    """A cookie for our own pages that scripts don't see; it comes along when somebody follows a link to us."""
    return Cookie(
        key=name,
        value=value,
        max_age=max_age,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def _shown(actor: Actor) -> dict[str, Any]:
    """An actor as JSON, for the actor's own eyes or a demo's."""
    organ, ground = actor.organ, actor.in_place_of
    return {
        "login": actor.login,
        "name": actor.name,
        "kind": actor.kind,
        "organ": {
            "id": str(organ.id),
            "name": {"zh": organ.name, "en": organ.name_en},
            "type": organ.type,
            "level": organ.level,
            "region": organ.region,
        },
        "department": actor.department,
        "title": actor.title,
        "duties": sorted(actor.duties),
        "language": actor.language,
    } | ({} if ground is None else {"in_place_of": {"name": ground.name, "id": str(ground.deputyship_id)}})
