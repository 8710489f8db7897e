"""The HTTP door: `/graphql/<division code>`, `/graphql` for the signed-in user's own region, and the SDL.

Our own, on Litestar alone. Every reply to an operation has GraphQL's form, refusals included.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.audit.leaf import Leaf
from gongzhi.errors import (
    GongzhiError,
    NotAcceptable,
    RightsChanged,
    SignInRequired,
    StoreFault,
    TooManyRequests,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.requests import authenticate, language_of, visitor_or_actor
from gongzhi.streams import StreamedReply
from gongzhi_graphql.compose import Composer, View
from gongzhi_graphql.context import Context
from gongzhi_graphql.limits import Limits
from gongzhi_graphql.operations import Asked, Operation, ready, run
from gongzhi_graphql.problems import Rejected, located, public
from gongzhi_graphql.requests import (
    EVENT_STREAM,
    MediaType,
    Wire,
    asked_by_get,
    asked_by_post,
    media_type,
)
from gongzhi_graphql.subscriptions import COMPLETE, OpenStreams, Standing, Stream, event

if TYPE_CHECKING:
    from gongzhi.host import Host

log = structlog.get_logger()


class Door:
    """Answers GraphQL requests of one host."""

    def __init__(self, host: Host, limits: Limits) -> None:
        self._host, self._limits = host, limits
        self._composer: Composer | None = None
        self._streams = OpenStreams()

    async def view(self, region: str, actor: Actor | None) -> View:
        """The view of a region, as this actor is shown it. Raises `NoSuchRegion`."""
        scenes = await self._host.scenes_of_view(region)
        duties = actor.duties if actor else frozenset()
        shown = frozenset(ns.id for ns in self._host.namespaces if not ns.duties or ns.duties & duties)
        return self.composer.view(scenes, shown)

    @property
    def composer(self) -> Composer:
        """Made at the first request: by then every edge has brought its namespaces."""
        if self._composer is None:
            self._composer = Composer(self._host.namespaces, self._host.scenes.fail)
        return self._composer

    async def answer(self, request: Wire, asked_region: str | None) -> Response[bytes]:
        """Carry out the operation of a request, or say why not."""
        wanted = media_type(request)
        # A reply needs a media type even when none was acceptable.
        form = wanted or "application/json"
        try:
            actor = await visitor_or_actor(self._host, request, apps=True)
        except GongzhiError as refusal:
            # Identity has put it on record.
            return _refused(request, refusal, form)
        region = actor.organ.region if actor else ""
        try:
            if wanted is None:
                raise NotAcceptable(where="Accept")
            region = self._region(asked_region, actor)
            context = await self._context(request, actor, region)
            operation = ready(await self._asked(request), context)
            if operation.subscribes:
                return await self._subscribe(request, operation, context, wanted)
            body = await run(operation, context)
            await self._put_faults_on_record(context)
        except Rejected as rejected:
            await self._put_on_record(actor, region, rejected.first)
            errors = [public(error, language_of(request)) for error in rejected.errors]
            return _reply({"errors": errors}, _status(rejected.first, form), form)
        except GongzhiError as refusal:
            await self._put_on_record(actor, region, refusal)
            return _refused(request, refusal, form)
        if form == EVENT_STREAM:
            return _streamed(_once(body))
        return _reply(body, 200, form)

    async def _subscribe(
        self, request: Wire, operation: Operation, context: Context, wanted: MediaType
    ) -> Response[bytes]:
        """Answer a stream of events. Raises `NotAcceptable`, `TooManyRequests`."""
        if wanted != EVENT_STREAM:
            raise NotAcceptable(where="Accept")
        region = context.region

        async def standing() -> Standing:
            # Nobody is at work because a page is open, so this does not count as use of the session.
            actor = await authenticate(self._host, request, seen=False, paced=False)
            return Standing(actor=actor, scenes=_scenes_of(await self.view(region, actor)))

        async def carry_out(fresh: Context) -> dict[str, Any]:
            body = await run(operation, fresh)
            await self._put_faults_on_record(fresh)
            return body

        began = Standing(actor=context.actor, scenes=_scenes_of(context.view))
        self._streams.hold(began.actor)
        stream = Stream(
            feed=self._host.feed,
            began=began,
            standing=standing,
            context=lambda actor: self._context(request, actor, region),
            carry_out=carry_out,
            refused=lambda refusal: self._put_end_on_record(began.actor, region, refusal),
        )

        async def counted() -> AsyncGenerator[bytes, None]:
            with self._streams.one_more(began.actor):
                async with aclosing(stream.events()) as events:
                    async for event in events:
                        yield event

        return _streamed(counted())

    async def _put_end_on_record(self, actor: Actor, region: str, refusal: GongzhiError) -> None:
        if isinstance(refusal, RightsChanged):  # identity has put on record what it refused
            await self._put_on_record(actor, region, refusal)

    async def sdl(self, request: Wire, region: str) -> Response[bytes]:
        """The schema of a region's view in the schema definition language."""
        view = await self.view(region, await visitor_or_actor(self._host, request))
        text = view.sdl.encode()
        etag = f'"{sha256(text).hexdigest()[:32]}"'
        headers = {"etag": etag, "cache-control": "private, no-cache", "vary": "authorization, cookie"}
        if request.headers.get("if-none-match") == etag:
            return Response(b"", status_code=304, headers=headers)
        return Response(text, media_type="text/plain", headers=headers)

    def _region(self, asked: str | None, actor: Actor | None) -> str:
        if asked is not None:
            return self._host.tree.get(asked).code
        if actor is None:
            raise SignInRequired(where="Authorization")
        return actor.organ.region

    async def _asked(self, request: Wire) -> Asked:
        if request.method == "GET":
            return asked_by_get(request)
        return await asked_by_post(request, self._limits.body_bytes)

    async def _context(self, request: Wire, actor: Actor | None, region: str) -> Context:
        return Context(
            host=self._host,
            view=await self.view(region, actor),
            region=region,
            language=language_of(request),
            limits=self._limits,
            signed_in=actor,
        )

    async def _put_on_record(self, actor: Actor | None, region: str, refusal: GongzhiError) -> None:
        """A request refused before it became an act leaves an audit leaf; a visitor's is only counted."""
        if isinstance(refusal, StoreFault):
            return
        host, now = self._host, self._host.clock.now()
        async with host.store.unit_of_work() as uow:
            if actor is None:
                await host.audit.count(uow, refusal.code, now)
            else:
                refused = Leaf(at=now, outcome="refused", code=refusal.code, **_request_of(actor, region))
                await host.audit.refuse(uow, refused, practice=actor.practice)

    async def _put_faults_on_record(self, context: Context) -> None:
        """Reads are acts: one that broke leaves a leaf for each scene, or for us, whose code broke."""
        if not context.faults:
            return
        now, request = self._host.clock.now(), _request_of(context.actor, context.region)
        async with self._host.store.unit_of_work() as uow:
            for fault in sorted(context.faults):
                origin = {"namespace": fault.namespace, "version": fault.version}
                leaf = Leaf(at=now, outcome="fault", code=fault.code, **request | origin)
                await self._host.audit.append(uow, leaf)


