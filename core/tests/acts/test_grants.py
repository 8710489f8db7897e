"""Breaking the glass, and the opening of a sealed case by law: who may, what it opens, how it ends, what stays on record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.cases.grants import supervisors_of_case
from gongzhi.cases.records import load_case
from gongzhi.declarations import ActResult
from gongzhi.errors import (
    ActionNotAllowed,
    GlassNotNeeded,
    InvalidInput,
    NoSuchThing,
    TooManyRequests,
    UnsealingRefused,
)
from gongzhi.identity.directory import Directory

from ..little_scene import manifest
from .conftest import Stage
from .test_dispatch import ANJI
from .test_effects import drain, effects_of
from .test_reading import told

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)

_ROLES = manifest("little")["roles"]
WATCHED_BY_A_DEPARTMENT = {**_ROLES, "watcher": {**_ROLES["watcher"], "department": "未检部"}}
"""The little scene's roles, where one department of the procuratorates alone supervises."""


async def break_glass(stage: Stage, who: str, **named: Any) -> ActResult:
    given = {"reason": "danger_to_life", "note": "孩子可能仍在危险中", **named}
    region = stage.actors[who].organ.region
    return await stage.do(who, "break_glass", namespace="access", input=given, region=region)


async def review(stage: Stage, who: str, grant: str, finding: str = "justified") -> ActResult:
    given = {"grant": grant, "finding": finding}
    region = stage.actors[who].organ.region
    return await stage.do(who, "review_break_glass", namespace="access", input=given, region=region)


async def unseal(stage: Stage, who: str, case: UUID, **changes: Any) -> ActResult:
    given = {
        "ground": "judicial",
        "request_number": "义公刑〔2026〕12号",
        "requester": str(stage.actors["elsewhere"].organ.id),
        "purpose": "办理另案需要",
        "days": 3,
        **changes,
    }
    region = stage.actors[who].organ.region
    return await stage.do(who, "unseal", case, namespace="access", input=given, region=region)


async def sealed(stage: Stage) -> UUID:
    case = await told(stage)
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "办结"})
    return case


async def test_broken_glass_lets_one_person_read_for_two_hours_and_do_nothing(stage: Stage) -> None:
    case = await told(stage)
    stranger = stage.actors["elsewhere"]
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(stranger, case)
    result = await break_glass(stage, "elsewhere", case=str(case))
    assert result.output["until"] == (stage.clock.now() + timedelta(hours=2)).isoformat()
    seen = await stage.reading.open_case(stranger, case)
    assert (seen.data, seen.masked) == ({**ANJI, "informant": None}, ("/informant",))
    assert (seen.actions, [letter.may_sign for letter in seen.letters]) == ([], [False, False])
    with pytest.raises(ActionNotAllowed):
        await stage.do("elsewhere", "receive", case, region="330782")
    assert (await stage.reading.cases(stranger, "330000")).items == []
    stage.clock.advance(timedelta(hours=2))
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(stranger, case)


async def test_glass_is_broken_by_the_exact_number_of_a_letter_too(stage: Stage) -> None:
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE letter SET number = '安公〔2026〕7号' WHERE copy_of IS NULL")
    with pytest.raises(NoSuchThing):
        await break_glass(stage, "elsewhere", number="安公〔2026〕8号")
    assert (await break_glass(stage, "elsewhere", number="安公〔2026〕7号")).case_id == case
    for named in ({}, {"case": str(case), "number": "安公〔2026〕7号"}):
        with pytest.raises(InvalidInput):
            await break_glass(stage, "elsewhere", **named)


async def test_blanks_are_no_reason(stage: Stage) -> None:
    case = await told(stage)
    for note in ("     ", " 急 \n   "):
        with pytest.raises(InvalidInput) as refusal:
            await break_glass(stage, "elsewhere", case=str(case), note=note)
        assert refusal.value.where == "/note"
    assert await stage.count("case_grant") == 0


async def test_a_case_that_is_sealed_and_none_are_refused_alike(stage: Stage) -> None:
    case = await sealed(stage)
    said = []
    for asked in (case, uuid4()):
        with pytest.raises(NoSuchThing) as refusal:
            await break_glass(stage, "elsewhere", case=str(asked))
        said.append(refusal.value.reply("zh"))
    assert said[0] == said[1]
    leaves = [leaf for leaf in await stage.leaves() if leaf["action"] == "break_glass"]
    assert [(leaf["outcome"], leaf["case"]) for leaf in leaves] == [("refused", None), ("refused", None)]


