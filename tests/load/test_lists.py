"""Lists of a province at work: the plans read no table as a whole, the answers are those of the plain condition."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest

from gongzhi.audit.scan import scan
from gongzhi.cases.queries import (
    COUNTED,
    COUNTED_WAITING,
    NEWEST_SEARCHED,
    NOT_COMPILED,
    PLANNED_ANEW,
    CaseQueries,
    InboxQueries,
    Query,
)
from gongzhi.cases.search import query
from gongzhi.cases.targets import supervisors_of
from gongzhi.identity.policy import SceneReaders, visible_cases

from .conftest import CASES, Filled
from .province import HOME, PROVINCE, SCENE

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

PLACES = {"clerk": HOME, "health": HOME, "doctor": HOME, "procurator": HOME, "supervisor": PROVINCE}
WORDS = ("报告", "紧急", "八", "没有的词")
LARGE = {"cases", "case_organ", "letter", "case_search", "deadline"}
READ_AT_MOST = 3 * NEWEST_SEARCHED
"""Rows that one step of a page's plan may come to; reading a table would come to more."""


def readers(filled: Filled) -> list[SceneReaders]:
    scene = filled.host.scenes.scene(SCENE)
    return [
        SceneReaders(
            scene=scene.id,
            version=scene.version,
            supervisors=supervisors_of(scene),
            unsupervised=scene.workflow.unsupervised,
        )
    ]


def cases_of(filled: Filled, who: str, region: str, words: str | None = None) -> CaseQueries:
    return CaseQueries(
        actor=filled.actors[who],
        tree=filled.host.tree,
        readers=readers(filled),
        region=region,
        words=query(words) if words else None,
    )


def inbox_of(filled: Filled, who: str) -> InboxQueries:
    return InboxQueries(
        actor=filled.actors[who],
        tree=filled.host.tree,
        readers=readers(filled),
        answerable=["mandatory_report", "support_request"],
        now=filled.host.clock.now(),
    )


def steps(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


async def plan_of(filled: Filled, wanted: Query | None, planning: str) -> list[Mapping[str, Any]]:
    """The steps of the plan as it ran."""
    assert wanted is not None
    async with filled.host.store.unit_of_work() as uow:
        await uow.execute(planning)
        shown = await uow.connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {wanted.sql}", *wanted.args
        )
    return list(steps(json.loads(shown)[0]["Plan"]))


async def test_the_province_is_as_its_audit_log_says(filled: Filled) -> None:
    found = await scan(filled.host.store, filled.host.audit)
    assert found.findings == ()
    assert found.rows > 10 * CASES


@pytest.mark.parametrize("who", sorted(PLACES))
async def test_no_page_reads_a_table_as_a_whole(filled: Filled, who: str) -> None:
    asked: dict[str, tuple[Query | None, str]] = {
        "cases": (cases_of(filled, who, PLACES[who]).page(21), PLANNED_ANEW),
        "inbox": (inbox_of(filled, who).page(21, None), NOT_COMPILED),
        "inbox counts": (inbox_of(filled, who).counts(), NOT_COMPILED),
    }
    for words in WORDS:
        searched = cases_of(filled, who, PLACES[who], words)
        asked[f"newest {words}"] = (searched.newest_found(21), PLANNED_ANEW)
        if words != WORDS[0]:  # what is in every title fills its page before
            asked[f"all {words}"] = (searched.all_found(21), PLANNED_ANEW)
    for name, (wanted, planning) in asked.items():
        for step in await plan_of(filled, wanted, planning):
            whole = step["Node Type"] == "Seq Scan" and step["Relation Name"] in LARGE
            assert not whole, f"{name} reads {step['Relation Name']}"
            rows = step["Actual Rows"] * step["Actual Loops"]
            assert rows <= READ_AT_MOST, f"{name}: {step['Node Type']} comes to {rows} rows"


@pytest.mark.parametrize("words", [None, *WORDS])
@pytest.mark.parametrize("who", sorted(PLACES))
async def test_pages_are_what_the_plain_condition_gives(filled: Filled, who: str, words: str | None) -> None:
    actor, region = filled.actors[who], PLACES[who]
    condition, args = visible_cases(actor, filled.host.tree, 1, scenes=readers(filled))
    place, code = filled.host.tree.within("c.region", region)
    plain = f"SELECT c.id FROM cases c WHERE {condition} AND {place} = ${len(args) + 1}"
    values = [*args, code]
    if words:
        plain += (
            f" AND EXISTS (SELECT FROM case_search s WHERE s.case_id = c.id AND s.tokens @@ ${len(args) + 2})"
        )
        plain = plain.replace(f"@@ ${len(args) + 2}", f"@@ ${len(args) + 2}::tsquery")
        values.append(query(words))
    async with filled.host.store.unit_of_work() as uow:
        rows = await uow.fetch(f"{plain} ORDER BY c.updated_at DESC, c.id DESC", *values)
    said = [row["id"] for row in rows]
    seen: list[UUID] = []
    after = None
    for _ in range(3):
        page = await filled.host.reading.cases(actor, region, search=words, first=100, after=after)
        seen += [case.id for case in page.items]
        if not page.has_next:
            break
        after = page.cursors[-1]
    assert seen == said[:300]
    counted = await filled.host.reading.case_count(actor, region, search=words)
    bound = COUNTED_WAITING if words else COUNTED
    assert (counted.count, counted.exact) == (min(len(said), bound), len(said) <= bound)


@pytest.mark.parametrize("who", sorted(PLACES))
async def test_counts_of_the_inbox_are_those_of_its_pages(filled: Filled, who: str) -> None:
    seen: dict[str, int] = {}
    after = None
    while True:
        page = await filled.host.reading.inbox(filled.actors[who], first=100, after=after)
        for item in page.items:
            seen[item.waits] = seen.get(item.waits, 0) + 1
        if not page.has_next:
            break
        after = page.cursors[-1]
    counts = await filled.host.reading.inbox_counts(filled.actors[who])
    assert {waits: counted.count for waits, counted in counts.items() if counted.count} == seen
    assert all(counted.exact for counted in counts.values())
    for waits, count in seen.items():
        alone = await filled.host.reading.inbox(filled.actors[who], first=100, waits=waits)
        assert {item.waits for item in alone.items} == {waits}
        assert len(alone.items) == min(100, count)
    if who == "clerk":
        assert {"sign", "answer", "overdue"} <= set(seen)
