"""The directory from spreadsheets, through the program's own front door: tried, stored, found, taken back."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from gongzhi.audit.log import AuditLog
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.clock import SystemClock, VirtualClock
from gongzhi.errors import ImportClosed
from gongzhi.identity.actors import DUTIES
from gongzhi.identity.codes import synthetic_citizen_number, synthetic_uscc
from gongzhi.identity.imports.imports import carry_out, hold_directory, make_plan, undo
from gongzhi.identity.imports.sheets import read_book
from gongzhi.identity.imports.words import DUTY_WORDS, PEOPLE, SHEETS
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sign_in import SignIn
from gongzhi.store import AUDITED, Store

from .conftest import PASSWORD
from .test_cli import Said, Shell, gongzhi

__all__ = ["gongzhi"]

pytestmark = pytest.mark.anyio

Table = Sequence[Sequence[Any]]

CODE = synthetic_uscc(1)
ORGANS: Table = (
    ("单位名称", "类型", "行政区划代码", "统一社会信用代码", "代字", "上级单位"),
    ("湖州市公安局", "公安机关", 330500, "", "湖公", ""),
    ("安吉县公安局", "police", "330523", CODE, "安公", "湖州市公安局"),
    ("安吉县人民检察院", "人民检察院", "３３０５２３", "", "", ""),
)
DEPARTMENTS: Table = (
    ("单位", "部门名称"),
    ("安吉县人民检察院", "未成年人检察部门"),
)
PEOPLE_ROWS: Table = (
    ("姓名", "人员编号", "登录名", "单位", "部门", "职务", "职责", "启用日期"),
    ("王建国", "A001", "Wang", CODE, "", "民警", "承办", "2026-01-01"),
    ("林晓", "", "lin", "安吉县人民检察院", "未成年人检察部门", "检察官", "承办、签发", "2026年1月5日"),
    ("王建国", "A001", "wang-duty", CODE, "", "值班", "登记", ""),
)


def workbook(path: Path, **sheets: Table) -> str:
    """An XLSX with these sheets."""
    book = xlsxwriter.Workbook(str(path))
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    book.close()
    return str(path)


def comma_separated(path: Path, rows: Table, encoding: str) -> str:
    """A CSV in this encoding."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return str(path)


async def imported(gongzhi: Shell, path: Path, **sheets: Table) -> Said:
    """What `gongzhi directory import` answers to a workbook with these sheets."""
    return await gongzhi("directory", "import", workbook(path / "directory.xlsx", **sheets))


async def contents(store: Store) -> dict[str, Any]:
    """Every row of the directory, without those that tell of imports."""
    tables = ("organ", "department", "person", "post", "account")
    async with store.unit_of_work() as uow:
        return {
            table: {row["id"]: row for row in await uow.fetch(f"SELECT * FROM {table}")} for table in tables
        }


async def findings(store: Store) -> tuple[Any, ...]:
    """What `gongzhi audit scan` finds."""
    await Sequencer(store, SystemClock()).drain()
    return (await scan(store, AuditLog(store))).findings


async def test_organs_departments_and_people_come_in_from_one_workbook(
    gongzhi: Shell, tmp_path: Path
) -> None:
    said = await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    assert (said.code, said.out[1:], said.error) == (
        0,
        ["已导入：新增 7，变更 0，结束 0 · imported: 7 added, 0 changed, 0 ended"],
        [],
    )
    organs = (await gongzhi("organ", "list", "330523")).out
    assert [row.split("\t")[1:] for row in organs[:2]] == [
        ["330523", "police", "county", CODE, "安公", "安吉县公安局"],
        ["330523", "procuratorate", "county", "-", "-", "安吉县人民检察院"],
    ]
    assert (await gongzhi("account", "list")).out == [
        "lin\tperson\topen\t安吉县人民检察院\t未成年人检察部门\t林晓\t检察官\tapprover,handler",
        "wang\tperson\topen\t安吉县公安局\t-\t王建国\t民警\thandler",
        "wang-duty\tperson\topen\t安吉县公安局\t-\t王建国\t值班\tclerk",
        "3 个账号 · 3 accounts",
    ]
    rows = await contents(gongzhi.store)
    assert len(rows["person"]) == 2
    above = {organ["name"]: organ["parent_id"] for organ in rows["organ"].values()}
    assert rows["organ"][above["安吉县公安局"]]["name"] == "湖州市公安局"
    assert await findings(gongzhi.store) == ()


