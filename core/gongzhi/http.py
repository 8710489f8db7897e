"""Core's own HTTP: health, readiness, metrics, documents, and how errors look to a client."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from litestar import Request, Response, get
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import Message, Scope

from gongzhi import __version__
from gongzhi.audit.log import waiting
from gongzhi.audit.sequencer import Sequencer
from gongzhi.declarations import Text
from gongzhi.errors import (
    ActionNotAllowed,
    BodyTooLarge,
    GongzhiError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NoSuchThing,
    StoreFault,
)
from gongzhi.host import Host
from gongzhi.identity.policy import NO_DUTY
from gongzhi.identity.requests import authenticate, language_of
from gongzhi.messaging.outbox import backlog

log = structlog.get_logger()

Wire = Request[Any, Any, Any]

SAFE_HEADERS: Final[Mapping[str, str]] = {
    # What is no page loads, runs and frames nothing; pages bring policies of their own.
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""Sent with every reply that does not set them itself."""

OVER_HTTPS: Final = "max-age=31536000; includeSubDomains"
"""`Strict-Transport-Security` (RFC 6797), sent where the public address is https: for a year, never http again."""

DOCUMENT_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "object-src 'self'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""For PDFs: browsers show one by a plug-in in a page of their own making, under the reply's policy."""

METRICS = Text(zh="读取运行指标", en="read the figures")


def core_handlers(host: Host, sequencer: Sequencer) -> list[HTTPRouteHandler]:
    """`/health`, `/ready`, `/metrics` and `/documents/<letter id>.pdf`."""

    @get("/health", include_in_schema=True)
    async def health() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok", "version": __version__}

    @get("/ready")
    async def ready(request: Wire) -> Response[dict[str, Any]]:
        """Whether to send requests here: 503 only while the database is away, since acts go on when the log or a
        delivery stands still. What does is told, on this machine: how much waits tells how much is reported."""
        now = host.clock.now()
        try:
            async with host.store.unit_of_work() as uow:
                entries, seconds = await waiting(uow, now)
                outbox = await backlog(uow)
        except StoreFault as fault:
            log.error("store fault", code=fault.code, problem=fault.message("en"))
            return Response({"status": "unavailable", "code": fault.code}, status_code=503)
        if not _is_local(request):
            return Response({"status": "ready"})
        code = sequencer.fault.code if sequencer.fault is not None else None
        return Response(
            {
                "status": "ready",
                # Only how many: what is installed here is no stranger's business.
                "scenes": {
                    "loaded": sum(state.state == "loaded" for state in host.scenes.states()),
                    "failed": sum(state.state == "failed" for state in host.scenes.states()),
                },
                "audit": {"pending": entries, "oldest_seconds": seconds, "fault": code},
                "outbox": outbox,
            }
        )

    @get("/metrics", media_type="text/plain")
    async def metrics(request: Wire) -> str:
        """Figures in Prometheus' text format, for this machine and for system administrators."""
        await _admit_operator(host, request)
        async with host.store.unit_of_work() as uow:
            outbox = await backlog(uow)
            leaves = await uow.fetchval("SELECT size FROM audit_head") or 0
            pending, _ = await waiting(uow, host.clock.now())
        return "".join(
            f"# TYPE {name} gauge\n{name} {value}\n"
            for name, value in (
                ("gongzhi_outbox_waiting", outbox["waiting"]),
                ("gongzhi_outbox_dead", outbox["dead"]),
                ("gongzhi_audit_leaves", leaves),
                ("gongzhi_audit_pending", pending),
            )
        )

    @get("/documents/{name:str}", media_type="application/pdf")
    async def document(request: Wire, name: FromPath[str]) -> Response[bytes]:
        """The document of a letter, in the addressee's version."""
        actor = await authenticate(host, request)
        try:
            letter_id = UUID(name.removesuffix(".pdf"))
        except ValueError as error:
            raise NoSuchThing(where="/documents") from error
        pdf = await host.reading.document(actor, letter_id)
        return Response(
            pdf,
            media_type="application/pdf",
            headers={
                "content-disposition": f'inline; filename="{letter_id}.pdf"',
                "cache-control": "private, no-store",
                "content-security-policy": DOCUMENT_POLICY,
            },
        )

    return [health, ready, metrics, document]


def safe_headers(host: Host) -> Callable[[Message, Scope], Awaitable[None]]:
    """What completes the headers of every reply, refusals included."""
    headers = dict(SAFE_HEADERS)
    if host.settings.secure_cookies:
        headers["strict-transport-security"] = OVER_HTTPS

    async def complete(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        given = MutableScopeHeaders.from_message(message)
        for name, value in headers.items():
            given.setdefault(name, value)

    return complete


def _is_local(request: Wire) -> bool:
    """Whether the client is on this machine; a proxy here says for whom it asks (`X-Forwarded-For`)."""
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _admit_operator(host: Host, request: Wire) -> None:
    """Figures of what waits rise with every report, so strangers don't get them.

    Raises `SignInRequired`, and `ActionNotAllowed`, which stays on record.
    """
    if _is_local(request):
        return
    actor = await authenticate(host, request)
    if "system_admin" in actor.duties:
        return
    await host.dispatch.record_refusal(
        actor, namespace="core", action="metrics", region=actor.organ.region, code=ActionNotAllowed.code
    )
    raise ActionNotAllowed(action=METRICS, reason_zh=NO_DUTY.zh, reason_en=NO_DUTY.en)


def error_handlers(host: Host) -> dict[type[Exception] | int, Callable[[Wire, Any], Response[bytes]]]:
    """Every error becomes `{code, message, remedy, where}`; nothing unexpected shows its text."""

    def ours(request: Wire, error: GongzhiError) -> Response[bytes]:
        if isinstance(error, StoreFault):
            log.error("store fault", code=error.code, problem=error.message("en"))
        return _reply(request, error)

    def framework(request: Wire, error: HTTPException) -> Response[bytes]:
        status = error.status_code
        if status == 404:
            return _reply(request, NoSuchThing(where=request.url.path[:200]))
        if status == 405:
            return _reply(request, MethodNotAllowed(where=request.url.path[:200], method=request.method))
        if status == 413:
            return _reply(request, BodyTooLarge(limit_bytes=host.settings.body_limit_bytes))
        if status < 500:
            return _reply(request, InvalidRequest(problem=error.detail.split("\n")[0][:120]))
        return unexpected(request, error)

    def unexpected(request: Wire, error: Exception) -> Response[bytes]:
        # Class and place go into the log; the exception's text may be personal, so nobody gets it.
        log.error("unexpected error", path=request.url.path[:100], error=_place(error))
        return _reply(request, InternalError())

    return {GongzhiError: ours, HTTPException: framework, Exception: unexpected}


def _place(error: Exception) -> str:
    """The exception's class and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    return (
        f"{type(error).__name__} at {frames[-1].name}:{frames[-1].lineno}" if frames else type(error).__name__
    )


def _reply(request: Wire, error: GongzhiError) -> Response[bytes]:
    headers = {"retry-after": str(error.facts["seconds"])} if error.status == 429 else {}
    return Response(
        orjson.dumps(error.reply(language_of(request))),
        status_code=error.status,
        media_type="application/json",
        headers=headers,
    )