@pytest.mark.parametrize("who", ["admin", "auditor"])
async def test_no_administrator_breaks_the_glass(stage: Stage, who: str) -> None:
    case = await told(stage)
    with pytest.raises(NoSuchThing):
        await break_glass(stage, who, case=str(case))


async def test_who_may_read_breaks_no_glass(stage: Stage) -> None:
    case = await told(stage)
    with pytest.raises(GlassNotNeeded):
        await break_glass(stage, "police", case=str(case))


async def test_tries_are_counted_before_anything_is_looked_up(stage: Stage) -> None:
    """Guessing stops after five, and being stopped tells nothing: the sixth is held back for a case that is there."""
    case = await told(stage)
    for _ in range(5):
        with pytest.raises(NoSuchThing):
            await break_glass(stage, "elsewhere", case=str(uuid4()))
    for asked in (case, uuid4()):
        with pytest.raises(TooManyRequests) as refusal:
            await break_glass(stage, "elsewhere", case=str(asked))
        assert refusal.value.facts["seconds"] == 900


async def test_tries_at_the_same_time_are_five_too(stage: Stage) -> None:
    tries = [break_glass(stage, "elsewhere", case=str(uuid4())) for _ in range(8)]
    refusals = await asyncio.gather(*tries, return_exceptions=True)
    assert (
        sorted(type(refusal).__name__ for refusal in refusals)
        == ["NoSuchThing"] * 5 + ["TooManyRequests"] * 3
    )


async def test_glass_broken_at_the_same_time_is_broken_three_times_too(stage: Stage) -> None:
    cases = [
        (await stage.do("doctor", "tell", input={**ANJI, "name": f"张{number}"})).case_id
        for number in range(5)
    ]
    tries = [break_glass(stage, "elsewhere", case=str(case)) for case in cases]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, TooManyRequests) for one in came) == 2
    assert await stage.count("case_grant") == 3


async def test_a_key_that_comes_back_is_no_further_try(stage: Stage) -> None:
    case = await told(stage)
    given = {"reason": "danger_to_life", "note": "孩子可能仍在危险中", "case": str(case)}
    for _ in range(7):
        await stage.do(
            "elsewhere", "break_glass", namespace="access", input=given, region="330782", key="the-same-key"
        )
    with pytest.raises(NoSuchThing):
        await break_glass(stage, "elsewhere", case=str(uuid4()))


async def test_glass_is_broken_three_times_a_day_at_most(stage: Stage) -> None:
    cases = []
    for number in range(4):
        case = (await stage.do("doctor", "tell", input={**ANJI, "name": f"张{number}"})).case_id
        assert case is not None
        cases.append(case)
    for case in cases[:3]:
        await break_glass(stage, "elsewhere", case=str(case))
        stage.clock.advance(timedelta(minutes=16))
    with pytest.raises(TooManyRequests):
        await break_glass(stage, "elsewhere", case=str(cases[3]))
    stage.clock.advance(DAY)
    await break_glass(stage, "elsewhere", case=str(cases[3]))


async def test_supervisors_are_told_at_once_and_find_whether_it_was_justified(stage: Stage) -> None:
    case = await told(stage)
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    async with stage.store.unit_of_work() as uow:
        notices = await uow.fetch("SELECT organ_id, case_id FROM notice WHERE kind = 'break_glass'")
    assert notices == [{"organ_id": stage.actors["watcher"].organ.id, "case_id": case}]
    waiting = {
        who: [item.waits for item in (await stage.reading.inbox(stage.actors[who])).items]
        for who in ("watcher", "elsewhere")
    }
    assert {who: sorted(waits) for who, waits in waiting.items()} == {
        "watcher": ["break_glass", "read"],
        "elsewhere": [],
    }
    for who in ("police", "elsewhere"):
        with pytest.raises(ActionNotAllowed):
            await review(stage, who, grant)
    await review(stage, "watcher", grant, "not_justified")
    with pytest.raises(InvalidInput):
        await review(stage, "above", grant)
    with pytest.raises(NoSuchThing):
        await review(stage, "watcher", str(uuid4()))


