"""`gongzhi outbox …`: what was given up, and trying it again."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TypeAlias
from uuid import UUID

from gongzhi.clock import SystemClock
from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.messaging.outbox import backlog, dead_messages, retry
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork

Action = Callable[[argparse.Namespace], Coroutine[object, object, int]]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


Record = Callable[[Store, UnitOfWork, Sequence[UUID], datetime], Awaitable[None]]
"""Puts a retry of those messages on record in its transaction; messaging itself knows no audit log."""


def add_outbox_commands(subparsers: Subparsers, record: Record) -> None:
    """Add `outbox` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code."""
    outbox = subparsers.add_parser("outbox", help="deliveries and clocks that were given up")
    actions = outbox.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="every message that was given up, and why")
    listing.set_defaults(run=_runner(_list))
    again = actions.add_parser("retry", help="try one message that was given up again, or all of them")
    again.add_argument("id", nargs="?", help="the message's id, as `list` shows it; all without it")
    again.set_defaults(run=_runner(partial(_retry, record)))


def _runner(action: Action) -> Callable[[argparse.Namespace], int]:
    return lambda arguments: asyncio.run(action(arguments))


@asynccontextmanager
async def _opened() -> AsyncIterator[Store]:
    settings = Settings.from_environment()
    store = await Store.open(home=settings.home, database_url=settings.database_url, pool_size=2)
    try:
        await store.migrate()
        yield store
    finally:
        await store.close()


async def _list(_arguments: argparse.Namespace) -> int:
    async with _opened() as store, store.unit_of_work() as uow:
        messages, counts = await dead_messages(uow), await backlog(uow)
    for row in messages:
        about = " ".join(f"{name}={value}" for name, value in row["payload"].items())
        promised = f"{row['created_at']:%Y-%m-%dT%H:%M:%SZ}"
        _print("\t".join((str(row["id"]), row["topic"], about, promised, row["last_error"])))
    _print(f"{counts['waiting']} 条待办，{counts['dead']} 条已放弃")
    _print(f"{counts['waiting']} waiting, {counts['dead']} given up")
    return 0


async def _retry(record: Record, arguments: argparse.Namespace) -> int:
    wanted = None if arguments.id is None else _id(arguments.id)
    now = SystemClock().now()
    async with _opened() as store, store.unit_of_work() as uow:
        messages = await retry(uow, now, wanted)
        if messages:
            await record(store, uow, messages, now)
    if wanted is not None and not messages:
        raise NoSuchThing(where=str(wanted))
    _print(f"{len(messages)} 条将重新办理 · {len(messages)} to be tried again")
    return 0


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput(where="id", problem=Text(zh="应为 UUID", en="it must be a UUID")) from error


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
