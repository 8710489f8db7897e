"""Supervisors nudge (催办) the organ that must act: who may, whom it reaches, how often, and that it decides nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import ActResult
from gongzhi.errors import (
    ActionNotAllowed,
    GongzhiError,
    InvalidInput,
    NoSuchThing,
    NothingToNudge,
    NudgedAlready,
    SceneReadOnly,
)

from .conftest import Stage
from .test_reading import told

pytestmark = pytest.mark.anyio

WHY = "请尽快签收，张小满一家正在等候。"


async def nudge(stage: Stage, who: str, case: UUID | None, **given: Any) -> ActResult:
    key = given.pop("key", None)
    return await stage.do(
        who, "nudge", case, namespace="supervision", input={"reason": WHY, **given}, key=key, region="330500"
    )


async def rows(stage: Stage, sql: str, *args: Any) -> list[dict[str, Any]]:
    async with stage.store.unit_of_work() as uow:
        return await uow.fetch(sql, *args)


async def waits(stage: Stage, who: str) -> list[str]:
    return sorted(item.waits for item in (await stage.reading.inbox(stage.actors[who])).items)


async def test_a_supervisor_s_nudge_reaches_who_must_act_and_says_why(stage: Stage) -> None:
    case = await told(stage)
    assert (await stage.reading.open_case(stage.actors["above"], case)).may_nudge
    await nudge(stage, "above", case)
    assert await waits(stage, "police") == ["nudged", "sign"]
    assert (await stage.reading.inbox_counts(stage.actors["police"]))["nudged"].count == 1
    (alone,) = (await stage.reading.inbox(stage.actors["police"], waits="nudged")).items
    assert alone.waits == "nudged"
    (seen,) = (await stage.reading.open_case(stage.actors["police"], case)).nudges
    assert (seen.reason, seen.from_organ.id) == (WHY, stage.actors["above"].organ.id)
    assert seen.letter_id is not None
    inbox = (await stage.reading.inbox(stage.actors["police"])).items
    notice = next(item.id for item in inbox if item.waits == "nudged")
    await stage.do("police", "mark_read", namespace="letters", input={"notice": str(notice)})
    assert await waits(stage, "police") == ["sign"]


async def test_it_is_in_the_timeline_and_in_the_log_without_its_words(stage: Stage) -> None:
    case = await told(stage)
    await nudge(stage, "above", case)
    page = await stage.reading.timeline(stage.actors["police"], case)
    event = page.items[-1]
    assert (event.action, event.title.zh, event.role.zh) == ("nudge", "催办", "检察")
    assert event.organ is not None
    assert event.organ.id == stage.actors["above"].organ.id
    leaf = [leaf for leaf in await stage.leaves() if leaf["action"] == "nudge"][-1]
    assert (leaf["outcome"], leaf["case"], [row["table"] for row in leaf["rows"]]) == (
        "done",
        str(case),
        ["cases"],
    )
    assert "小满" not in str(leaf)
    (notice,) = await rows(stage, "SELECT * FROM notice WHERE kind = 'nudge'")
    assert "小满".encode() not in bytes(notice["note"])


async def test_it_changes_no_state_no_data_no_letter_and_no_clock(stage: Stage) -> None:
    case = await told(stage)
    tables = ("cases", "case_organ", "letter", "deadline", "evidence", "outbox")
    asked = {table: f"SELECT * FROM {table} ORDER BY id" for table in tables}
    before = {table: await rows(stage, sql) for table, sql in asked.items()}
    result = await nudge(stage, "above", case)
    assert result.state == ("told",)
    after = {table: await rows(stage, sql) for table, sql in asked.items()}
    for row in (*before["cases"], *after["cases"]):
        del row["row_version"]
    assert after == before


async def test_the_case_goes_on_after_it_and_the_log_agrees(stage: Stage) -> None:
    case = await told(stage)
    await nudge(stage, "above", case)
    await stage.do("police", "receive", case)
    seen = await stage.reading.timeline(stage.actors["watcher"], case)
    assert [event.action for event in seen.items] == ["tell", "nudge", "receive"]
    await Sequencer(stage.store, stage.clock).drain()
    found = await scan(stage.store, stage.audit)
    # The stage registers people and delivers letters past the log; the case itself is as the log says.
    assert [finding for finding in found.findings if finding.table in ("cases", "case_event")] == []


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("police", ActionNotAllowed),
        ("doctor", ActionNotAllowed),
        ("elsewhere", NoSuchThing),
        ("admin", NoSuchThing),
        ("auditor", NoSuchThing),
    ],
)
async def test_nobody_else_may(stage: Stage, who: str, refusal: type[GongzhiError]) -> None:
    case = await told(stage)
    region = "330782" if who == "elsewhere" else "330500"
    with pytest.raises(refusal):
        await stage.do(who, "nudge", case, namespace="supervision", input={"reason": WHY}, region=region)
    assert await stage.count("notice") == 0
    leaf = (await stage.leaves())[-1]
    assert (leaf["action"], leaf["outcome"], leaf["code"]) == ("nudge", "refused", refusal.code)
    if refusal is ActionNotAllowed:
        assert not (await stage.reading.open_case(stage.actors[who], case)).may_nudge


async def test_the_same_key_nudges_once(stage: Stage) -> None:
    case = await told(stage)
    first = await nudge(stage, "above", case, key="nudge-key-1")
    again = await nudge(stage, "above", case, key="nudge-key-1")
    assert (first.replayed, again.replayed) == (False, True)
    assert await stage.count("notice") == 1


async def test_an_organ_is_nudged_once_a_working_day_whoever_does(stage: Stage) -> None:
    case = await told(stage)  # Wednesday 4 March 2026
    await nudge(stage, "above", case)
    for who in ("above", "watcher"):
        with pytest.raises(NudgedAlready):
            await nudge(stage, who, case)
    stage.clock.advance(timedelta(days=1))
    await nudge(stage, "watcher", case)
    stage.clock.advance(timedelta(days=1))
    await nudge(stage, "above", case)  # Friday
    stage.clock.advance(timedelta(days=2))
    with pytest.raises(NudgedAlready):
        await nudge(stage, "above", case)  # Sunday
    stage.clock.advance(timedelta(days=1))
    await nudge(stage, "above", case)
    assert await stage.count("notice") == 4


async def test_every_supervisor_sees_who_nudged_and_when_the_next_may_be(stage: Stage) -> None:
    case = await told(stage)
    stage.clock.advance(timedelta(days=2))  # Friday 6 March
    await nudge(stage, "above", case)
    monday = datetime(2026, 3, 9, tzinfo=LEGAL_ZONE)
    for who, reason in (("above", WHY), ("watcher", None)):
        view = await stage.reading.open_case(stage.actors[who], case)
        assert (view.may_nudge, view.nudged_until) == (False, monday)
        (seen,) = view.nudges
        assert (seen.from_organ.id, seen.at, seen.reason) == (
            stage.actors["above"].organ.id,
            stage.clock.now(),
            reason,
        )
    assert (await stage.reading.open_case(stage.actors["police"], case)).nudged_until is None
    assert (await stage.reading.open_case(stage.actors["doctor"], case)).nudges == []
    stage.clock.advance(monday - stage.clock.now() - timedelta(microseconds=1))
    view = await stage.reading.open_case(stage.actors["watcher"], case)
    assert (view.may_nudge, view.nudged_until) == (False, monday)
    stage.clock.advance(timedelta(microseconds=1))
    view = await stage.reading.open_case(stage.actors["watcher"], case)
    assert (view.may_nudge, view.nudged_until) == (True, None)


async def test_it_may_be_about_one_letter_or_one_clock_of_the_case(stage: Stage) -> None:
    case, other = await told(stage), await told_another(stage)
    view = await stage.reading.open_case(stage.actors["above"], case)
    letter = next(item.id for item in view.letters if item.copy_of is None)
    strangers = (await stage.reading.open_case(stage.actors["above"], other)).letters[0].id
    with pytest.raises(NoSuchThing):
        await nudge(stage, "above", case, letter=str(strangers))
    with pytest.raises(NoSuchThing):
        await nudge(stage, "above", case, deadline=str(uuid4()))
    await nudge(stage, "above", case, letter=f"Letter:{letter}")
    stage.clock.advance(timedelta(days=1))
    await nudge(stage, "above", case, deadline=f"Deadline:{view.deadlines[0].id}")
    notices = await rows(stage, "SELECT letter_id, deadline_id FROM notice ORDER BY at")
    assert notices == [
        {"letter_id": letter, "deadline_id": None},
        {"letter_id": None, "deadline_id": view.deadlines[0].id},
    ]


async def told_another(stage: Stage) -> UUID:
    result = await stage.do("doctor", "tell", input={"place": "330523", "about": "another"})
    assert result.case_id is not None
    return result.case_id


async def test_who_has_nothing_to_do_is_not_nudged(stage: Stage) -> None:
    case = await told(stage)
    await stage.do("police", "receive", case)
    async with stage.store.unit_of_work() as uow:
        for table, state in (("letter", "replied"), ("deadline", "met")):
            for row in await uow.fetch(f"SELECT * FROM {table} WHERE case_id = $1", case):
                await uow.update(table, row, state=state)
    assert not (await stage.reading.open_case(stage.actors["above"], case)).may_nudge
    with pytest.raises(NothingToNudge):
        await nudge(stage, "above", case)


async def test_nobody_is_nudged_in_a_case_that_is_closed(stage: Stage) -> None:
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE cases SET closed_at = $2 WHERE id = $1", case, stage.clock.now())
    assert not (await stage.reading.open_case(stage.actors["above"], case)).may_nudge
    with pytest.raises(NothingToNudge):
        await nudge(stage, "above", case)
    assert await stage.count("notice") == 0


async def test_nobody_is_nudged_where_the_scene_takes_no_acts_any_more(stage: Stage) -> None:
    case = await told(stage)
    config = {"scene": "little", "region": "330523", "roles": [], "state": "read_only"}
    await stage.do("admin", "enable_scene", namespace="administration", region="330000", input=config)
    assert not (await stage.reading.open_case(stage.actors["above"], case)).may_nudge
    with pytest.raises(SceneReadOnly):
        await nudge(stage, "above", case)
    assert await stage.count("notice") == 0


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
async def test_a_reason_is_asked_for(stage: Stage, reason: str) -> None:
    case = await told(stage)
    with pytest.raises(InvalidInput):
        await nudge(stage, "above", case, reason=reason)
    assert await stage.count("notice") == 0
