"""`gongzhi revoke`, `gongzhi second-step …`, `gongzhi secret …`: what accounts hold, taken back and handed out."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import InvalidArgument, NoSuchThing
from gongzhi.identity.cli import Office, Opened, Subparsers, say
from gongzhi.identity.client_secrets import make_secret, revoke_secret, secrets_of
from gongzhi.identity.passwords import check_login
from gongzhi.identity.revoking import revoke_access
from gongzhi.identity.second_step import forget_factor
from gongzhi.plurals import counted
from gongzhi.store.unit_of_work import Row, UnitOfWork

Doing = Callable[[Office, argparse.Namespace], Coroutine[Any, Any, None]]

NO_ID = Text(zh="须为 gongzhi secret list 列出的编号", en="it must be an id that `gongzhi secret list` shows")

_ACCOUNT = """
SELECT a.id, o.id AS organ_id, o.region FROM account a LEFT JOIN post w ON w.id = a.post_id
JOIN organ o ON o.id = coalesce(a.organ_id, w.organ_id) WHERE a.login = $1
"""


def add_access_commands(subparsers: Subparsers, opened: Opened) -> None:
    """Add `revoke`, `second-step` and `secret` to the parser of `gongzhi`; each sets `run`, which answers an exit code."""

    async def run(doing: Doing, arguments: argparse.Namespace) -> int:
        async with opened() as office:
            await doing(office, arguments)
        return 0

    def runner(doing: Doing) -> Callable[[argparse.Namespace], int]:
        return lambda arguments: asyncio.run(run(doing, arguments))

    revoking = subparsers.add_parser("revoke", help="end an account's sessions, tokens and secrets at once")
    revoking.add_argument("login")
    revoking.set_defaults(run=runner(_revoke))
    step = subparsers.add_parser("second-step", help="the second step of administrators' sign-in")
    resetting = step.add_subparsers(dest="action", required=True, metavar="action").add_parser(
        "reset", help="take an account's second factor away; it enrols anew"
    )
    resetting.add_argument("login")
    resetting.set_defaults(run=runner(_reset_second_step))
    parser = subparsers.add_parser("secret", help="secrets of service accounts")
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    making = actions.add_parser("make", help="make a secret, and print it this once")
    making.add_argument("login")
    making.add_argument("--days", type=int, default=180)
    making.set_defaults(run=runner(_make))
    listing = actions.add_parser("list", help="the secrets of an account, without the secrets")
    listing.add_argument("login")
    listing.set_defaults(run=runner(_list))
    taking = actions.add_parser("revoke", help="take one secret back")
    taking.add_argument("id")
    taking.set_defaults(run=runner(_take_back))


async def _revoke(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        await revoke_access(uow, account["id"], office.now)
        await office.record(uow, "revoke", account["organ_id"], account["region"])
    say(f"账号 {login} 的会话、令牌和密钥已全部作废")
    say(f"the sessions, tokens and secrets of {login} are void")


async def _reset_second_step(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        await revoke_access(
            uow, account["id"], office.now
        )  # first: it holds the account's row, as signing in does
        await forget_factor(uow, account["id"])
        await office.record(uow, "reset_second_step", account["organ_id"], account["region"])
    say(f"账号 {login} 的第二步验证已重置，下次登录时重新登记")
    say(f"the second step of {login} is reset; the next sign-in enrols anew")


async def _make(office: Office, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, check_login(given.login))
        secret = await make_secret(uow, account["id"], office.now, timedelta(days=given.days))
        await office.record(uow, "make_secret", account["organ_id"], account["region"])
    say(secret)


async def _list(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        await _account(uow, login)
        rows = await secrets_of(uow, login)
    for row in rows:
        when = (row["created_at"], row["expires_at"])
        say(
            "\t".join((str(row["id"]), _state(row, office.now), *(f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in when)))
        )
    say(f"{len(rows)} 个密钥 · {counted(len(rows), 'secret', 'secrets')}")


async def _take_back(office: Office, given: argparse.Namespace) -> None:
    try:
        secret_id = UUID(given.id)
    except ValueError as error:
        raise InvalidArgument(where="id", problem=NO_ID) from error
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, (await revoke_secret(uow, secret_id, office.now))["login"])
        await office.record(uow, "revoke_secret", account["organ_id"], account["region"])
    say(f"密钥 {secret_id} 已作废 · the secret {secret_id} is void")


def _state(row: Row, now: datetime) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "valid" if now < row["expires_at"] else "expired"


async def _account(uow: UnitOfWork, login: str) -> Row:
    row = await uow.fetchrow(_ACCOUNT, login)
    if row is None:
        raise NoSuchThing(where="/login")
    return row