async def test_a_dry_run_says_everything_and_stores_nothing(gongzhi: Shell, tmp_path: Path) -> None:
    before = await gongzhi.counts()
    file = workbook(tmp_path / "a.xlsx", 单位=ORGANS, 人员岗位=PEOPLE_ROWS[:2])
    said = await gongzhi("directory", "import", file, "--dry-run")
    assert said == Said(
        0,
        [
            "add\t单位\t2\t330500 湖州市公安局",
            "add\t单位\t3\t330523 安吉县公安局",
            "add\t单位\t4\t330523 安吉县人民检察院",
            "add\t人员岗位\t2\twang",
            "试运行，未保存：新增 4，变更 0，结束 0 · dry run, nothing stored: 4 added, 0 changed, 0 ended",
        ],
        [],
    )
    assert await gongzhi.counts() == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_csv_files_come_in_together(gongzhi: Shell, tmp_path: Path, encoding: str) -> None:
    files = [
        comma_separated(tmp_path / f"{number}.csv", rows, encoding)
        for number, rows in enumerate((PEOPLE_ROWS, DEPARTMENTS, ORGANS))
    ]
    assert (await gongzhi("directory", "import", *files)).code == 0
    rows = await contents(gongzhi.store)
    assert [len(rows[table]) for table in rows] == [3, 1, 2, 3, 3]


async def test_english_headings_and_codes_do_as_well(gongzhi: Shell, tmp_path: Path) -> None:
    organs = (("Name", "Type", "Division code"), ("安吉县公安局", "Police", 330523))
    people = (
        ("Name", "Login", "Organ", "Title", "Duties"),
        ("王安", "wang", "安吉县公安局", "officer", "handler, clerk"),
    )
    assert (await imported(gongzhi, tmp_path, Organs=organs, People=people)).code == 0
    assert (await gongzhi("account", "list")).out[0].endswith("clerk,handler")


async def test_the_same_file_again_changes_nothing(gongzhi: Shell, tmp_path: Path) -> None:
    sheets = {"单位": ORGANS, "部门": DEPARTMENTS, "人员岗位": PEOPLE_ROWS}
    await imported(gongzhi, tmp_path, **sheets)
    before = await contents(gongzhi.store)
    said = await imported(gongzhi, tmp_path, **sheets)
    assert said.out[1:] == ["已导入：新增 0，变更 0，结束 0 · imported: 0 added, 0 changed, 0 ended"]
    assert await contents(gongzhi.store) == before


CHANGED: dict[str, Table] = {
    "单位": (
        ("单位名称", "类型", "行政区划代码", "统一社会信用代码", "截止日期"),
        ("安吉县公安局（新）", "公安机关", "330523", CODE, ""),
        ("湖州市公安局", "公安机关", "330500", "", "2027-01-01"),
    ),
    "人员岗位": (
        ("姓名", "登录名", "单位", "部门", "职务", "职责", "截止日期"),
        ("王国", "wang", CODE, "", "副大队长", "签发", ""),
        ("林晓", "lin", "安吉县人民检察院", "", "检察官", "承办、签发", "2027/1/1"),
    ),
}


