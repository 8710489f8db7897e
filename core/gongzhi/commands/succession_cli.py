"""`gongzhi organ succeed` and `gongzhi organ merge`: organs that take the place of others."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from typing import TypeAlias

from gongzhi.commands.succession import succeed
from gongzhi.errors import ImpossibleDate
from gongzhi.identity.acting import legal_day
from gongzhi.identity.cli import Office, Opened, organ_named, run_by, say

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_succession_commands(organs: Subparsers, opened: Opened) -> None:
    """Add `succeed` and `merge` to the actions of `gongzhi organ`."""
    runner = partial(run_by, opened)
    succeeding = organs.add_parser("succeed", help="let an organ take the place of another")
    succeeding.add_argument("organ", help="the predecessor, by id, or by its name where no other has it")
    succeeding.add_argument("successor", help="the organ that takes its place")
    merging = organs.add_parser("merge", help="let an organ take the place of several")
    merging.add_argument("successor", help="the organ that takes their place, by id or name")
    merging.add_argument("organs", nargs="+", metavar="organ", help="the predecessors")
    for parser in (succeeding, merging):
        parser.add_argument("--on", default="", help="the day of the change, YYYY-MM-DD; today without it")
        parser.add_argument("--document", required=True, help="the document that orders it, or its number")
        parser.add_argument(
            "--elsewhere", action="store_true", help="the successor has another division or level, as ordered"
        )
        parser.set_defaults(run=runner(_succeed))


async def _succeed(office: Office, given: argparse.Namespace) -> None:
    predecessors = given.organs if given.action == "merge" else [given.organ]
    since = _day(given.on) if given.on else legal_day(office.now)
    async with office.store.unit_of_work() as uow:
        successor_id, region = await organ_named(uow, given.successor)
        for named in predecessors:
            organ_id, _ = await organ_named(uow, named)
            taken = await succeed(
                uow,
                organ_id,
                successor_id,
                since=since,
                document=given.document,
                now=office.now,
                elsewhere=given.elsewhere,
            )
            say("\t".join((str(organ_id), *(f"{kind}={number}" for kind, number in taken.items()))))
        await office.record(uow, "succeed_organ", successor_id, region)
    say(f"自 {since} 起由 {successor_id} 继受 · {successor_id} is the successor from {since}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ImpossibleDate(where="/on", problem=text[:20]) from error