async def told_of_broken_glass(stage: Stage) -> list[UUID]:
    async with stage.store.unit_of_work() as uow:
        rows = await uow.fetch("SELECT organ_id FROM notice WHERE kind = 'break_glass'")
    return [row["organ_id"] for row in rows]


async def test_the_next_one_above_is_told_where_the_supervisor_of_a_case_has_ended(stage: Stage) -> None:
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE organ SET valid_to = $2 WHERE id = $1",
            stage.actors["watcher"].organ.id,
            stage.clock.now().date(),
        )
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    assert await told_of_broken_glass(stage) == [stage.actors["above"].organ.id]
    await review(stage, "above", grant)


async def test_no_organ_is_told_of_the_glass_that_it_broke_itself(stage: Stage) -> None:
    """Another department of the supervising organ may break it; then the next organ above is told."""
    case = await told(stage)
    watcher, above = stage.actors["watcher"].organ.id, stage.actors["above"].organ.id
    async with stage.store.unit_of_work() as uow:
        record = await load_case(uow, None, case, lock=False)
        scene = stage.scenes.scene("little", record.row["version"])
        found = [
            [
                holder.organ_id
                for holder in await supervisors_of_case(
                    uow, stage.tree, scene, record, stage.clock.now(), apart_from=organ
                )
            ]
            for organ in (stage.actors["elsewhere"].organ.id, watcher)
        ]
    assert found == [[watcher], [above]]


async def bind_watcher_to(stage: Stage, department: str) -> None:
    organ = str(stage.actors["watcher"].organ.id)
    roles = [{"role": "watcher", "region": "330523", "organ": organ, "department": department}]
    given = {"scene": "little", "region": "330523", "roles": roles}
    await stage.do("admin", "enable_scene", namespace="administration", region="330000", input=given)


async def works_in(stage: Stage, who: str, department: str) -> None:
    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE post SET department = $2 WHERE id = (SELECT post_id FROM account WHERE login = $1)",
            who,
            department,
        )
        stage.actors[who] = await Directory(stage.tree).actor(uow, who, stage.clock.now())


async def test_a_department_with_nobody_in_it_is_not_told_but_the_rest_of_its_organ(stage: Stage) -> None:
    """The case is bound to a department, and the scene lets anybody of the organ supervise."""
    await bind_watcher_to(stage, "未检部")
    case = await told(stage)
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    assert await told_of_broken_glass(stage) == [stage.actors["watcher"].organ.id]
    assert "break_glass" in [
        item.waits for item in (await stage.reading.inbox(stage.actors["watcher"])).items
    ]
    await review(stage, "watcher", grant)


@pytest.mark.parametrize("scene_options", [{"roles": WATCHED_BY_A_DEPARTMENT}], ids=["named otherwise"])
@pytest.mark.parametrize(("bound", "told_whom"), [("检察二部", "watcher"), ("检察三部", "above")])
async def test_the_department_that_plays_the_part_is_told_whatever_the_scene_calls_it(
    stage: Stage, bound: str, told_whom: str
) -> None:
    await works_in(stage, "watcher", "检察二部")
    await works_in(stage, "above", "未检部")
    await bind_watcher_to(stage, bound)
    case = await told(stage)
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    assert await told_of_broken_glass(stage) == [stage.actors[told_whom].organ.id]
    await review(stage, told_whom, grant)


@pytest.mark.parametrize(
    "gone",
    [
        "UPDATE account SET disabled_at = $2 WHERE login = $1",
        "UPDATE post SET valid_to = $2::timestamptz::date WHERE id = (SELECT post_id FROM account WHERE login = $1)",
        "UPDATE post SET duties = '{region_admin}' WHERE id = (SELECT post_id FROM account WHERE login = $1"
        " AND $2::timestamptz IS NOT NULL)",
    ],
    ids=["account closed", "post ended", "no handling duty"],
)
async def test_the_next_one_above_is_told_where_nobody_could_review(stage: Stage, gone: str) -> None:
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute(gone, "watcher", stage.clock.now())
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    assert await told_of_broken_glass(stage) == [stage.actors["above"].organ.id]
    seen = await stage.reading.broken_glass(stage.actors["above"])
    assert [str(glass.id) for glass in seen] == [grant]
    assert [item.waits for item in (await stage.reading.inbox(stage.actors["above"])).items] == [
        "break_glass"
    ]
    await review(stage, "above", grant)


