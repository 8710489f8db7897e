"""A province's directory: 2,000 organs and 50,000 people come in, the tree is right, and it can all be taken back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from gongzhi.audit.log import AuditLog
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.clock import VirtualClock
from gongzhi.identity.directory import Directory
from gongzhi.identity.imports.imports import carry_out, hold_directory, make_plan, undo
from gongzhi.identity.imports.plan import TABLES, Plan
from gongzhi.identity.imports.sheets import read_book
from gongzhi.identity.journal import IdentityAct
from gongzhi.identity.regions import RegionTree
from gongzhi.store import Store, UnitOfWork
from gongzhi.trail import AuditJournal

from ..benchmarks.directory_import import NOW, Province, make_province

pytestmark = pytest.mark.anyio

TREE = RegionTree.load()

SIZES = [
    pytest.param(220, 1_000, id="small"),
    pytest.param(2_000, 50_000, id="province", marks=[pytest.mark.slow, pytest.mark.timeout(1_800)]),
]


async def record(store: Store, uow: UnitOfWork) -> None:
    act = IdentityAct(
        at=NOW,
        action="import_directory",
        account_id=None,
        organ_id=None,
        region="",
        outcome="done",
        code="",
        rows=tuple(uow.changes),
    )
    await AuditJournal(AuditLog(store)).act(uow, act)


async def planned(uow: UnitOfWork, province: Province) -> Plan:
    return await make_plan(uow, TREE, read_book([("province.xlsx", province.workbook())]), NOW)


async def findings(store: Store) -> tuple[Any, ...]:
    await Sequencer(store, VirtualClock(NOW)).drain()
    return (await scan(store, AuditLog(store))).findings


@pytest.mark.parametrize(("organs", "people"), SIZES)
async def test_a_province_comes_in_and_can_be_taken_back(store: Store, organs: int, people: int) -> None:
    province = make_province(organs, people)
    async with store.unit_of_work() as uow:
        await hold_directory(uow)
        plan = await planned(uow, province)
        assert plan.faults == []
        import_id = await carry_out(uow, plan, sha256=b"", now=NOW)
        await record(store, uow)
    assert await findings(store) == ()
    await the_tree_is_right(store, province, organs, people)
    async with store.unit_of_work() as uow:
        await undo(uow, import_id, NOW)
        await record(store, uow)
        assert [await uow.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES] == [0] * 5
    assert await findings(store) == ()


async def the_tree_is_right(store: Store, province: Province, organs: int, people: int) -> None:
    """Organs by division are those of the file, parents hold their children, everybody stands where they should."""
    async with store.unit_of_work() as uow:
        rows = await uow.fetch("SELECT * FROM organ")
        by_id = {row["id"]: row for row in rows}
        assert Counter(row["region"] for row in rows) == province.regions
        named = {(row[2], row[0]) for row in province.organs[1:]}
        assert {(row["region"], row["name"]) for row in rows} == named
        credit = {row["uscc"]: row for row in rows}
        for _, kind, _, code, _, parent in province.organs[1:]:
            above = credit[code]["parent_id"]
            assert (None if above is None else by_id[above]["uscc"]) == (parent or None)
            if above is not None:
                assert by_id[above]["type"] == kind
                assert TREE.contains(by_id[above]["region"], credit[code]["region"])
        assert sum(row["parent_id"] is None for row in rows) < organs / 10
        assert await uow.fetchval("SELECT count(*) FROM account WHERE password_hash IS NULL") == people
        directory = Directory(TREE)
        for row in province.people[1 :: max(1, people // 50)]:
            actor = await directory.actor(uow, row[2], NOW)
            assert (actor.name, actor.organ.id) == (row[0], credit[row[3]]["id"])
            assert (actor.department, actor.title) == (row[4], row[5])


@pytest.mark.parametrize(("organs", "people"), SIZES)
async def test_every_planted_fault_is_told_and_no_other(store: Store, organs: int, people: int) -> None:
    province = make_province(organs, people)
    spoilt = list(province.people)
    expected = []
    for number, place in enumerate(range(10, people, max(1, people // 40))):
        name, staff_code, login, organ, department, title, duties, day = spoilt[place]
        kinds = [
            (
                "登录名",
                "already_exists",
                (name, staff_code, spoilt[1][2], organ, department, title, duties, day),
            ),
            (
                "单位",
                "invalid_input",
                (name, staff_code, login, "没有的单位", department, title, duties, day),
            ),
            ("部门", "invalid_input", (name, staff_code, login, organ, "没有的部门", title, duties, day)),
            (
                "职责",
                "duties_exclude",
                (name, staff_code, login, organ, department, title, "承办、审计管理员", day),
            ),
            (
                "启用日期",
                "impossible_date",
                (name, staff_code, login, organ, department, title, duties, "2026-02-29"),
            ),
        ]
        column, code, row = kinds[number % len(kinds)]
        spoilt[place] = row
        expected.append(("人员岗位", place + 1, column, code))
    async with store.unit_of_work() as uow:
        plan = await planned(uow, replace(province, people=spoilt))
    assert [(f.sheet, f.row, f.column, f.error.code) for f in plan.faults] == expected
