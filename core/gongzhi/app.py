"""Wiring: settings → adapters → Litestar. The one place that picks parts, and the only one that knows them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import structlog
from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from gongzhi import __version__
from gongzhi.audit.http import audit_handlers
from gongzhi.audit.log import AuditLog
from gongzhi.audit.sequencer import Sequencer
from gongzhi.cases.acting import CaseActing
from gongzhi.cases.reading import Reading
from gongzhi.clock import Clock, HolidayCalendar, SystemClock
from gongzhi.commands import core_namespaces
from gongzhi.declarations import EdgeDeclarations
from gongzhi.dispatch import Dispatcher
from gongzhi.effects import Effects
from gongzhi.exports import export_handlers
from gongzhi.feed import Feed
from gongzhi.host import Host
from gongzhi.housekeeping import keep_sweeping
from gongzhi.http import core_handlers, error_handlers, safe_headers
from gongzhi.identity.apps.granting import Granting
from gongzhi.identity.directory import Directory
from gongzhi.identity.http import auth_handlers
from gongzhi.identity.oauth.http import oauth_handlers
from gongzhi.identity.oidc.client import RelyingParty
from gongzhi.identity.oidc.external import ExternalSignIn
from gongzhi.identity.oidc.http import oidc_handlers
from gongzhi.identity.origins import add_origin
from gongzhi.identity.pace import Pace
from gongzhi.identity.providers import read_providers
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sign_in import SignIn
from gongzhi.intakes import intake_handler
from gongzhi.messaging.worker import Opened, Worker
from gongzhi.scenes.discovery import Installed
from gongzhi.scenes.host import SceneHost
from gongzhi.settings import Settings
from gongzhi.store import Store
from gongzhi.trail import AuditJournal

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Application:
    """A running installation: the ASGI application, and its parts for those who drive it from the same process."""

    asgi: Litestar
    host: Host
    worker: Worker
    sequencer: Sequencer


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    installed: list[Installed] | None = None,
    work: bool = True,
) -> AsyncIterator[Application]:
    """Open the store, wire everything, run worker and sequencer until the context ends.

    `installed` replaces the scenes found on this machine; `work` False leaves outbox and audit queue to others.

    Raises `StoreFault` with the remedy when the store can't be opened.
    """
    time = clock or SystemClock()
    store = await Store.open(
        home=settings.home, database_url=settings.database_url, pool_size=settings.pool_size
    )
    try:
        await store.migrate()
        application = await _wire(settings, store, time, installed)
        stop = asyncio.Event()
        sequencing = sweeping = None
        if work:
            await application.worker.start()
            sequencing = asyncio.create_task(application.sequencer.run(stop), name="sequencer")
            sweeping = asyncio.create_task(keep_sweeping(store, time), name="housekeeping")
        try:
            yield application
        finally:
            if sequencing is not None and sweeping is not None:
                sweeping.cancel()
                await application.worker.stop()
                stop.set()
                application.sequencer.wake()
                await sequencing
                await _sequence_the_rest(application.sequencer)
            await application.host.feed.close()
    finally:
        await store.close()


async def _sequence_the_rest(sequencer: Sequencer) -> None:
    try:
        await sequencer.drain()
    except Exception as error:
        # The rest stays in its queue; whoever starts next is told again.
        log.error("audit queue not drained", error=type(error).__name__)


async def _wire(
    settings: Settings, store: Store, clock: Clock, installed: list[Installed] | None
) -> Application:
    tree = RegionTree.load()
    calendar = HolidayCalendar.load()
    scenes = SceneHost(installed)
    for app, problem in store.migration_faults.items():
        scenes.fail_app(app, problem)
    audit = AuditLog(store, origin=settings.audit_origin)
    sequencer = Sequencer(store, clock, origin=settings.audit_origin)
    acting = CaseActing(store, tree, scenes, calendar)
    feed = Feed(store)
    store.engine.on_commit = feed.tell
    loop = asyncio.get_running_loop()

    async def open_effects() -> Opened:
        # The worker's loop is another one, and a pool belongs to its loop.
        own = await Store.open(
            home=settings.home, database_url=settings.database_url, pool_size=max(2, settings.pool_size // 2)
        )
        own.engine.on_commit = feed.tell
        effects = Effects(
            settings=settings,
            store=own,
            scenes=scenes,
            audit=AuditLog(own, origin=settings.audit_origin),
            acting=CaseActing(own, tree, scenes, calendar),
        )
        return own, effects.topics(), effects.give_up

    def after() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(sequencer.wake)

    worker = Worker(store, clock, open_effects, after=after, drain_seconds=settings.drain_seconds)

    def wake() -> None:
        worker.wake()
        sequencer.wake()

    namespaces = core_namespaces(store, tree, scenes, acting, settings.access)
    host = Host(
        settings=settings,
        store=store,
        clock=clock,
        tree=tree,
        directory=Directory(tree),
        sign_in=SignIn(
            store=store,
            journal=AuditJournal(audit),
            secret=store.keys.secret("csrf"),
            pace=Pace(settings.requests_a_minute),
        ),
        external=ExternalSignIn(
            store=store,
            journal=AuditJournal(audit),
            secret=store.keys.secret("csrf"),
            key=store.keys.secret("identity"),
        ),
        providers={
            id: RelyingParty(provider, f"{settings.public_url}/auth/oidc/{id}/callback")
            for id, provider in read_providers(settings.oidc).items()
        },
        apps=Granting(store=store, journal=AuditJournal(audit), secret=store.keys.secret("csrf")),
        audit=audit,
        scenes=scenes,
        dispatch=Dispatcher(
            store=store,
            clock=clock,
            tree=tree,
            audit=audit,
            acting=acting,
            namespaces=namespaces,
            wake=wake,
        ),
        reading=Reading(store, clock, tree, scenes, audit),
        feed=feed,
        core_namespaces=namespaces,
    )
    return Application(asgi=_litestar(host, sequencer), host=host, worker=worker, sequencer=sequencer)


def _litestar(host: Host, sequencer: Sequencer) -> Litestar:
    edges = [_edge(point.name, point.load(), host) for point in entry_points(group="gongzhi.edges")]
    for edge in edges:
        host.namespaces += edge.namespaces
    handlers: list[Any] = [
        *core_handlers(host, sequencer),
        *auth_handlers(host),
        *oidc_handlers(host),
        *oauth_handlers(host),
        *audit_handlers(host),
        intake_handler(host),
        *export_handlers(host),
    ]
    for edge in edges:
        handlers += edge.handlers
    return Litestar(
        route_handlers=handlers,
        exception_handlers=error_handlers(host),
        before_send=[add_origin, safe_headers(host)],
        # Every handler that reads a body has a limit of its own; this one is the last resort.
        request_max_body_size=host.settings.body_limit_bytes,
        openapi_config=OpenAPIConfig(
            title="Gongzhi", version=__version__, path="/openapi", render_plugins=[JsonRenderPlugin(path="/")]
        ),
        logging_config=None,
        debug=False,
    )


def _edge(name: str, module: Any, host: Host) -> EdgeDeclarations:
    declarations = module.edge(host)
    if not isinstance(declarations, EdgeDeclarations):
        raise TypeError(f"edge {name} answered {type(declarations).__name__}, not EdgeDeclarations")
    return declarations