async def test_a_second_import_changes_and_ends_and_undoing_it_brings_the_first_back(
    gongzhi: Shell, tmp_path: Path
) -> None:
    await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    before = await contents(gongzhi.store)
    file = workbook(tmp_path / "second.xlsx", **CHANGED)
    assert (await gongzhi("directory", "import", file, "--dry-run")).out[:-1] == [
        "change\t单位\t2\t330523 安吉县公安局\t单位名称：安吉县公安局 → 安吉县公安局（新）",
        "end\t单位\t3\t330500 湖州市公安局\t截止日期：- → 2027-01-01",
        "change\t人员岗位\t2\twang\t姓名：王建国 → 王国",
        "change\t人员岗位\t2\twang\t职务：民警 → 副大队长\t职责：handler → approver",
        "end\t人员岗位\t3\tlin\t截止日期：- → 2027-01-01",
    ]
    import_id = (await gongzhi("directory", "import", file)).out[0]
    assert await findings(gongzhi.store) == ()
    listed = (await gongzhi("account", "list")).out
    assert listed[1] == "wang\tperson\topen\t安吉县公安局（新）\t-\t王国\t副大队长\tapprover"
    assert (await gongzhi("directory", "undo", import_id)).code == 0
    after = await contents(gongzhi.store)
    for rows in (*before.values(), *after.values()):
        for row in rows.values():
            del row["row_version"]
    assert after == before
    assert await findings(gongzhi.store) == ()


async def test_undoing_the_first_import_leaves_an_empty_directory(gongzhi: Shell, tmp_path: Path) -> None:
    said = await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    undone = await gongzhi("directory", "undo", said.out[0])
    assert undone.out == [f"已撤销导入 {said.out[0]} 的 7 项 · 7 changes of import {said.out[0]} are undone"]
    assert all(not rows for rows in (await contents(gongzhi.store)).values())
    assert await findings(gongzhi.store) == ()
    (row, total) = (await gongzhi("directory", "list")).out
    assert (row.split("\t")[0], row.split("\t")[2:]) == (said.out[0], ["7", "0", "0", "undone"])
    assert total == "1 次导入 · 1 import"
    again = await gongzhi("directory", "undo", said.out[0])
    assert again.error[0].startswith("import_closed: ")


async def refused_undo(gongzhi: Shell, import_id: str, *named: str) -> None:
    before = await contents(gongzhi.store)
    said = await gongzhi("directory", "undo", import_id)
    assert (said.code, said.error[0].partition(":")[0]) == (1, "import_built_on")
    for name in named:
        assert name in said.error[1]
    assert await contents(gongzhi.store) == before


async def test_an_import_that_somebody_signed_in_from_can_not_be_undone(
    gongzhi: Shell, tmp_path: Path, sign_in: SignIn
) -> None:
    said = await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    await gongzhi("account", "password", "lin", "--password-stdin", stdin=f"{PASSWORD}\n".encode())
    session = await sign_in.sign_in("lin", PASSWORD, datetime.now(UTC))
    await refused_undo(gongzhi, said.out[0], f"account {session.actor.account_id}")


async def test_an_import_whose_rows_others_build_on_can_not_be_undone(gongzhi: Shell, tmp_path: Path) -> None:
    said = await imported(gongzhi, tmp_path, 单位=ORGANS)
    person = ("--name", "张三", "--title", "民警", "--duty", "handler", "--organ", "安吉县公安局")
    await gongzhi("account", "add", "zhang", *person, "--password-stdin", stdin=f"{PASSWORD}\n".encode())
    (police,) = [r for r in (await contents(gongzhi.store))["organ"].values() if r["uscc"] == CODE]
    await refused_undo(gongzhi, said.out[0], f"organ {police['id']}")


async def test_a_department_that_a_later_post_is_in_keeps_its_import(gongzhi: Shell, tmp_path: Path) -> None:
    await imported(gongzhi, tmp_path, 单位=ORGANS)
    said = await imported(gongzhi, tmp_path, 部门=DEPARTMENTS)
    await imported(gongzhi, tmp_path, 人员岗位=(PEOPLE_ROWS[0], PEOPLE_ROWS[2]))
    (department,) = (await contents(gongzhi.store))["department"]
    await refused_undo(gongzhi, said.out[0], f"department {department}")


async def test_an_import_can_be_undone_for_thirty_days(
    store: Store, clock: VirtualClock, tmp_path: Path
) -> None:
    content = await asyncio.to_thread(Path(workbook(tmp_path / "a.xlsx", 单位=ORGANS)).read_bytes)
    book = read_book([("a.xlsx", content)])
    async with store.unit_of_work() as uow:
        await hold_directory(uow)
        plan = await make_plan(uow, RegionTree.load(), book, clock.now())
        import_id = await carry_out(uow, plan, sha256=b"", now=clock.now())
    clock.advance(timedelta(days=30, seconds=1))
    with pytest.raises(ImportClosed):
        async with store.unit_of_work() as uow:
            await undo(uow, import_id, clock.now())