async def test_an_emergency_does_not_wait_for_a_reviewer(stage: Stage) -> None:
    """Where nobody could review anywhere, the nearest desk has the notice for whoever is appointed."""
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE account SET disabled_at = $1 WHERE login IN ('watcher', 'above')", stage.clock.now()
        )
    await break_glass(stage, "elsewhere", case=str(case))
    assert await told_of_broken_glass(stage) == [stage.actors["watcher"].organ.id]


async def test_glass_that_nobody_would_review_stays_whole_and_tells_nothing(stage: Stage) -> None:
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute(
            "UPDATE organ SET valid_to = $1 WHERE type = 'procuratorate'", stage.clock.now().date()
        )
    said = []
    for asked in (case, uuid4()):
        with pytest.raises(NoSuchThing) as refusal:
            await break_glass(stage, "elsewhere", case=str(asked))
        said.append(refusal.value.reply("zh"))
    assert said[0] == said[1]
    leaves = [leaf for leaf in await stage.leaves() if leaf["action"] == "break_glass"]
    assert [(leaf["outcome"], leaf["case"]) for leaf in leaves] == [("refused", None), ("refused", None)]
    assert await stage.count("case_grant") == 0


async def test_supervisors_see_what_was_broken_and_security_administrators_see_no_case(stage: Stage) -> None:
    case = await told(stage)
    await break_glass(stage, "elsewhere", case=str(case))
    actors = stage.actors
    actors["security"] = replace(actors["admin"], duties=frozenset({"security_admin"}))
    seen = {
        who: [
            (glass.by_login, glass.reason, glass.note, glass.case_id)
            for glass in await stage.reading.broken_glass(actors[who])
        ]
        for who in ("watcher", "above", "security", "police", "elsewhere", "auditor")
    }
    in_full = ("elsewhere", "danger_to_life", "孩子可能仍在危险中", case)
    assert seen == {
        "watcher": [in_full],
        "above": [in_full],
        "security": [("elsewhere", "danger_to_life", "", None)],
        "police": [],
        "elsewhere": [],
        "auditor": [],
    }


async def test_glasses_not_reviewed_yet_come_before_the_others_the_longest_waiting_first(
    stage: Stage,
) -> None:
    """Else what is beyond the fifty of a list would never come to sight. Who reviews none sees the newest first."""
    cases = []
    for number in range(3):
        cases.append((await stage.do("doctor", "tell", input={**ANJI, "name": f"张{number}"})).case_id)
        grant = (await break_glass(stage, "elsewhere", case=str(cases[-1]))).output["grant"]
        if number == 1:
            await review(stage, "watcher", grant)
        stage.clock.advance(timedelta(minutes=1))
    seen = await stage.reading.broken_glass(stage.actors["watcher"])
    assert [(glass.case_id, glass.review) for glass in seen] == [
        (cases[0], None),
        (cases[2], None),
        (cases[1], "justified"),
    ]
    security = replace(stage.actors["admin"], duties=frozenset({"security_admin"}))
    assert [glass.review for glass in await stage.reading.broken_glass(security)] == [None, "justified", None]


async def test_once_a_case_is_sealed_security_administrators_alone_see_its_broken_glass(stage: Stage) -> None:
    case = await told(stage)
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "办结"})
    actors = stage.actors
    actors["security"] = replace(actors["admin"], duties=frozenset({"security_admin"}))
    seen = {who: await stage.reading.broken_glass(actors[who]) for who in ("watcher", "above", "security")}
    assert (seen["watcher"], seen["above"]) == ([], [])
    assert [(str(glass.id), glass.note, glass.case_id) for glass in seen["security"]] == [(grant, "", None)]
    for asked in (grant, str(uuid4())):
        with pytest.raises(NoSuchThing):
            await review(stage, "watcher", asked)


