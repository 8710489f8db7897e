"""The log over HTTP, at the addresses of C2SP tlog-tiles below `/audit`.

Checkpoints and tiles hold hashes only and are for everybody; entries are for audit administrators.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.audit.sources import READ_ENTRIES, DatabaseSource
from gongzhi.audit.tiles import parse_path
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Target, decide
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.requests import AuthHost, authenticate

_FOR_EVER: Final = "max-age=31536000, immutable"


class AuditHost(AuthHost, Protocol):
    """What the audit room asks of the host."""

    @property
    def audit(self) -> AuditLog: ...
    @property
    def tree(self) -> RegionTree: ...


def audit_handlers(host: AuditHost) -> Sequence[HTTPRouteHandler]:
    """The doors of the log, for the application to mount; refusals are raised as they are."""

    @get("/audit/checkpoint", media_type="text/plain")
    async def checkpoint() -> Response[bytes]:
        """The newest signed checkpoint."""
        async with host.store.unit_of_work() as uow:
            note = await DatabaseSource(connection=uow.connection).checkpoint()
        return Response(note, media_type="text/plain", headers={"Cache-Control": "max-age=1"})

    @get("/audit/tile/{address:path}", media_type="application/octet-stream")
    async def tile(request: Request[Any, Any, Any], address: FromPath[str]) -> Response[bytes]:
        """A tile, or for an audit administrator an entry bundle, full or partial."""
        place = parse_path("tile/" + address.removeprefix("/"))
        audience = "public"
        if place.kind == "entries":
            await _admit(host, await authenticate(host, request))
            audience = "private"
        async with host.store.unit_of_work() as uow:
            content = await DatabaseSource(connection=uow.connection).read(place)
        return Response(
            content,
            media_type="application/octet-stream",
            headers={"Cache-Control": f"{audience}, {_FOR_EVER}", "X-Content-Type-Options": "nosniff"},
        )

    return [checkpoint, tile]


async def _admit(host: AuditHost, actor: Actor) -> None:
    """Let audit administrators pass; anybody else is refused, and the refusal is an entry itself."""
    region = actor.organ.region
    verdict = decide(actor, "audit", Target(scene="", action="read_entries", region=region), host.tree)
    if verdict.allowed:
        return
    refusal = verdict.refusal(READ_ENTRIES)
    leaf = Leaf(
        at=host.clock.now(),
        actor=actor.account_id,
        organ=actor.organ.id,
        namespace="audit",
        version="",
        action="read_entries",
        region=region,
        case_id=None,
        outcome="refused",
        code=refusal.code,
        in_place_of=actor.in_place_of,
    )
    async with host.store.unit_of_work() as uow:
        await host.audit.append(uow, leaf)
    raise refusal
