"""The command `gongzhi`: each subcommand does one thing and says what it did.

Edges and scenes add subcommands through the entry point group `gongzhi.commands`; each names a function that takes
argparse's subparsers.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.metadata import entry_points
from uuid import UUID

import structlog
import uvicorn

from gongzhi import __version__
from gongzhi.app import open_app
from gongzhi.audit.cli import add_audit_commands
from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.cases.cli import add_policy_commands
from gongzhi.commands.succession_cli import add_succession_commands
from gongzhi.declarations import Text
from gongzhi.errors import AuditNotStarted, CannotListen, GongzhiError, InvalidArgument, NoSuchThing
from gongzhi.identity.access_cli import add_access_commands
from gongzhi.identity.apps.cli import AppOffice, add_app_commands
from gongzhi.identity.attempts import Attempts
from gongzhi.identity.cli import Office, add_directory_commands
from gongzhi.identity.deputies_cli import add_deputy_commands
from gongzhi.identity.imports.cli import add_import_commands
from gongzhi.identity.oidc.cli import add_identity_commands
from gongzhi.identity.tokens import LONGEST
from gongzhi.messaging.cli import add_outbox_commands
from gongzhi.scenes.host import SceneHost
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork
from gongzhi.trail import AuditJournal


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; answers the process's exit code. A refusal is printed with its remedy, never a trace."""
    parser = argparse.ArgumentParser(
        prog="gongzhi", description="共治 Gongzhi: a host for governance scenes."
    )
    parser.add_argument("--version", action="version", version=f"gongzhi {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_serve(subparsers)
    _add_worker(subparsers)
    _add_token(subparsers)
    _add_scene(subparsers)
    organs, accounts = add_directory_commands(subparsers, _office)
    add_succession_commands(organs, _office)
    add_deputy_commands(subparsers, accounts, _office)
    add_import_commands(subparsers, _office)
    add_policy_commands(subparsers)
    add_outbox_commands(subparsers, _record_retry)
    add_identity_commands(subparsers, _office)
    add_access_commands(subparsers, _office)
    add_app_commands(subparsers, _app_office)
    add_audit_commands(subparsers)
    for point in entry_points(group="gongzhi.commands"):
        point.load()(subparsers)
    parsed = parser.parse_args(arguments)
    _configure_logging()
    try:
        code = int(parsed.run(parsed) or 0)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever reads our output, `head` for one, has seen enough. What is still in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except GongzhiError as error:
        for language in ("zh", "en"):
            print(f"{error.code}: {error.message(language)} {error.remedy(language)}", file=sys.stderr)
        return 3 if isinstance(error, AuditNotStarted) else 1
    except KeyboardInterrupt:
        return 130


def _configure_logging() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _add_serve(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = subparsers.add_parser("serve", help="start the web process (with worker and sequencer in it)")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000)
    serve.add_argument("--demo", metavar="NAME", help="fill an empty store with a demo, such as zhejiang")
    serve.add_argument(
        "--no-work", action="store_true", help="leave outbox and audit queue to `gongzhi worker`"
    )
    serve.set_defaults(run=lambda parsed: asyncio.run(_serve(parsed)))


async def _serve(parsed: argparse.Namespace) -> int:
    settings = Settings.from_environment()
    if settings.public_url == Settings.public_url:  # nobody has said under which address users reach us
        settings = replace(settings, public_url=f"http://{parsed.host}:{parsed.port}")
    settings = replace(settings, demo=settings.demo or bool(parsed.demo))
    # The address first: whoever can't have it should not touch the store, nor be told that we run there.
    with _reserved(parsed.host, parsed.port) as door:
        return await _serve_at(door, parsed, settings)


async def _serve_at(door: socket.socket, parsed: argparse.Namespace, settings: Settings) -> int:
    async with open_app(settings, work=not parsed.no_work) as application:
        said = []
        if parsed.demo:
            demos = {point.name: point for point in entry_points(group="gongzhi.demos")}
            if parsed.demo not in demos:
                print(f"no demo {parsed.demo!r}; there are: {', '.join(sorted(demos))}", file=sys.stderr)
                return 2
            said.append(await demos[parsed.demo].load()(application.host))
        config = uvicorn.Config(
            application.asgi,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )
        server = _Server(config)
        server.stop_on_signals(application.host.feed.stop)
        with _address_errors(parsed.host, parsed.port):
            door.listen()
        print(*said, f"Gongzhi {__version__}: {settings.public_url}", sep="\n", flush=True)
        await server.serve(sockets=[door])
    return 0


class _Server(uvicorn.Server):
    """A server that a signal stops in order, with all that the application has to put away after it.

    uvicorn raises a signal once more when its own work is done: SIGTERM would end the process there and then, and
    SIGINT, which a terminal sends to every process of a job, breaks off whatever is put away.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop_on_signals(self, also: Callable[[], None]) -> None:
        """From here on to the process's end; the second SIGINT waits for no client. `also` ends what never would."""
        loop = asyncio.get_running_loop()

        def stop(number: int) -> None:
            also()
            self.handle_exit(number, None)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)