async def test_who_broke_the_glass_watches_the_case_as_long_as_they_read_it(stage: Stage) -> None:
    case, stranger = await told(stage), stage.actors["elsewhere"]
    await break_glass(stage, "elsewhere", case=str(case))
    summary, mark = await stage.reading.watched_case(stranger, case)
    assert (summary.id, mark) == (case, await stage.reading.case_mark(stranger, case))
    assert not [leaf for leaf in await stage.leaves() if leaf["action"] == "watch_case"]
    stage.clock.advance(timedelta(hours=2))
    with pytest.raises(NoSuchThing):
        await stage.reading.case_mark(stranger, case)
    with pytest.raises(NoSuchThing):
        await stage.reading.watched_case(stranger, case)


async def test_the_log_has_each_step_of_a_broken_glass(stage: Stage, tmp_path: Path) -> None:
    case = await told(stage)
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    await review(stage, "watcher", grant)
    stage.clock.advance(timedelta(hours=2))
    await drain(stage, effects_of(stage, tmp_path))
    steps = [
        (leaf["action"], leaf["code"], [row["table"] for row in leaf["rows"]])
        for leaf in await stage.leaves()
        if "glass" in leaf["action"]
    ]
    assert steps == [
        ("break_glass", "break_glass.danger_to_life", ["case_grant"]),
        ("review_break_glass", "break_glass.justified", ["case_grant"]),
        ("break_glass_over", "", ["case_grant"]),
    ]
    assert "孩子" not in str(await stage.leaves())


async def test_a_case_sealed_meanwhile_is_closed_to_who_broke_the_glass(stage: Stage) -> None:
    case = await told(stage)
    await break_glass(stage, "elsewhere", case=str(case))
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "办结"})
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(stage.actors["elsewhere"], case)


@pytest.fixture
def approver(stage: Stage) -> str:
    """The police's approver, whose organ seals."""
    stage.actors["chief"] = replace(stage.actors["police"], duties=frozenset({"approver"}))
    return "chief"


async def test_an_approver_opens_a_sealed_case_to_who_inquires_by_law_and_the_clock_seals_it_again(
    stage: Stage, approver: str, tmp_path: Path
) -> None:
    case = await sealed(stage)
    inquirer = stage.actors["elsewhere"]
    result = await unseal(stage, approver, case)
    assert (result.case_id, set(result.output)) == (None, {"grant", "until"})
    (told_of,) = (await stage.reading.inbox(inquirer)).items
    assert (told_of.waits, told_of.case_id) == ("unsealed", case)
    seen = await stage.reading.open_case(inquirer, case)
    assert (seen.data["name"], seen.data["informant"], seen.actions) == ("张*", None, [])
    assert seen.sealed_at is not None
    await stage.do(
        "elsewhere",
        "reveal_case",
        case,
        namespace="access",
        input={"reason": "statutory_inquiry"},
        region="330782",
    )
    assert (await stage.reading.open_case(inquirer, case)).data["name"] == "张三"
    for who in ("police", "watcher", "doctor", "above"):
        with pytest.raises(NoSuchThing):
            await stage.reading.open_case(stage.actors[who], case)
    stage.clock.advance(3 * DAY)
    assert (await stage.reading.inbox(inquirer)).items == []
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(inquirer, case)
    await drain(stage, effects_of(stage, tmp_path))
    steps = [
        (leaf["action"], leaf["code"])
        for leaf in await stage.leaves()
        if leaf["action"] in ("unseal", "seal_again")
    ]
    assert steps == [("unseal", "unsealing.judicial"), ("seal_again", "")]


async def test_whatever_stands_against_unsealing_is_refused_in_the_same_words(
    stage: Stage, approver: str
) -> None:
    """Not an approver, not the organ that sealed, not sealed, no case, nobody who may inquire: none tells of a case."""
    closed, running = (
        await sealed(stage),
        (await stage.do("doctor", "tell", input=ANJI | {"name": "李四"})).case_id,
    )
    assert running is not None
    hospital = str(stage.actors["doctor"].organ.id)
    said = set()
    for who, case, changes in (
        (approver, uuid4(), {}),
        (approver, running, {}),
        ("police", closed, {}),
        ("watcher", closed, {}),
        ("elsewhere", closed, {}),
        (approver, closed, {"requester": hospital}),
        (approver, closed, {"requester": str(uuid4())}),
    ):
        with pytest.raises(UnsealingRefused) as refusal:
            await unseal(stage, who, case, **changes)
        said.add(str(refusal.value.reply("zh")))
    assert len(said) == 1
    assert await stage.count("case_grant") == 0


