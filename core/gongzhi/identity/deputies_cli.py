"""`gongzhi deputy …` and `gongzhi account leave`: who acts for somebody absent, and what happens when somebody leaves."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import ImpossibleDate, InvalidArgument, NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.cli import Office, Opened, Subparsers, organ_named, print_rows, run_by, say
from gongzhi.identity.deputies import LISTED, REASONS, deputise, end_deputyship, holder_of
from gongzhi.identity.leaving import leave
from gongzhi.plurals import counted
from gongzhi.store.unit_of_work import Row

NO_ID = Text(zh="须为 gongzhi deputy list 列出的编号", en="it must be an id that `gongzhi deputy list` shows")

_ORGAN_OF = """
SELECT o.id, o.region FROM deputyship d JOIN post w ON w.id = d.post_id JOIN organ o ON o.id = w.organ_id WHERE d.id = $1
"""


def add_deputy_commands(subparsers: Subparsers, accounts: Subparsers, opened: Opened) -> None:
    """Add `deputy` to the parser of `gongzhi`, and `leave` to the actions of `gongzhi account`."""
    runner = partial(run_by, opened)
    parser = subparsers.add_parser("deputy", help="who acts in the place of somebody absent")
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    adding = actions.add_parser("add", help="let a colleague act in the place of somebody absent")
    adding.add_argument("absent", help="login of who is absent")
    adding.add_argument("deputy", help="login of a colleague in the same organ")
    adding.add_argument(
        "--from", dest="first", default="", help="the first day, YYYY-MM-DD; today without it"
    )
    adding.add_argument("--to", dest="until", required=True, help="the first day without, YYYY-MM-DD")
    adding.add_argument(
        "--reason", required=True, choices=list(REASONS), metavar="REASON", help=f"of {', '.join(REASONS)}"
    )
    adding.set_defaults(run=runner(_add))
    ending = actions.add_parser("end", help="end a deputyship at once")
    ending.add_argument("id")
    ending.set_defaults(run=runner(_end))
    listing = actions.add_parser("list", help="the deputyships of an organ, or all, past ones too")
    listing.add_argument("organ", nargs="?", help="its id, or its name where no other has it")
    listing.set_defaults(run=runner(_list))
    leaving = accounts.add_parser("leave", help="end a leaver's post today, with all that the account holds")
    leaving.add_argument("login")
    leaving.add_argument("--successor", help="a colleague of the department, who is given duties left empty")
    leaving.set_defaults(run=runner(_leave))


async def _add(office: Office, given: argparse.Namespace) -> None:
    first = _day("--from", given.first) if given.first else legal_day(office.now)
    until = _day("--to", given.until)
    async with office.store.unit_of_work() as uow:
        deputyship_id = await deputise(
            uow,
            absent=given.absent,
            deputy=given.deputy,
            valid_from=first,
            valid_to=until,
            reason=given.reason,
            decided_by=None,
            now=office.now,
        )
        holder = await holder_of(uow, given.absent)
        await office.record(uow, "deputise", holder["organ_id"], holder["region"])
    say(str(deputyship_id))


async def _end(office: Office, given: argparse.Namespace) -> None:
    try:
        deputyship_id = UUID(given.id)
    except ValueError as error:
        raise InvalidArgument(where="id", problem=NO_ID) from error
    async with office.store.unit_of_work() as uow:
        row = await uow.fetchrow(_ORGAN_OF, deputyship_id)
        if row is None:
            raise NoSuchThing(where="/deputyship")
        await end_deputyship(uow, deputyship_id, office.now)
        await office.record(uow, "end_deputyship", row["id"], row["region"])
    say(f"代理 {deputyship_id} 已结束 · the deputyship {deputyship_id} is over")


async def _list(office: Office, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        organ_id = None if given.organ is None else (await organ_named(uow, given.organ))[0]
        rows: list[Row] = await uow.fetch(LISTED, organ_id)
    today = legal_day(office.now)
    print_rows([{**row, "ended_at": _state(row, today)} for row in rows])
    say(f"{len(rows)} 项代理 · {counted(len(rows), 'deputyship', 'deputyships')}")


async def _leave(office: Office, given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        holder = await holder_of(uow, given.login)
        duties = await leave(
            uow, office.directory, holder["login"], successor=given.successor, now=office.now
        )
        await office.record(uow, "leave", holder["organ_id"], holder["region"])
    say(f"账号 {holder['login']} 的岗位今天结束 · the post of {holder['login']} ends today")
    if duties:
        listed = ", ".join(duties)
        say(f"职责 {listed} 交给 {given.successor} · {given.successor} is given {listed}")


def _state(row: Row, today: date) -> str:
    if row["ended_at"] is not None:
        return "ended"
    if today < row["valid_from"]:
        return "to_come"
    return "open" if today < row["valid_to"] else "over"


def _day(where: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ImpossibleDate(where=where, problem=text[:20]) from error
