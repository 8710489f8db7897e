"""`gongzhi app …`: registering an app, and taking it out of use, from the command line.

Like the commands of the directory, these are no account's act: the audit log names the rows and the owner, no actor.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.apps import registry
from gongzhi.identity.apps.registry import KINDS, App, Registration, Secrets
from gongzhi.identity.journal import Action, IdentityAct, Journal
from gongzhi.plurals import counted
from gongzhi.store.store import Store
from gongzhi.store.unit_of_work import UnitOfWork

NO_ID = Text(
    zh="须为应用的编号，见 gongzhi app list", en="must be an app's id, as `gongzhi app list` shows it"
)


@dataclass(frozen=True, kw_only=True)
class AppOffice:
    """What these commands work with, opened on one store; `scopes` are those there are, in words."""

    store: Store
    journal: Journal
    scopes: Mapping[str, Text]
    now: datetime

    async def record(self, uow: UnitOfWork, action: Action, app: App) -> None:
        """Put what this unit of work changed into the audit log."""
        act = IdentityAct(
            at=self.now,
            action=action,
            account_id=None,
            organ_id=app.organ_id,
            region=app.region,
            outcome="done",
            code="",
            rows=tuple(uow.changes),
        )
        await self.journal.act(uow, act)


Opened: TypeAlias = Callable[[], AbstractAsyncContextManager[AppOffice]]
Doing: TypeAlias = Callable[[AppOffice, argparse.Namespace], Coroutine[Any, Any, None]]


def add_app_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser], opened: Opened) -> None:
    """Add `app` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code."""

    def runner(doing: Doing) -> Callable[[argparse.Namespace], int]:
        return lambda arguments: asyncio.run(_run(opened, doing, arguments))

    parser = subparsers.add_parser("app", help="apps that act in people's names")
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    adding = actions.add_parser("register", help="register an app; prints its secrets, once")
    adding.add_argument("--name", required=True)
    adding.add_argument("--name-en", default="", help="the same as the name without it")
    adding.add_argument("--organ", required=True, help="the owner: its id, or its name where no other has it")
    adding.add_argument(
        "--kind", required=True, choices=KINDS, help="confidential where a server keeps its secret"
    )
    adding.add_argument("--redirect", required=True, action="append", help="may be repeated")
    adding.add_argument("--origin", default=[], action="append", help="of its pages; may be repeated")
    adding.add_argument("--scope", required=True, action="append", help="may be repeated")
    adding.set_defaults(run=runner(_register))
    renewing = actions.add_parser("renew", help="give an app new secrets; the old ones are void")
    renewing.add_argument("app", help="its client id")
    renewing.set_defaults(run=runner(_renew))
    revoking = actions.add_parser("revoke", help="take an app out of use for good, with all its tokens")
    revoking.add_argument("app", help="its client id")
    revoking.set_defaults(run=runner(_revoke))
    actions.add_parser("list", help="every app").set_defaults(run=runner(_list))
    actions.add_parser("scopes", help="what apps can be let do").set_defaults(run=runner(_scopes))


async def _run(opened: Opened, doing: Doing, arguments: argparse.Namespace) -> int:
    async with opened() as office:
        await doing(office, arguments)
    return 0


async def _register(office: AppOffice, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        asked = Registration(
            name=given.name,
            name_en=given.name_en.strip() or given.name,
            organ_id=await _organ(uow, given.organ),
            kind=given.kind,
            redirect_uris=given.redirect,
            origins=given.origin,
            scopes=given.scope,
        )
        app, secrets = await registry.register(uow, asked, office.scopes, office.now)
        await office.record(uow, "register_app", app)
    _print_secrets(app, secrets)


async def _renew(office: AppOffice, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        app = await _app(uow, given.app)
        secrets = await registry.renew(uow, app.id)
        await office.record(uow, "renew_app", app)
    _print_secrets(app, secrets)


async def _revoke(office: AppOffice, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        app = await _app(uow, given.app)
        await registry.revoke(uow, app.id, office.now)
        await office.record(uow, "revoke_app", app)
    _print(f"应用已撤销，其令牌和密钥作废 · the app is out of use, its tokens and keys are void: {app.id}")


async def _list(office: AppOffice, _given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        apps = await registry.apps_below(uow, "%")
    for app in apps:
        state = "revoked" if app.disabled_at is not None else "open"
        _print(
            "\t".join((str(app.id), state, app.kind, app.organ.zh, app.name.zh, " ".join(sorted(app.scopes))))
        )
    _print(f"{len(apps)} 个应用 · {counted(len(apps), 'app', 'apps')}")


async def _scopes(office: AppOffice, _given: argparse.Namespace) -> None:
    for scope, words in office.scopes.items():
        _print(f"{scope}\t{words.zh}\t{words.en}")


async def _organ(uow: UnitOfWork, wanted: str) -> UUID:
    rows = await uow.fetch("SELECT id FROM organ WHERE id::text = lower($1) OR name = $1", wanted.strip())
    if not rows:
        raise NoSuchThing(where="/organ")
    if len(rows) > 1:
        same = Text(zh="有几个单位同名，请给出编号", en="several organs have this name; give the id")
        raise InvalidInput(where="/organ", problem=same)
    organ_id: UUID = rows[0]["id"]
    return organ_id


async def _app(uow: UnitOfWork, wanted: str) -> App:
    try:
        app = await registry.find_app(uow, UUID(wanted))
    except ValueError as error:
        raise InvalidInput(where="/app", problem=NO_ID) from error
    if app is None:
        raise NoSuchThing(where="/app")
    return app


def _print_secrets(app: App, secrets: Secrets) -> None:
    _print("只显示这一次，请妥善保存 · shown this once; keep them safe")
    _print(f"client_id\t{app.id}")
    if secrets.secret is not None:
        _print(f"client_secret\t{secrets.secret}")
    _print(f"practice_key\t{secrets.practice_key}")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