def _request_of(actor: Actor, region: str) -> dict[str, Any]:
    """What the leaves of one request have in common."""
    return {
        "actor": actor.account_id,
        "organ": actor.organ.id,
        "namespace": "graphql",
        "version": "",
        "action": "request",
        "region": region,
        "case_id": None,
        "app": actor.app_id,
        "in_place_of": actor.in_place_of,
    }


def handlers(door: Door) -> list[HTTPRouteHandler]:
    """The route handlers, for the application to mount."""
    # The body's limit is ours, so that the refusal has GraphQL's form and is put on record.
    unlimited: dict[str, Any] = {"request_max_body_size": None, "include_in_schema": False}

    @get("/graphql", include_in_schema=False)
    async def query_own(request: Wire) -> Response[bytes]:
        return await door.answer(request, None)

    @post("/graphql", **unlimited)
    async def operate_own(request: Wire) -> Response[bytes]:
        return await door.answer(request, None)

    @get("/graphql/{division:str}", include_in_schema=False)
    async def query(request: Wire, division: FromPath[str]) -> Response[bytes]:
        return await door.answer(request, division)

    @post("/graphql/{division:str}", **unlimited)
    async def operate(request: Wire, division: FromPath[str]) -> Response[bytes]:
        return await door.answer(request, division)

    @get("/graphql/{division:str}/schema.graphql", include_in_schema=False)
    async def sdl(request: Wire, division: FromPath[str]) -> Response[bytes]:
        return await door.sdl(request, division)

    return [query_own, operate_own, query, operate, sdl]


def _scenes_of(view: View) -> tuple[tuple[str, str], ...]:
    return tuple((scene.id, scene.version) for scene in view.scenes.values())


async def _once(body: dict[str, Any]) -> AsyncGenerator[bytes, None]:
    """A query or an act, asked for as a stream: one event."""
    yield event(body)
    yield COMPLETE


def _streamed(events: AsyncGenerator[bytes, None]) -> StreamedReply:
    # The last one is for nginx, which would collect the events otherwise.
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamedReply(events, media_type="text/event-stream; charset=utf-8", headers=headers)


def _status(refusal: GongzhiError, form: MediaType) -> int:
    """In the older media type the specification wants 200 for a well-formed request, whatever came of it."""
    return 200 if form == "application/json" and refusal.status == 400 else refusal.status


def _refused(request: Wire, refusal: GongzhiError, form: MediaType) -> Response[bytes]:
    reply = _reply({"errors": [public(located(refusal), language_of(request))]}, refusal.status, form)
    if isinstance(refusal, TooManyRequests):
        reply.headers["retry-after"] = str(refusal.facts["seconds"])
    return reply


def _reply(body: dict[str, Any], status: int, form: MediaType) -> Response[bytes]:
    if form == EVENT_STREAM:  # what is refused before it begins is no stream
        form = "application/json"
    return Response(
        orjson.dumps(body),
        status_code=status,
        media_type=f"{form}; charset=utf-8",
        headers={"cache-control": "no-store"},
    )