@pytest.mark.parametrize(
    "changes",
    [{"ground": "curiosity"}, {"days": 31}, {"request_number": ""}, {"purpose": ""}, {"purpose": "     "}],
)
async def test_unsealing_needs_one_of_two_grounds_a_request_a_purpose_and_an_end(
    stage: Stage, approver: str, changes: dict[str, Any]
) -> None:
    case = await sealed(stage)
    with pytest.raises(InvalidInput):
        await unseal(stage, approver, case, **changes)


async def end(stage: Stage, who: str, grant: str) -> ActResult:
    region = stage.actors[who].organ.region
    return await stage.do(who, "end_grant", namespace="access", input={"grant": grant}, region=region)


async def test_an_unsealing_is_taken_back_by_an_approver_of_who_gave_it(
    stage: Stage, approver: str, tmp_path: Path
) -> None:
    case, inquirer = await sealed(stage), stage.actors["elsewhere"]
    grant = (await unseal(stage, approver, case)).output["grant"]
    said = set()
    for who, named in (
        ("police", grant),
        ("watcher", grant),
        ("elsewhere", grant),
        (approver, str(uuid4())),
    ):
        with pytest.raises(NoSuchThing) as refusal:
            await end(stage, who, named)
        said.add(str(refusal.value.reply("zh")))
    assert len(said) == 1
    await stage.reading.open_case(inquirer, case)
    await end(stage, approver, grant)
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(inquirer, case)
    with pytest.raises(InvalidInput):
        await end(stage, approver, grant)
    stage.clock.advance(3 * DAY)
    await drain(stage, effects_of(stage, tmp_path))
    ends = [
        (leaf["action"], leaf["code"], [row["table"] for row in leaf["rows"]])
        for leaf in await stage.leaves()
        if leaf["action"] in ("end_grant", "seal_again") and leaf["outcome"] == "done"
    ]
    assert ends == [("end_grant", "unsealing.ended", ["case_grant"])]


async def test_a_broken_glass_is_ended_by_who_reviews_it(stage: Stage) -> None:
    case, reader = await told(stage), stage.actors["elsewhere"]
    grant = (await break_glass(stage, "elsewhere", case=str(case))).output["grant"]
    for who in ("police", "elsewhere"):
        with pytest.raises(ActionNotAllowed):
            await end(stage, who, grant)
    await stage.reading.open_case(reader, case)
    await end(stage, "watcher", grant)
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(reader, case)
    await review(stage, "watcher", grant)


async def test_a_sealed_case_is_opened_to_a_department_that_the_organ_has(
    stage: Stage, approver: str
) -> None:
    case = await sealed(stage)
    await unseal(stage, approver, case, department="刑侦大队")
    async with stage.store.unit_of_work() as uow:
        await uow.insert(
            "department",
            {
                "id": uuid4(),
                "organ_id": stage.actors["elsewhere"].organ.id,
                "name": "法制大队",
                "valid_from": stage.clock.now().date(),
            },
        )
    with pytest.raises(UnsealingRefused):
        await unseal(stage, approver, case, department="刑侦大队")
    await unseal(stage, approver, case, department="法制大队")


async def test_approvers_find_who_may_inquire_nearest_first_and_nobody_else_finds_any(
    stage: Stage, approver: str
) -> None:
    """The police may, the hospital may not; a division's list goes up to its province and not sideways."""
    chief = stage.actors[approver]
    async with stage.store.unit_of_work() as uow:
        above = await Directory(stage.tree).organ_add(
            uow,
            name="省厅",
            name_en="Department",
            type="police",
            level="province",
            region="330000",
            valid_from=date(2020, 1, 1),
        )
    found = await stage.reading.inquirers(chief, "330782")
    assert [organ.id for organ in found] == [stage.actors["elsewhere"].organ.id, above.id]
    for nobody in (stage.actors["police"], replace(chief, scopes=frozenset())):
        assert await stage.reading.inquirers(nobody, "330782") == []
