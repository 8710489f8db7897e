"""`gongzhi directory …`: organs, departments, posts and people from spreadsheets, tried, stored and taken back."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import ImportRefused, InvalidArgument, NoSuchThing
from gongzhi.identity.cli import Office, Opened, run_by, say
from gongzhi.identity.imports.imports import carry_out, hold_directory, make_plan, undo
from gongzhi.identity.imports.plan import Plan
from gongzhi.identity.imports.sheets import read_book
from gongzhi.identity.imports.template import write_template
from gongzhi.identity.regions import RegionTree
from gongzhi.plurals import counted

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

TOLD: Final = 200
"""Faults that are printed; the rest are counted."""

_NO_FILE: Final = Text(zh="读不到这个文件", en="the file can't be read")
_NOT_WRITTEN: Final = Text(zh="不能写入这个位置", en="nothing can be written there")
_THERE: Final = Text(zh="已有这个文件", en="there is such a file already")

_IMPORTS: Final = """
SELECT id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, added, changed, ended, undone_at
FROM directory_import ORDER BY directory_import.at, id
"""


def add_import_commands(subparsers: Subparsers, opened: Opened) -> None:
    """Add `directory` to the parser of `gongzhi`; each subcommand sets `run`, which answers an exit code."""
    runner = partial(run_by, opened)
    directory = subparsers.add_parser("directory", help="organs, departments and people from spreadsheets")
    actions = directory.add_subparsers(dest="action", required=True, metavar="action")
    importing = actions.add_parser("import", help="store what the files say, all of it or nothing")
    importing.add_argument("files", nargs="+", metavar="FILE", help="XLSX, or CSV with one sheet each")
    importing.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    importing.set_defaults(run=runner(_import))
    undoing = actions.add_parser("undo", help="take an import back, while nothing is built on it")
    undoing.add_argument("id", help="as `list` shows it")
    undoing.set_defaults(run=runner(_undo))
    actions.add_parser("list", help="every import").set_defaults(run=runner(_list))
    template = actions.add_parser("template", help="write an empty workbook to fill in")
    template.add_argument("file", metavar="FILE", help="such as directory.xlsx")
    template.set_defaults(run=_template)


async def _import(office: Office, given: argparse.Namespace) -> None:
    files = [(name, _content(name)) for name in given.files]
    book = await asyncio.to_thread(read_book, files)
    async with office.store.unit_of_work() as uow:
        if not given.dry_run:
            await hold_directory(uow)
        plan = await make_plan(uow, RegionTree.load(), book, office.now)
        if plan.faults:
            _say_faults(plan)
            raise ImportRefused(where="FILE", count=len(plan.faults))
        if given.dry_run:
            _say_lines(plan)
            say(f"试运行，未保存：{_counts(plan, 'zh')} · dry run, nothing stored: {_counts(plan, 'en')}")
            return
        digest = sha256(b"".join(sha256(content).digest() for _, content in files)).digest()
        import_id = await carry_out(uow, plan, sha256=digest, now=office.now)
        await office.record(uow, "import_directory", None, "")
    say(str(import_id))
    say(f"已导入：{_counts(plan, 'zh')} · imported: {_counts(plan, 'en')}")


async def _undo(office: Office, given: argparse.Namespace) -> None:
    try:
        import_id = UUID(given.id)
    except ValueError as error:
        raise NoSuchThing(where="/import") from error
    async with office.store.unit_of_work() as uow:
        row = await undo(uow, import_id, office.now)
        await office.record(uow, "undo_import", None, "")
    total = row["added"] + row["changed"] + row["ended"]
    say(f"已撤销导入 {import_id} 的 {total} 项 · {total} changes of import {import_id} are undone")


async def _list(office: Office, _given: argparse.Namespace) -> None:
    async with office.store.unit_of_work() as uow:
        rows = await uow.fetch(_IMPORTS)
    for row in rows:
        state = "stored" if row["undone_at"] is None else "undone"
        say("\t".join(str(row[name]) for name in ("id", "at", "added", "changed", "ended")) + f"\t{state}")
    say(f"{len(rows)} 次导入 · {counted(len(rows), 'import', 'imports')}")


def _template(given: argparse.Namespace) -> int:
    path = Path(given.file)
    if path.exists():
        raise InvalidArgument(where="FILE", problem=_THERE)
    try:
        write_template(path)
    except OSError as error:
        raise InvalidArgument(where="FILE", problem=_NOT_WRITTEN) from error
    say(str(path))
    return 0


def _content(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise InvalidArgument(where="FILE", problem=_NO_FILE) from error


def _say_faults(plan: Plan) -> None:
    for fault in plan.faults[:TOLD]:
        place = (fault.sheet, str(fault.row), fault.column or "-", fault.error.code)
        for language in ("zh", "en"):
            say("\t".join((*place, f"{fault.error.message(language)} {fault.error.remedy(language)}")))
    if (more := len(plan.faults) - TOLD) > 0:
        say(f"另有 {more} 处 · and {more} more")


def _say_lines(plan: Plan) -> None:
    for line in plan.lines:
        say("\t".join((line.verb, line.sheet, str(line.row), line.what, *line.changes)))


def _counts(plan: Plan, language: str) -> str:
    added, changed, ended = (plan.count(verb) for verb in ("add", "change", "end"))
    if language == "zh":
        return f"新增 {added}，变更 {changed}，结束 {ended}"
    return f"{added} added, {changed} changed, {ended} ended"