# What is wrong with a cell: the sheet's rows, and where and with which code it is reported.
PERSON = ("姓名", "登录名", "单位", "职务", "职责")
GOOD = ("王安", "wang", "安吉县公安局", "民警", "承办")
POLICE = ("单位名称", "类型", "行政区划代码"), ("安吉县公安局", "police", "330523")
WRONG: list[tuple[dict[str, Table], list[tuple[str, int, str, str]]]] = [
    (
        {"单位": (*POLICE, ("安吉县医院", "马戏团", "330523"), ("", "hospital", "339999"))},
        [
            ("单位", 3, "类型", "invalid_input"),
            ("单位", 4, "单位名称", "invalid_input"),
            ("单位", 4, "行政区划代码", "no_such_region"),
        ],
    ),
    ({"单位": (*POLICE, POLICE[1])}, [("单位", 3, "单位名称", "already_exists")]),
    (
        {"单位": ((*POLICE[0], "统一社会信用代码"), (*POLICE[1], CODE[:-1] + "#"))},
        [("单位", 2, "统一社会信用代码", "invalid_input")],
    ),
    (
        {"单位": ((*POLICE[0], "统一社会信用代码"), (*POLICE[1], CODE), ("乙", "school", "330523", CODE))},
        [("单位", 3, "统一社会信用代码", "already_exists")],
    ),
    ({"单位": ((*POLICE[0], "层级"), (*POLICE[1], "国家级"))}, [("单位", 2, "层级", "invalid_input")]),
    ({"单位": ((*POLICE[0], "条线"), (*POLICE[1], "?"))}, [("单位", 2, "条线", "invalid_input")]),
    (
        {"单位": ((*POLICE[0], "上级单位"), (*POLICE[1], "没有"), ("丙", "police", "330523", "丙"))},
        [("单位", 2, "上级单位", "invalid_input"), ("单位", 3, "上级单位", "invalid_input")],
    ),
    (
        {
            "单位": (
                (*POLICE[0], "上级单位"),
                ("甲所", "police", "330523", "乙所"),
                ("乙所", "police", "330523", "甲所"),
                ("丙所", "police", "330500", "甲所"),
            )
        },
        [
            ("单位", 3, "上级单位", "invalid_input"),
            ("单位", 4, "上级单位", "invalid_input"),
            ("单位", 4, "上级单位", "invalid_input"),
        ],
    ),
    (
        {"单位": ((*POLICE[0], "启用日期", "截止日期"), (*POLICE[1], "2026-02-30", "某天"))},
        [("单位", 2, "启用日期", "impossible_date"), ("单位", 2, "截止日期", "invalid_input")],
    ),
    (
        {"单位": ((*POLICE[0], "启用日期", "截止日期"), (*POLICE[1], "2026-02-03", "2026-02-03"))},
        [("单位", 2, "截止日期", "invalid_input")],
    ),
    (
        {"单位": ((*POLICE[0], "密码"), (*POLICE[1], "x"))},
        [("单位", 1, "密码", "unknown_field")],
    ),
    ({"单位": (("单位名称", "类型"), ("甲", "police"))}, [("单位", 1, "行政区划代码", "invalid_input")]),
    ({"单位": POLICE, "人事": (("姓名",), ("王安",))}, [("人事", 1, "-", "invalid_argument")]),
    (
        {
            "单位": POLICE,
            "部门": (("单位", "部门名称"), ("没有", "甲"), (POLICE[1][0], "乙"), (POLICE[1][0], "乙")),
        },
        [("部门", 2, "单位", "invalid_input"), ("部门", 4, "部门名称", "already_exists")],
    ),
    (
        {"单位": POLICE, "人员岗位": (PERSON, GOOD, GOOD)},
        [("人员岗位", 3, "登录名", "already_exists")],
    ),
    (
        {"单位": POLICE, "人员岗位": (PERSON, ("", "王", "没有", "", "国王"))},
        [
            ("人员岗位", 2, "登录名", "invalid_input"),
            ("人员岗位", 2, "姓名", "invalid_input"),
            ("人员岗位", 2, "单位", "invalid_input"),
            ("人员岗位", 2, "职责", "invalid_input"),
            ("人员岗位", 2, "职务", "invalid_input"),
        ],
    ),
    (
        {"单位": POLICE, "人员岗位": (PERSON, (*GOOD[:4], "承办、审计管理员"))},
        [("人员岗位", 2, "职责", "duties_exclude")],
    ),
    (
        {
            "单位": POLICE,
            "人员岗位": (
                (*PERSON, "人员编号"),
                (*GOOD[:4], "安全管理员", "A1"),
                ("王安", "w2", *GOOD[2:4], "系统管理员", "A1"),
                ("李宁", "w3", *GOOD[2:4], "登记", "A1"),
            ),
        },
        [("人员岗位", 2, "职责", "duties_exclude"), ("人员岗位", 4, "姓名", "invalid_input")],
    ),
    (
        {"单位": POLICE, "人员岗位": ((*PERSON, "部门"), (*GOOD, "没有的部门"))},
        [("人员岗位", 2, "部门", "invalid_input")],
    ),
    (
        {
            "单位": POLICE,
            "人员岗位": (
                (*PERSON, "人员编号"),
                (*GOOD, synthetic_citizen_number(date(1990, 1, 1))),
            ),
        },
        [("人员岗位", 2, "人员编号", "invalid_input")],
    ),
    (
        {
            "单位": ((*POLICE[0], "截止日期"), (*POLICE[1], "2027-01-01")),
            "人员岗位": ((*PERSON, "启用日期"), (*GOOD, "2027-01-01")),
        },
        [("人员岗位", 2, "启用日期", "invalid_input")],
    ),
    (
        {"单位": (*POLICE, ("安吉县公安局", "police", "330521")), "人员岗位": (PERSON, GOOD)},
        [("人员岗位", 2, "单位", "invalid_input")],
    ),
]


