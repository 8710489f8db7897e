"""`gongzhi organ …` and `gongzhi account …`: how an installation gets its organs, its people and their accounts.

Whoever runs these holds the database and the keys and is no account: the audit log names the change, its rows
and the organ concerned, and no actor.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
import unicodedata
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final, TypeAlias
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import ImpossibleDate, InvalidInput, NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.attempts import Attempts
from gongzhi.identity.directory import EMPTY, TOKENS_ONLY, Directory
from gongzhi.identity.journal import Action, IdentityAct, Journal
from gongzhi.identity.passwords import check_login
from gongzhi.identity.providers import Provider
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.revoking import revoke_access, revoke_new_administrators
from gongzhi.identity.sessions import end_sessions
from gongzhi.plurals import counted
from gongzhi.store.store import Store
from gongzhi.store.unit_of_work import UnitOfWork

UNREADABLE: Final = Text(
    zh="含有控制字符，或不是 UTF-8 文本", en="it has control characters, or is not UTF-8 text"
)
NO_TERMINAL: Final = Text(
    zh="没有可以询问密码的终端，请用 --password-stdin 从标准输入给出",
    en="there is no terminal to ask for it; pipe it in with --password-stdin",
)
TWO_PASSWORDS: Final = Text(zh="两次输入不一致", en="the two that were typed differ")
SAME_NAME: Final = Text(
    zh="有几个单位同名，请给出编号，见 gongzhi organ list",
    en="several organs have this name; give the id that `gongzhi organ list` shows",
)

_ORGANS: Final = """
SELECT id, region, type, level, coalesce(uscc, '-') AS uscc, coalesce(nullif(code_word, ''), '-') AS code_word, name
FROM organ WHERE region LIKE $1 ORDER BY region, type, name, id
"""
_ACCOUNTS: Final = """
SELECT a.id, a.login, a.kind, a.post_id, a.disabled_at, a.locked_until, p.name AS person, w.department, w.title, w.duties,
    o.id AS organ_id, o.name AS organ, o.region
