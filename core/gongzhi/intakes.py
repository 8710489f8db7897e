"""The HTTP doors that scenes declare, below `/r/<division code>/`; a scene not enabled there has no door."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar
from uuid import UUID

import orjson
import structlog
from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.cases.acting import refused
from gongzhi.declarations import ActResult, Command, Intake, IntakeReply, IntakeRequest, Json, Refusal, Text
from gongzhi.errors import (
    BodyTooLarge,
    GongzhiError,
    InvalidEncoding,
    InvalidInput,
    InvalidJson,
    NoSuchRegion,
    NoSuchThing,
    Refused,
    ReplyFailed,
    SceneFault,
    ServiceAccountRequired,
)
from gongzhi.host import Host
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import outside_region
from gongzhi.identity.requests import CSRF_HEADER, authenticate, language_of, visitor_or_actor
from gongzhi.scenes.enablement import Enablement
from gongzhi.scenes.hooks import door_pattern
from gongzhi.scenes.loading import SCENE_RAISES, LoadedScene
from gongzhi.scenes.schemas import DEEPEST

log = structlog.get_logger()

Wire = Request[Any, Any, Any]
T = TypeVar("T")

_CREDENTIALS = frozenset({"authorization", "cookie", CSRF_HEADER})
"""Headers that say who the caller is; a scene that had them could be the caller elsewhere."""

_CODE = re.compile("[a-z_]{1,60}")


def intake_handler(host: Host) -> HTTPRouteHandler:
    """The one route behind which every scene's intakes lie."""

    @route(
        "/r/{division:str}/{path:path}",
        http_method=[HttpMethod.GET, HttpMethod.POST],
        include_in_schema=False,
    )
    async def intake(request: Wire, division: FromPath[str], path: FromPath[str]) -> Response[bytes]:
        enabled = await host.enabled_scenes(division) if division in host.tree else ()
        for scene, enablement in enabled:
            for door in scene.intakes:
                values = _match(door.path, path.strip("/"))
                if values is not None and door.method == request.method:
                    return await _answer(host, request, division, scene, enablement, door, values)
        await _record_nowhere(host, request, division)
        host.tree.get(division)
        raise NoSuchThing(where=f"/r/{division}/")

    return intake


async def read_json(request: Wire, limit_bytes: int) -> Json:
    """The body as JSON, or None when it is empty.

    Raises `BodyTooLarge` before reading more than `limit_bytes`, `InvalidEncoding`, `InvalidJson`, `InvalidInput`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise BodyTooLarge(limit_bytes=limit_bytes)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLarge(limit_bytes=limit_bytes)
    if not body.strip():
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEncoding(offset=error.start) from error
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidJson(problem=f"line {error.lineno}, column {error.colno}") from error
    _hold_depth(value)
    return value


def _hold_depth(value: Json) -> None:
    """Refuse what is nested deeper than could be stored, before a scene's code goes down into it."""
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            raise InvalidInput(where="/", problem=Text(zh="嵌套过深", en="it is nested too deep"))
        containers = [item for item in level if isinstance(item, (dict, list))]
        level = [v for item in containers for v in (item.values() if isinstance(item, dict) else item)]
        depth += 1


async def _answer(
    host: Host,
    request: Wire,
    division: str,
    scene: LoadedScene,
    enablement: Enablement,
    door: Intake,
    values: Mapping[str, str],
) -> Response[bytes]:
    known = await (authenticate if door.authentication == "service" else visitor_or_actor)(host, request)
    actor = known if door.authentication == "service" else None
    try:
        if actor is not None and actor.kind != "service":
            raise ServiceAccountRequired(where="Authorization")
        asked, wanted = await _translated(host, request, actor, division, scene, enablement, door, values)
        if isinstance(wanted, IntakeReply):
            reply = _guarded(scene, lambda: _shown(wanted))
    except GongzhiError as refusal:
        await _record(host, actor, division, scene, door, refusal)
        raise
    if isinstance(wanted, IntakeReply):
        if wanted.status >= 400:
            await _record(host, actor, division, scene, door, _code_of(wanted))
        return reply
    if wanted and actor is None:
        raise SceneFault(where=f"/{door.path}", scene=scene.id, version=scene.version)
    results: list[ActResult] = []
    refusals: list[GongzhiError] = []
    for command in wanted:
        assert actor is not None
        try:
            results.append(await host.dispatch.act(actor, command, division))
        except (Refused, SceneFault) as refusal:
            # One that is refused must not keep back those after it: each is an act of its own. What is done stays
            # done, the caller reads the first refusal, and the keys make sending it all again safe.
            refusals.append(refusal)
    if refusals:
        own = door.refused and _guarded(scene, lambda: _in_its_own_form(door, asked, refusals[0]))
        if own is None:
            raise refusals[0]
        return own
    try:
        return _shown(door.respond(asked, results) if door.respond is not None else IntakeReply())
    except SCENE_RAISES as error:
        # Whatever it raised, a refusal of its own too: what was asked is done, and nobody may read that it is not.
        log.error("scene reply failed", scene=scene.id, error=type(error).__name__)
        failure = (ReplyFailed if results else SceneFault)(
            where=f"/{door.path}", scene=scene.id, version=scene.version
        )
        await _record(host, actor, division, scene, door, failure)
        raise failure from error