@pytest.mark.parametrize(("sheets", "faults"), WRONG)
async def test_every_fault_is_told_by_sheet_row_and_column_and_nothing_is_stored(
    gongzhi: Shell,
    tmp_path: Path,
    sheets: dict[str, Table],
    faults: list[tuple[str, int, str, str]],
) -> None:
    before = await gongzhi.counts()
    said = await imported(gongzhi, tmp_path, **sheets)
    assert said.code == 1
    told = [tuple(line.split("\t")[:4]) for line in said.out[::2]]
    assert told == [(sheet, str(row), column, code) for sheet, row, column, code in faults]
    assert all(line.split("\t")[4] for line in said.out)
    assert said.error[0].startswith(f"import_refused: 导入文件有 {len(faults)} 处错误")
    assert await gongzhi.counts() == before


AGAINST: list[tuple[dict[str, Table], tuple[str, int, str, str]]] = [
    ({"单位": (POLICE[0], ("安吉县公安局", "school", "330523"))}, ("单位", 2, "类型", "invalid_input")),
    (
        {"单位": ((*POLICE[0], "统一社会信用代码"), ("安吉县公安局", "police", "330521", CODE))},
        ("单位", 2, "行政区划代码", "invalid_input"),
    ),
    (
        {"单位": ((*POLICE[0], "启用日期"), (*POLICE[1], "2020-01-01"))},
        ("单位", 2, "启用日期", "invalid_input"),
    ),
    (
        {"人员岗位": (PERSON, ("王建国", "wang", "安吉县人民检察院", "民警", "承办"))},
        ("人员岗位", 2, "单位", "invalid_input"),
    ),
    (
        {"人员岗位": ((*PERSON, "人员编号"), ("王建国", "wang", CODE, "民警", "承办", "B2"))},
        ("人员岗位", 2, "人员编号", "invalid_input"),
    ),
    (
        {"人员岗位": ((*PERSON, "人员编号"), ("王建国", "wang-audit", CODE, "审计", "审计管理员", "A001"))},
        ("人员岗位", 2, "职责", "duties_exclude"),
    ),
    (
        {"人员岗位": (PERSON, ("系统", "records", CODE, "系统", "承办"))},
        ("人员岗位", 2, "登录名", "invalid_input"),
    ),
]