FROM account a LEFT JOIN person p ON p.id = a.person_id LEFT JOIN post w ON w.id = a.post_id
JOIN organ o ON o.id = coalesce(a.organ_id, w.organ_id)
"""


@dataclass(frozen=True, kw_only=True)
class Office:
    """What these commands work with, opened on one store; `now` is the moment of the command."""

    store: Store
    directory: Directory
    attempts: Attempts
    journal: Journal
    now: datetime
    providers: Mapping[str, Provider]

    async def record(self, uow: UnitOfWork, action: Action, organ_id: UUID | None, region: str) -> None:
        """Put what this unit of work changed into the audit log; what concerns many organs names none."""
        act = IdentityAct(
            at=self.now,
            action=action,
            account_id=None,
            organ_id=organ_id,
            region=region,
            outcome="done",
            code="",
            rows=tuple(uow.changes),
        )
        await self.journal.act(uow, act)


Opened: TypeAlias = Callable[[], AbstractAsyncContextManager[Office]]
Doing: TypeAlias = Callable[[Office, argparse.Namespace], Coroutine[Any, Any, None]]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_directory_commands(subparsers: Subparsers, opened: Opened) -> tuple[Subparsers, Subparsers]:
    """Add `organ` and `account` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code.

    Answers the actions of `organ` and of `account`, for others to add theirs.
    """
    runner = partial(run_by, opened)
    organs = _actions(subparsers, "organ", "the organs that take part")
    adding = organs.add_parser("add", help="register an organ, and print it as `list` does")
    adding.add_argument("--name", required=True)
    adding.add_argument("--name-en", default="", help="the same as the name without it")
    adding.add_argument("--type", required=True, help="such as police or hospital")
    adding.add_argument("--region", required=True, help="division code, six digits")
    adding.add_argument("--level", default="", help="its rank; that of the division without it")
    adding.add_argument("--line", help="the line it belongs to; that of its type without it")
    adding.add_argument("--uscc", help="unified social credit code")
    adding.add_argument("--code-word", default="", help="what its document numbers begin with")
    adding.set_defaults(run=runner(_add_organ))
    listing = organs.add_parser("list", help="the organs of a division and below, or all")
    listing.add_argument("region", nargs="?", help="division code")
    listing.set_defaults(run=runner(_list_organs))

    accounts = _actions(subparsers, "account", "who may sign in, and which systems may call")
    adding = accounts.add_parser("add", help="register a person with a post, and open an account")
    _add_account_arguments(adding)
    adding.add_argument("--name", required=True, help="the person's name")
    adding.add_argument("--title", required=True, help="the post's title")
    adding.add_argument("--duty", required=True, action="append", help="such as handler; may be repeated")
    adding.add_argument("--department", default="", help="of the organ; all of it without one")
    adding.add_argument("--staff-code", default="", help="whoever has it already gets another post")
    _add_password_argument(adding)
    adding.set_defaults(run=runner(_add_account))
    service = accounts.add_parser("add-service", help="open an account for an organ's system")
    _add_account_arguments(service)
    service.set_defaults(run=runner(_add_service))
    password = accounts.add_parser("password", help="set a password, lift a lock, end the account's sessions")
    password.add_argument("login")
    _add_password_argument(password)
    password.set_defaults(run=runner(_set_password))
    granting = accounts.add_parser("duties", help="give a post other duties, from now on")
    granting.add_argument("login")
    granting.add_argument("--duty", required=True, action="append", help="may be repeated; the others go")
    granting.set_defaults(run=runner(_set_duties))
    ending = accounts.add_parser("end", help="end the post of an account, from a day on")
    ending.add_argument("login")
    ending.add_argument("--on", default="", help="the first day without it, YYYY-MM-DD; today without it")
    ending.set_defaults(run=runner(_end_post))
    closing = accounts.add_parser("close", help="close an account; its sessions and tokens are void")
    closing.add_argument("login")
    closing.set_defaults(run=runner(_close_account))
    reopening = accounts.add_parser("open", help="open an account that was closed or locked")
    reopening.add_argument("login")
    reopening.set_defaults(run=runner(_open_account))
    accounts.add_parser("list", help="every account").set_defaults(run=runner(_list_accounts))
    return organs, accounts


def run_by(opened: Opened, doing: Doing) -> Callable[[argparse.Namespace], int]:
    """What a subcommand sets as `run`: opens the office and does the thing in it."""
    return lambda arguments: asyncio.run(_run(opened, doing, arguments))


def _actions(subparsers: Subparsers, name: str, help_text: str) -> Subparsers:
    parser = subparsers.add_parser(name, help=help_text)
    return parser.add_subparsers(dest="action", required=True, metavar="action")


def _add_account_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("login")
    parser.add_argument("--organ", required=True, help="its id, or its name where no other has it")
    parser.add_argument("--language", default="zh", help="zh or en")


def _add_password_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from standard input, one line"
    )


async def _run(opened: Opened, doing: Doing, arguments: argparse.Namespace) -> int:
    for name, value in vars(arguments).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                _refuse_unreadable(f"/{name}", text)
    async with opened() as office:
        await doing(office, arguments)
    return 0


async def _add_organ(office: Office, given: argparse.Namespace) -> None:
    name = _filled("/name", given.name)
    async with office.store.unit_of_work() as uow:
        organ = await office.directory.organ_add(
            uow,
            name=name,
            name_en=given.name_en.strip() or name,
            type=given.type,
            level=given.level or RegionTree.load().get(given.region).level,
            region=given.region,
            valid_from=legal_day(office.now),
            line=given.line,
            uscc=given.uscc,
            code_word=given.code_word.strip(),
        )
        await office.record(uow, "add_organ", organ.id, organ.region)
        rows = await uow.fetch(_ORGANS, organ.region)
    print_rows([row for row in rows if row["id"] == organ.id])


async def _list_organs(office: Office, given: argparse.Namespace) -> None:
    pattern = "%" if given.region is None else RegionTree.load().prefix(given.region)
    async with office.store.unit_of_work() as uow:
        rows = await uow.fetch(_ORGANS, pattern)
    print_rows(rows)
    say(f"{len(rows)} 个单位 · {counted(len(rows), 'organ', 'organs')}")


async def _add_account(office: Office, given: argparse.Namespace) -> None:
    login, title = check_login(given.login), _filled("/title", given.title)
    password = _password(given)
    async with office.store.unit_of_work() as uow:
        organ_id, region = await organ_named(uow, given.organ)
        post_id = await office.directory.post_add(
            uow,
            person_id=await office.directory.person_add(uow, name=given.name, staff_code=given.staff_code),
            organ_id=organ_id,
            title=title,
            duties=given.duty,
            valid_from=legal_day(office.now),
            department=given.department.strip(),
        )
        await office.directory.account_add(
            uow, login=login, post_id=post_id, password=password, language=given.language
        )
        await office.record(uow, "add_account", organ_id, region)
    say(f"账号 {login} 已开通 · account {login} is open")


async def _add_service(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        organ_id, region = await organ_named(uow, given.organ)
        await office.directory.account_add(uow, login=login, organ_id=organ_id, language=given.language)
        await office.record(uow, "add_account", organ_id, region)
    say(f"服务账号 {login} 已开通，请用 gongzhi token {login} 签发令牌")
    say(f"service account {login} is open; issue a token with gongzhi token {login}")


async def _set_password(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        if (await _account(uow, login))["kind"] == "service":
            raise InvalidInput(where="/password", problem=TOKENS_ONLY)
    password = _password(given)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        await office.directory.password_set(uow, login, password)
        await office.attempts.forget(uow, "login", login)
        # Whoever knew the old one may be signed in with it.
        await end_sessions(uow, account["id"], office.now)
        await office.record(uow, "set_password", account["organ_id"], account["region"])
    say(f"账号 {login} 的密码已设置，须重新登录 · the password of {login} is set; sign in anew")


async def _set_duties(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        if account["post_id"] is None:
            raise InvalidInput(where="/login", problem=TOKENS_ONLY)
        await office.directory.post_change(uow, account["post_id"], duties=given.duty)
        await revoke_new_administrators(uow, office.now, posts=[account["post_id"]])
        await office.record(uow, "change_duties", account["organ_id"], account["region"])
    say(f"账号 {login} 的职责已变更 · the duties of {login} are changed")


async def _end_post(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    day = _day(given.on) if given.on else legal_day(office.now)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        if account["post_id"] is None:
            raise InvalidInput(where="/login", problem=TOKENS_ONLY)
        await office.directory.post_end(uow, account["post_id"], valid_to=day)
        await office.record(uow, "end_post", account["organ_id"], account["region"])
    say(f"账号 {login} 的岗位自 {day} 起结束 · the post of {login} ends on {day}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ImpossibleDate(where="/on", problem=text[:20]) from error


async def _close_account(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        await office.directory.account_disable(uow, login, office.now)
        # For good: opening the account again must not bring them back.
        await revoke_access(uow, account["id"], office.now)
        await office.record(uow, "close_account", account["organ_id"], account["region"])
    say(f"账号 {login} 已关闭，其会话和令牌作废")
    say(f"account {login} is closed, its sessions and tokens are void")


async def _open_account(office: Office, given: argparse.Namespace) -> None:
    login = check_login(given.login)
    async with office.store.unit_of_work() as uow:
        account = await _account(uow, login)
        await office.directory.account_enable(uow, login)
        await office.attempts.forget(uow, "login", login)
        await office.record(uow, "open_account", account["organ_id"], account["region"])
    say(f"账号 {login} 已开通 · account {login} is open")


async def _list_accounts(office: Office, _given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        rows = await uow.fetch(f"{_ACCOUNTS} ORDER BY a.login")
    for row in rows:
        duties = ",".join(row["duties"] or ())
        details = (row["organ"], row["department"], row["person"], row["title"], duties)
        say(
            "\t".join(
                (row["login"], row["kind"], _state(row, office.now), *(text or "-" for text in details))
            )
        )
    say(f"{len(rows)} 个账号 · {counted(len(rows), 'account', 'accounts')}")


def _state(row: dict[str, Any], now: datetime) -> str:
    if row["disabled_at"] is not None:
        return "closed"
    return "locked" if row["locked_until"] is not None and now < row["locked_until"] else "open"


async def _account(uow: UnitOfWork, login: str) -> dict[str, Any]:
    row = await uow.fetchrow(f"{_ACCOUNTS} WHERE a.login = $1", login)
    if row is None:
        raise NoSuchThing(where="/login")
    return row


async def organ_named(uow: UnitOfWork, wanted: str) -> tuple[UUID, str]:
    """The id and region of the organ with this id or this name."""
    rows = await uow.fetch(
        "SELECT id, region FROM organ WHERE id::text = lower($1) OR name = $1", wanted.strip()
    )
    if not rows:
        raise NoSuchThing(where="/organ")
    if len(rows) > 1:
        raise InvalidInput(where="/organ", problem=SAME_NAME)
    return rows[0]["id"], rows[0]["region"]


def _password(given: argparse.Namespace) -> str:
    """The password from standard input or, twice, from the terminal; never from an argument, which others can read."""
    try:
        if given.password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
        elif sys.stdin.isatty():
            password = _asked()
        else:
            raise InvalidInput(where="/password", problem=NO_TERMINAL)
    except (UnicodeDecodeError, EOFError) as error:
        raise InvalidInput(where="/password", problem=UNREADABLE) from error
    _refuse_unreadable("/password", password)
    return password


def _asked() -> str:
    password = getpass.getpass("密码 password: ")
    if getpass.getpass("再输一次 once more: ") != password:
        raise InvalidInput(where="/password", problem=TWO_PASSWORDS)
    return password


def _filled(where: str, text: str) -> str:
    if not text.strip():
        raise InvalidInput(where=where, problem=EMPTY)
    return text.strip()


def _refuse_unreadable(where: str, text: str) -> None:
    """Control characters would break the lists; bytes that are no UTF-8 come in as surrogates, which no table holds."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidInput(where=where, problem=UNREADABLE)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Rows as a shell can cut them: values separated by tabs."""
    for row in rows:
        say("\t".join(str(value) for value in row.values()))


def say(text: str) -> None:
    """A line of the answer."""
    sys.stdout.write(text + "\n")
