"""The doors `/auth/…`: signing in and out, who one is, and the cookies that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.declarations import Language, Text
from gongzhi.errors import (
    BodyTooLarge,
    CrossSiteRequest,
    InvalidEncoding,
    InvalidInput,
    InvalidJson,
    MediaTypeNotSupported,
    NoSuchThing,
    Refused,
    SecondStepRequired,
    SignInRequired,
    UnknownField,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.deputies import offered
from gongzhi.identity.requests import (
    AuthHost,
    AuthSettings,
    Connection,
    address_of,
    authenticate,
    client_by,
    cookie_name,
    flood_kept_out,
    language_of,
    origin_of,
)
from gongzhi.identity.sealed import Seal
from gongzhi.identity.second_step import SecondStep, Waiting
from gongzhi.identity.sessions import ABSOLUTE, OwnSession, Session
from gongzhi.identity.sign_in import STEP_LASTS

BODY_LIMIT_BYTES: Final = 4_096
NOT_STORED: Final = {"Cache-Control": "no-store"}
_STEP: Final = b"gongzhi second step"


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
        actor, _ = await _in_a_session(host, request)
        await host.sign_in.sign_out_everywhere(actor, host.clock.now())
        gone = cookie(host.settings, cookie_name(host.settings), "", max_age=0)
        return Response(None, status_code=204, cookies=[gone], headers=NOT_STORED)

    @get("/auth/sessions")
    async def sessions(request: Request[Any, Any, Any]) -> Response[list[OwnSession]]:
        """My live sessions, this one first; their secrets are nobody's to see again."""
        _, token = await _in_a_session(host, request)
        return Response(await host.sign_in.own_sessions(token, host.clock.now()), headers=NOT_STORED)

    @post("/auth/sessions/{session_id:str}/end", status_code=204)
    async def end_one(request: Request[Any, Any, Any], session_id: FromPath[str]) -> Response[None]:
        """End one of my sessions, such as that of a machine that I have left."""
        actor, token = await _in_a_session(host, request)
        await host.sign_in.sign_out_one(actor, token, _session_id(session_id), host.clock.now())
        return Response(None, status_code=204, headers=NOT_STORED)

    @get("/auth/session")
    async def session(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Whether the session of an open page still lives, and whose it is. Asking doesn't keep it alive."""
        token = request.cookies.get(cookie_name(host.settings))
        if not token:
            raise SignInRequired()
        now = host.clock.now()
        with flood_kept_out(host, request, now):
            actor = await host.sign_in.standing(token, now)
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

    return [
        *_ways_in(host),
        sign_out,
        sign_out_everywhere,
        sessions,
        end_one,
        session,
        me,
        deputyships,
        accounts,
    ]


async def _in_a_session(host: AuthHost, request: Connection) -> tuple[Actor, str]:
    """The actor and the secret of the session that a request comes in. Raises `SignInRequired` for a token, too.

    Whoever has lost a session can end it, however busy the thief keeps the account.
    """
    actor = await authenticate(host, request, paced=False)
    token = request.cookies.get(cookie_name(host.settings))
    if token is None or "authorization" in request.headers:  # a token is no session
        raise await host.sign_in.unreadable(SignInRequired(where="Cookie"), host.clock.now())
    return actor, token


def _session_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NoSuchThing(where="/session") from error


def _ways_in(host: AuthHost) -> Sequence[HTTPRouteHandler]:
    """Signing in: by password, with a second step where it takes one, or from a demo's list."""
    steps = Seal(host.store.keys.secret("second_step"))

    @post("/auth/sign-in", status_code=200, request_max_body_size=BODY_LIMIT_BYTES)
    async def sign_in(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Sign in by login and password: sets the session's cookie."""
        login, password = await _read(host, request, ("login", "password"))
        now, address = host.clock.now(), address_of(request)
        try:
            session = await host.sign_in.sign_in(
                login, password, now, address=address, client=client_by(request)
            )
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
        session, codes = await host.sign_in.second_step(
            waiting, code, now, address=address, client=client_by(request)
        )
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
        session = await host.sign_in.demo_sign_in(login, now, address=address, client=client_by(request))
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
