"""`gongzhi identity …`: which outside identity signs in as which account. What these commands do is in the audit log."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gongzhi.declarations import Text
from gongzhi.errors import InvalidArgument, InvalidInput, NoSuchThing
from gongzhi.identity.cli import Office, Opened, Subparsers, say
from gongzhi.identity.oidc.external import PEOPLE_ONLY, link, read_reference, subject_key, unlink
from gongzhi.identity.passwords import check_login
from gongzhi.identity.sessions import end_sessions
from gongzhi.plurals import counted
from gongzhi.store.unit_of_work import Row, UnitOfWork

_ACCOUNT = """
SELECT a.id, a.kind, o.id AS organ_id, o.region FROM account a LEFT JOIN post w ON w.id = a.post_id
JOIN organ o ON o.id = coalesce(a.organ_id, w.organ_id) WHERE a.login = $1
"""
_LINKS = """
SELECT e.provider, a.login, e.linked_at, e.vouched_at FROM external_identity e JOIN account a ON a.id = e.account_id
ORDER BY e.provider, a.login
"""

Doing = Callable[[Office, argparse.Namespace], Coroutine[Any, Any, None]]


def add_identity_commands(subparsers: Subparsers, opened: Opened) -> None:
    """Add `identity` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code."""

    async def run(doing: Doing, arguments: argparse.Namespace) -> int:
        async with opened() as office:
            await doing(office, arguments)
        return 0

    def runner(doing: Doing) -> Callable[[argparse.Namespace], int]:
        return lambda arguments: asyncio.run(run(doing, arguments))

    parser = subparsers.add_parser("identity", help="who signs in through an OIDC provider")
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    linking = actions.add_parser("link", help="let an identity of a provider sign in as an account")
    linking.add_argument("provider")
    linking.add_argument("login")
    named = linking.add_mutually_exclusive_group(required=True)
    named.add_argument("--reference", help="what the page showed that refused the sign-in")
    named.add_argument("--subject", help="the provider's `sub` of the person")
    linking.set_defaults(run=runner(_link))
    unlinking = actions.add_parser("unlink", help="end an account's link; its sessions are over")
    unlinking.add_argument("provider")
    unlinking.add_argument("login")
    unlinking.set_defaults(run=runner(_unlink))
    actions.add_parser("list", help="every link").set_defaults(run=runner(_list))


async def _link(office: Office, given: argparse.Namespace) -> None:
    provider = office.providers.get(given.provider)
    if provider is None:
        known = ", ".join(office.providers) or "-"
        problem = Text(zh=f"配置中只有 {known}", en=f"the configuration has {known}")
        raise InvalidArgument(where="provider", problem=problem)
    if given.reference is not None:
        hashed = read_reference(given.reference)
    else:
        hashed = subject_key(office.store.keys.secret("identity"), provider.issuer, given.subject)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, given.login)
        if account["kind"] == "service":
            raise InvalidInput(where="/login", problem=PEOPLE_ONLY)
        await link(uow, provider.id, hashed, account["id"], office.now)
        await office.record(uow, "link_identity", account["organ_id"], account["region"])
    say(f"账号 {given.login} 已关联 {provider.id} · account {given.login} is linked with {provider.id}")


async def _unlink(office: Office, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, given.login)
        await unlink(uow, given.provider, account["id"])
        await end_sessions(uow, account["id"], office.now)
        await office.record(uow, "unlink_identity", account["organ_id"], account["region"])
    say(f"账号 {given.login} 与 {given.provider} 的关联已解除，其会话作废")
    say(f"account {given.login} is linked with {given.provider} no more, its sessions are void")


async def _list(office: Office, _given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        rows = await uow.fetch(_LINKS)
    for row in rows:
        how = "自动 · matched" if row["vouched_at"] is None else "指定 · linked"
        say("\t".join((row["provider"], row["login"], row["linked_at"].strftime("%Y-%m-%dT%H:%M:%SZ"), how)))
    say(f"{len(rows)} 个关联 · {counted(len(rows), 'link', 'links')}")


async def _account(uow: UnitOfWork, login: str) -> Row:
    row = await uow.fetchrow(_ACCOUNT, check_login(login))
    if row is None:
        raise NoSuchThing(where="/login")
    return row
