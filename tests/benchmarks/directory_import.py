"""A directory's import beside INSERT and COPY of the same rows: seconds, rows per second, and what the checks cost.

A made-up province: every division of Zhejiang, organs spread over them, people spread over the organs, seeded. The
import reads an XLSX, checks every row, stores it with a keyed hash of each row in the audit log, and is undone. The bare
INSERT (asyncpg's executemany, prepared) and COPY write the very same rows in one transaction, unchecked and on no record.
Prints one JSON object. Uses GONGZHI_TEST_DATABASE_URL, or an embedded server of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import xlsxwriter

from gongzhi.audit.log import AuditLog
from gongzhi.identity.codes import synthetic_uscc
from gongzhi.identity.imports.imports import carry_out, hold_directory, make_plan, undo
from gongzhi.identity.imports.plan import TABLES
from gongzhi.identity.imports.sheets import read_book
from gongzhi.identity.journal import IdentityAct
from gongzhi.identity.regions import RegionTree
from gongzhi.store import Store, UnitOfWork
from gongzhi.trail import AuditJournal

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
TYPES = (
    ("police", "公安局"),
    ("procuratorate", "人民检察院"),
    ("health_commission", "卫生健康委员会"),
    ("education_bureau", "教育局"),
    ("civil_affairs", "民政局"),
    ("justice_bureau", "司法局"),
    ("social_work", "社会工作服务中心"),
)
DEPARTMENTS = ("办公室", "业务一科", "业务二科")
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
GIVEN = "建国文华志强晓明丽娟海燕春梅伟东立平"


@dataclass
class Province:
    """Rows of the three sheets, headings first; `regions` counts organs by division code."""

    organs: list[tuple[str, ...]]
    departments: list[tuple[str, ...]]
    people: list[tuple[str, ...]]
    regions: dict[str, int] = field(default_factory=dict)

    def workbook(self) -> bytes:
        """The province as an XLSX."""
        content = io.BytesIO()
        book = xlsxwriter.Workbook(content, {"constant_memory": True})
        for name, rows in (("单位", self.organs), ("部门", self.departments), ("人员岗位", self.people)):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        book.close()
        return content.getvalue()


def make_province(organs: int, people: int, *, seed: int = 7) -> Province:
    """A province of that many organs and people, the same for the same seed."""
    chance = random.Random(seed)
    tree = RegionTree.load()
    today = NOW.date()
    codes = [r.code for r in tree if tree.contains("330000", r.code) and r.valid_on(today)]
    made = Province(
        organs=[("单位名称", "类型", "行政区划代码", "统一社会信用代码", "代字", "上级单位")],
        departments=[("单位", "部门名称")],
        people=[("姓名", "人员编号", "登录名", "单位", "部门", "职务", "职责", "启用日期")],
    )
    above: dict[tuple[str, str], str] = {}
    credit = [""] * organs
    for number in range(organs):
        code = codes[number % len(codes)]
        kind, word = TYPES[number // len(codes) % len(TYPES)]
        nth = number // (len(codes) * len(TYPES))
        name = f"{tree.get(code).name}{word}" + (f"第{nth}分局" if nth else "")
        credit[number] = synthetic_uscc(number)
        parents = [above[r.code, kind] for r in tree.ancestors(code) if (r.code, kind) in above]
        above.setdefault((code, kind), credit[number])
        made.organs.append((name, kind, code, credit[number], f"代{number}", parents[0] if parents else ""))
        made.departments += [(credit[number], department) for department in DEPARTMENTS]
        made.regions[code] = made.regions.get(code, 0) + 1
    for number in range(people):
        name = chance.choice(SURNAMES) + "".join(chance.sample(GIVEN, 2))
        department = chance.choice(("", *DEPARTMENTS))
        duties = chance.choice(("承办", "承办、登记", "签发", "登记"))
        organ = credit[number % organs]
        made.people.append(
            (name, f"S{number:06d}", f"u{number:06d}", organ, department, "科员", duties, "2026-01-01")
        )
    return made


async def measure(organs: int, people: int) -> dict[str, Any]:
    """Seconds of each part, and the import as a multiple of INSERT and of COPY."""
    province = make_province(organs, people)
    content = province.workbook()
    figures: dict[str, Any] = {"benchmark": "directory_import", "organs": organs, "people": people}
    with tempfile.TemporaryDirectory(prefix="gongzhi-bench-") as folder:
        async with _database() as url:
            store = await Store.open(home=Path(folder), database_url=url, pool_size=4)
            try:
                await store.migrate()
                figures |= await _measured(store, content)
            finally:
                await store.close()
    return figures


async def _measured(store: Store, content: bytes) -> dict[str, Any]:
    tree, journal = RegionTree.load(), AuditJournal(AuditLog(store))
    seconds: dict[str, float] = {}

    async def timed(name: str, work: Awaitable[Any]) -> Any:
        started = time.perf_counter()
        result = await work
        seconds[name] = round(time.perf_counter() - started, 3)
        return result

    book = await timed("read", asyncio.to_thread(read_book, [("province.xlsx", content)]))
    started = time.perf_counter()
    async with store.unit_of_work() as uow:
        await hold_directory(uow)
        plan = await timed("check", make_plan(uow, tree, book, NOW))
        import_id = await timed("store", carry_out(uow, plan, sha256=b"", now=NOW))
        await timed("record", journal.act(uow, _act(uow)))
    seconds["import"] = round(seconds["read"] + time.perf_counter() - started, 3)

    async def take_back() -> None:
        async with store.unit_of_work() as uow:
            await undo(uow, import_id, NOW)
            await journal.act(uow, _act(uow))

    await timed("undo", take_back())
    rows = {table: [tuple(row.values()) for row in plan.added[table]] for table in TABLES}
    columns = {table: list(plan.added[table][0]) for table in TABLES}
    await timed("insert", _bare(store, rows, columns, _insert))
    await timed("copy", _bare(store, rows, columns, _copy))
    total = sum(map(len, rows.values()))
    return {
        "rows": total,
        "seconds": seconds,
        "import_rows_per_s": round(total / seconds["import"]),
        "import_over_insert": round(seconds["import"] / seconds["insert"], 2),
        "import_over_copy": round(seconds["import"] / seconds["copy"], 2),
    }


def _act(uow: UnitOfWork) -> IdentityAct:
    return IdentityAct(
        at=NOW,
        action="import_directory",
        account_id=None,
        organ_id=None,
        region="",
        outcome="done",
        code="",
        rows=tuple(uow.changes),
    )


Writer = Callable[["asyncpg.Connection[Any]", str, list[tuple[Any, ...]], list[str]], Awaitable[None]]


async def _bare(
    store: Store, rows: dict[Any, list[tuple[Any, ...]]], columns: dict[Any, list[str]], write: Writer
) -> None:
    """Write the rows in one transaction, committed, and empty the tables again (not timed apart: it is quick)."""
    async with store.unit_of_work() as uow:
        for table in TABLES:
            await write(uow.connection, table, rows[table], columns[table])
    async with store.unit_of_work() as uow:
        await uow.execute("TRUNCATE organ, department, person, post, account CASCADE")


async def _insert(
    connection: asyncpg.Connection[Any], table: str, rows: list[tuple[Any, ...]], columns: list[str]
) -> None:
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    await connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


async def _copy(
    connection: asyncpg.Connection[Any], table: str, rows: list[tuple[Any, ...]], columns: list[str]
) -> None:
    await connection.copy_records_to_table(table, records=rows, columns=columns)


@asynccontextmanager
async def _database() -> AsyncIterator[str | None]:
    """A database of its own on the test server, or None for the embedded one."""
    url = os.environ.get("GONGZHI_TEST_DATABASE_URL")
    if not url:
        yield None
        return
    name = f"gongzhi_test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organs", type=int, default=200)
    parser.add_argument("--people", type=int, default=5_000)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.organs, options.people))))


if __name__ == "__main__":
    main()