async def test_a_file_is_checked_against_what_is_registered(gongzhi: Shell, tmp_path: Path) -> None:
    await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    await gongzhi("account", "add-service", "records", "--organ", "安吉县公安局")
    before = await contents(gongzhi.store)
    for sheets, (sheet, row, column, code) in AGAINST:
        said = await imported(gongzhi, tmp_path, **sheets)
        told = [tuple(line.split("\t")[:4]) for line in said.out[::2]]
        assert told == [(sheet, str(row), column, code)]
    assert await contents(gongzhi.store) == before


async def test_of_very_many_faults_two_hundred_are_printed_and_all_counted(
    gongzhi: Shell, tmp_path: Path
) -> None:
    people = [PERSON, *(("王安", f"w{n}", "没有", "民警", "承办") for n in range(250))]
    said = await imported(gongzhi, tmp_path, 人员岗位=people)
    assert (len(said.out), said.out[-1]) == (401, "另有 50 处 · and 50 more")
    assert "250" in said.error[1]


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 no zip", b"a,b\n1,2\n", b"\xff\xfe\xff", b'\xe5\xa7\x93\xe5\x90\x8d,"open\n'],
)
async def test_a_file_that_is_no_table_of_ours_is_refused(
    gongzhi: Shell, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    said = await gongzhi("directory", "import", str(tmp_path / "x.csv"))
    assert (said.code, said.out, said.error[0].partition(":")[0]) == (1, [], "invalid_argument")
    said = await gongzhi("directory", "import", str(tmp_path / "absent.xlsx"))
    assert said.error[0].partition(":")[0] == "invalid_argument"


async def test_a_new_account_opens_to_nobody_until_a_password_is_set(gongzhi: Shell, tmp_path: Path) -> None:
    await imported(gongzhi, tmp_path, 单位=ORGANS, 部门=DEPARTMENTS, 人员岗位=PEOPLE_ROWS)
    accounts = (await contents(gongzhi.store))["account"].values()
    assert {row["password_hash"] for row in accounts} == {None}


async def test_the_template_has_every_heading_and_can_be_imported(gongzhi: Shell, tmp_path: Path) -> None:
    file = str(tmp_path / "template.xlsx")
    assert (await gongzhi("directory", "template", file)).out == [file]
    book = CalamineWorkbook.from_path(file)
    assert book.sheet_names == ["单位", "部门", "人员岗位", "说明"]
    for form in SHEETS:
        (headings,) = book.get_sheet_by_name(form.name.zh).to_python()
        assert headings == [column.heading.zh for column in form.columns]
    said = await gongzhi("directory", "import", file, "--dry-run")
    assert said.code == 0
    assert (await gongzhi("directory", "template", file)).error[0].startswith("invalid_argument")


async def test_an_import_is_one_act_in_the_log_that_names_every_row(gongzhi: Shell, tmp_path: Path) -> None:
    people = [PERSON, *(("王安", f"w{n}", "安吉县公安局", "民警", "承办") for n in range(200))]
    said = await imported(gongzhi, tmp_path, 单位=POLICE, 人员岗位=people)
    store = gongzhi.store
    async with store.unit_of_work() as uow:
        leaves = [row["leaf"] for row in await uow.fetch("SELECT leaf FROM audit_pending ORDER BY id")]
    assert len(leaves) == 3  # 602 rows, 256 in an entry
    assert all(len(leaf) <= 65_535 and b'"action":"import_directory"' in leaf for leaf in leaves)
    assert UUID(said.out[0])
    assert await findings(store) == ()
    assert {"department", "directory_import"} <= AUDITED


def test_every_duty_has_a_word_that_a_cell_may_hold() -> None:
    assert set(PEOPLE.column("duties").words or ()) == set(DUTIES) & set(DUTY_WORDS) == set(DUTIES)