async def _translated(
    host: Host,
    request: Wire,
    actor: Actor | None,
    division: str,
    scene: LoadedScene,
    enablement: Enablement,
    door: Intake,
    values: Mapping[str, str],
) -> tuple[IntakeRequest, IntakeReply | Sequence[Command]]:
    """What was asked, and what the scene makes of it."""
    if actor is not None:
        outside_region(actor, division, host.tree)
    body = await read_json(request, door.body_limit_bytes) if door.method == "POST" else None
    asked = IntakeRequest(
        region=division,
        path=values,
        query=dict(request.query_params.items()),
        headers={
            name.lower(): value for name, value in request.headers.items() if name.lower() not in _CREDENTIALS
        },
        body=body,
        config=enablement.values,
        base_url=host.settings.public_url,
        language=language_of(request),
        now=host.clock.now(),
    )
    return asked, _guarded(scene, lambda: _translation(scene, door.translate(asked)))


def _in_its_own_form(door: Intake, asked: IntakeRequest, refusal: GongzhiError) -> Response[bytes] | None:
    reply = door.refused(asked, refusal.code) if door.refused is not None else None
    return None if reply is None else _shown(reply)


def _translation(scene: LoadedScene, answer: object) -> IntakeReply | Sequence[Command]:
    """What a scene made of a request, if it is what it should be. Raises `TypeError`."""
    if isinstance(answer, IntakeReply):
        return answer
    if isinstance(answer, (list, tuple)) and all(_is_own(scene, command) for command in answer):
        return answer
    raise TypeError(f"{type(answer).__name__} is neither an IntakeReply nor commands of {scene.id}")


def _is_own(scene: LoadedScene, command: object) -> bool:
    """Whether it is a sound command to this scene: the caller's rights elsewhere are not the scene's to use."""
    return (
        isinstance(command, Command)
        and command.namespace == scene.id
        and isinstance(command.action, str)
        and isinstance(command.input, Mapping)
        and isinstance(command.key, str)
        and isinstance(command.case_id, UUID | None)
        and type(command.row_version) in (int, NoneType)
    )


def _code_of(reply: IntakeReply) -> str:
    """The code of a scene's own refusal, where it is one: it goes into the audit log, which is for ever."""
    code = reply.body.get("code") if isinstance(reply.body, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else "refused"


def _shown(reply: object) -> Response[bytes]:
    """A scene's reply as it goes out. Raises `TypeError` for what is none, or has no JSON."""
    if not isinstance(reply, IntakeReply) or type(reply.status) is not int or not 200 <= reply.status <= 599:
        raise TypeError(f"{type(reply).__name__} is no reply")
    return Response(
        orjson.dumps(reply.body) if reply.body is not None else b"",
        status_code=reply.status,
        media_type="application/json",
    )


async def _record(
    host: Host,
    actor: Actor | None,
    division: str,
    scene: LoadedScene,
    door: Intake,
    refusal: GongzhiError | str,
) -> None:
    """A refusal at the door is audited where we know whose it is; acts that were dispatched audit themselves."""
    if actor is not None:
        await host.dispatch.record_refusal(
            actor,
            namespace=scene.id,
            action=door.path,
            region=division,
            code=refusal if isinstance(refusal, str) else refusal.code,
            version=scene.version,
            outcome="fault" if isinstance(refusal, (SceneFault, ReplyFailed)) else "refused",
        )


async def _record_nowhere(host: Host, request: Wire, division: str) -> None:
    """Whoever shows who they are and asks for a door that is not there is audited too; a stranger need not sign in,
    but is counted, as at any other door."""
    actor = await visitor_or_actor(host, request)
    if actor is not None:
        known = division in host.tree
        await host.dispatch.record_refusal(
            actor,
            namespace="intake",
            action="request",
            region=division if known else actor.organ.region,
            code=NoSuchThing.code if known else NoSuchRegion.code,
        )


def _guarded(scene: LoadedScene, call: Callable[[], T]) -> T:
    """A scene's own code at its door: what it raises is its fault, and shown to nobody."""
    try:
        return call()
    except GongzhiError:
        raise
    except Refusal as no:
        raise refused(no) from no
    except SCENE_RAISES as error:
        log.error("scene intake failed", scene=scene.id, error=type(error).__name__)
        raise SceneFault(where="/", scene=scene.id, version=scene.version) from error


def _match(template: str, path: str) -> dict[str, str] | None:
    found = door_pattern(template).fullmatch(path)
    return found.groupdict() if found else None