def _reserved(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening yet. Raises `CannotListen`."""
    with _address_errors(host, port):
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
        except BaseException:
            door.close()
            raise
    return door


@contextmanager
def _address_errors(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as error:
        problem: object = getattr(error, "strerror", None) or error
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            problem = Text(zh="端口已被占用", en="the port is in use")
        raise CannotListen(where="--port", address=f"{host}:{port}", problem=problem) from error


def _add_worker(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    worker = subparsers.add_parser(
        "worker", help="drain the outbox and sequence the audit log, without a web process"
    )
    worker.set_defaults(run=lambda parsed: asyncio.run(_work()))


async def _work() -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_app(Settings.from_environment()):
        print("worker runs; stop it with Ctrl-C", flush=True)
        await stop.wait()
    return 0


def _add_token(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    token = subparsers.add_parser("token", help="issue a bearer token for an account")
    token.add_argument("account")
    token.add_argument("--days", type=int, default=30)
    token.set_defaults(run=lambda parsed: asyncio.run(_token(parsed)))


async def _token(parsed: argparse.Namespace) -> int:
    if not 0 < parsed.days <= LONGEST.days:
        problem = Text(zh=f"须为 1 至 {LONGEST.days} 天", en=f"it takes 1 to {LONGEST.days} days")
        raise InvalidArgument(where="--days", problem=problem)
    async with open_app(Settings.from_environment(), work=False) as application:
        host = application.host
        async with host.store.unit_of_work() as uow:
            try:
                bearer = await host.sign_in.issue_token(
                    uow, parsed.account, host.clock.now(), timedelta(days=parsed.days)
                )
            except NoSuchThing as error:
                problem = Text(zh="没有这个登录名的账号", en="no account has this login")
                raise InvalidArgument(where="account", problem=problem) from error
        print(bearer)
    return 0


@asynccontextmanager
async def _office() -> AsyncIterator[Office]:
    async with open_app(Settings.from_environment(), work=False) as application:
        host = application.host
        yield Office(
            store=host.store,
            directory=host.directory,
            attempts=Attempts(host.store.keys.secret("csrf")),  # those that sign-in counts, see `gongzhi.app`
            journal=AuditJournal(host.audit),
            now=host.clock.now(),
            providers={id: party.provider for id, party in host.providers.items()},
        )


async def _record_retry(store: Store, uow: UnitOfWork, messages: Sequence[UUID], now: datetime) -> None:
    named = sha256(b"".join(sorted(message.bytes for message in messages))).digest()
    leaf = Leaf(
        at=now,
        actor=None,  # whoever runs this holds the database and the keys and is no account
        organ=None,
        namespace="outbox",
        version="",
        action="retry",
        region="",
        case_id=None,
        outcome="done",
        input_hash=named,
    )
    await AuditLog(store, origin=Settings.from_environment().audit_origin).append(uow, leaf)


@asynccontextmanager
async def _app_office() -> AsyncIterator[AppOffice]:
    async with open_app(Settings.from_environment(), work=False) as application:
        host = application.host
        yield AppOffice(
            store=host.store,
            journal=AuditJournal(host.audit),
            scopes=host.delegable_scopes(),
            now=host.clock.now(),
        )


def _add_scene(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    scene = subparsers.add_parser("scene", help="installed scenes")
    actions = scene.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="every installed scene with its state and the reason")
    listing.add_argument("--load", action="store_true", help="load each scene, to see whether it can be")
    listing.set_defaults(run=_list_scenes)


def _list_scenes(parsed: argparse.Namespace) -> int:
    host = SceneHost()
    if parsed.load:
        for manifest in host.manifests():
            try:
                host.scene(manifest.id)
            except GongzhiError:
                continue
    for state in host.states():
        print("\t".join((state.id, state.version or "-", state.state, state.reason)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
