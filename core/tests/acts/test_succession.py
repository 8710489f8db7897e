"""One organ takes another's place: what waits and what runs goes over, what is past stays, nobody else sees more."""

from __future__ import annotations

import asyncio
import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.commands import succession
from gongzhi.commands.succession import succeed
from gongzhi.errors import (
    ActionNotAllowed,
    AlreadyExists,
    DirectoryBusy,
    GongzhiError,
    InvalidInput,
    NoSuchRegion,
    NoSuchThing,
    Refused,
    SceneNotEnabled,
)
from gongzhi.identity.actors import Organ
from gongzhi.identity.directory import Directory
from gongzhi.identity.journal import IdentityAct
from gongzhi.identity.regions import RegionTree
from gongzhi.messaging.letters import DELIVER
from gongzhi.messaging.outbox import Message
from gongzhi.store import UnitOfWork
from gongzhi.trail import AuditJournal

from ..little_scene import WORKFLOW, text
from .conftest import SINCE, Stage
from .test_effects import effects_of

pytestmark = pytest.mark.anyio

TREE = RegionTree.load()
TODAY = date(2026, 3, 4)
ORDER = "浙编办〔2026〕7号"
TOLD = {"place": "330523", "about": "伤情"}


@pytest.fixture
def scene_options() -> dict[str, Any]:
    """The sender may take the notice back."""
    changed: dict[str, Any] = copy.deepcopy(WORKFLOW)
    changed["states"]["withdrawn"] = {"title": text("已撤回")}
    changed["actions"]["withdraw"] = {
        "title": text("撤回"),
        "by": ["sender"],
        "transitions": [{"from": "told", "to": "withdrawn"}],
        "withdraws": "notice",
        "cancels": ["answer"],
    }
    return {"workflow": changed}


async def organ(stage: Stage, like: str, **change: Any) -> Organ:
    """An organ of the type and division of a known actor's, with somebody in it whose login is its name."""
    known, directory = stage.actors[like].organ, Directory(TREE)
    wanted = {"name": "新单位", "type": known.type, "level": known.level, "region": known.region, **change}
    async with stage.store.unit_of_work() as uow:
        added = await directory.organ_add(uow, name_en="new", valid_from=SINCE, **wanted)
        person = await directory.person_add(uow, name="新")
        post = await directory.post_add(
            uow, person_id=person, organ_id=added.id, title="x", duties=["handler"], valid_from=SINCE
        )
        await directory.account_add(uow, login=f"in-{like}", post_id=post)
        stage.actors[f"in-{like}"] = await directory.actor(uow, f"in-{like}", stage.clock.now())
    return added


async def next_organ(stage: Stage, like: str, name: str) -> Organ:
    """An organ of the type, level and division of a known actor's, with nobody in it yet."""
    known = stage.actors[like].organ
    async with stage.store.unit_of_work() as uow:
        return await Directory(TREE).organ_add(
            uow,
            name=name,
            name_en="next",
            type=known.type,
            level=known.level,
            region=known.region,
            valid_from=SINCE,
        )


async def take_place(stage: Stage, old: Organ, new: Organ, **change: Any) -> dict[str, int]:
    """Let `new` take the place of `old`, on record."""
    told: dict[str, Any] = {"since": TODAY, "document": ORDER, "now": stage.clock.now(), **change}
    async with stage.store.unit_of_work() as uow:
        taken = await succeed(uow, old.id, new.id, **told)
        act = IdentityAct(
            at=stage.clock.now(),
            action="succeed_organ",
            account_id=None,
            organ_id=new.id,
            region=new.region,
            outcome="done",
            code="",
            rows=tuple(uow.changes),
        )
        await AuditJournal(stage.audit).act(uow, act)
    async with stage.store.unit_of_work() as uow:
        for login in stage.actors:
            stage.actors[login] = await Directory(TREE).actor(uow, login, stage.clock.now())
    return dict(taken)


async def rows(stage: Stage, sql: str, *arguments: Any) -> list[dict[str, Any]]:
    async with stage.store.unit_of_work() as uow:
        return await uow.fetch(sql, *arguments)


async def readers(stage: Stage, case: UUID) -> set[str]:
    """Who can open the case."""
    found = set()
    for login, actor in stage.actors.items():
        try:
            await stage.reading.open_case(actor, case)
        except Refused:
            continue
        found.add(login)
    return found


async def told(stage: Stage) -> UUID:
    """A case that has been reported, its letters on their desks."""
    case = (await stage.do("doctor", "tell", input=TOLD)).case_id
    await stage.deliver()
    assert case is not None
    return case


async def test_the_successor_goes_on_where_the_predecessor_stood(stage: Stage) -> None:
    case = await told(stage)
    old, new = stage.actors["police"].organ, await organ(stage, "police")
    assert await take_place(stage, old, new) == {
        "posts": 1,
        "cases": 1,
        "letters": 1,
        "deadlines": 1,
        "bindings": 1,
        "grants": 0,
        "notices": 0,
    }
    assert stage.actors["police"].organ == new
    (letter,) = await rows(stage, "SELECT * FROM letter WHERE case_id = $1 AND copy_of IS NULL", case)
    await stage.do("in-police", "sign", namespace="letters", input={"letter": str(letter["id"])})
    (finished,) = await rows(stage, "SELECT state FROM cases WHERE id = $1", case)
    assert finished["state"] == ["received"]
    later = await told(stage)
    (bound,) = await rows(
        stage, "SELECT organ_id FROM case_organ WHERE case_id = $1 AND role = 'police'", later
    )
    assert bound["organ_id"] == new.id


async def test_nobody_but_the_successor_sees_more_than_before(stage: Stage) -> None:
    case = await told(stage)
    new = await organ(stage, "police")
    before = await readers(stage, case)
    assert "in-police" not in before
    await take_place(stage, stage.actors["police"].organ, new)
    assert await readers(stage, case) == before | {"in-police"}


async def test_what_is_past_stays_as_it_was(stage: Stage) -> None:
    case = await told(stage)
    old, new = stage.actors["watcher"].organ, await organ(stage, "watcher")
    (letter,) = await rows(stage, "SELECT id FROM letter WHERE copy_of IS NOT NULL")
    await stage.do("watcher", "sign", namespace="letters", input={"letter": str(letter["id"])})
    stage.clock.advance(timedelta(minutes=1))
    before = await rows(stage, "SELECT * FROM letter ORDER BY id")
    evidence = await rows(stage, "SELECT * FROM evidence ORDER BY id")
    await take_place(stage, old, new)
    assert await rows(stage, "SELECT * FROM letter ORDER BY id") == before
    assert await rows(stage, "SELECT * FROM evidence ORDER BY id") == evidence
    parts = await rows(
        stage,
        "SELECT * FROM case_organ WHERE role = 'watcher' ORDER BY since",
    )
    assert [(part["organ_id"], part["until"]) for part in parts] == [
        (old.id, stage.clock.now()),
        (new.id, None),
    ]
    view = await stage.reading.open_case(stage.actors["in-watcher"], case)
    assert {letter.to_organ.name.zh for letter in view.letters} == {"police的单位", "watcher的单位"}
    (kept,) = await rows(stage, "SELECT * FROM organ_successor")
    assert (kept["organ_id"], kept["successor_id"], kept["since"], kept["document"]) == (
        old.id,
        new.id,
        TODAY,
        ORDER,
    )
    (ended,) = await rows(stage, "SELECT * FROM organ WHERE id = $1", old.id)
    assert (ended["name"], ended["valid_to"]) == (old.name, TODAY)


async def test_a_successor_can_take_back_what_the_predecessor_sent(stage: Stage) -> None:
    case = await told(stage)
    await take_place(stage, stage.actors["doctor"].organ, await organ(stage, "doctor"))
    await stage.do("in-doctor", "withdraw", case)
    assert {row["state"] for row in await rows(stage, "SELECT state FROM letter")} == {"withdrawn"}


async def test_two_merge_into_one_and_doing_it_again_changes_nothing(stage: Stage) -> None:
    await told(stage)
    new = await organ(stage, "police")
    old, other = stage.actors["police"].organ, stage.actors["elsewhere"].organ
    await take_place(stage, old, new)
    await take_place(stage, other, new, elsewhere=True)
    assert stage.actors["elsewhere"].organ == new
    assert set((await take_place(stage, old, new)).values()) == {0}
    newer = await organ(stage, "watcher", type="police", name="更新的单位")
    await take_place(stage, new, newer)
    with pytest.raises(AlreadyExists):
        await take_place(stage, old, newer)


async def test_the_tables_agree_with_the_log_afterwards(stage: Stage) -> None:
    await stage.do("doctor", "tell", input=TOLD)
    await take_place(stage, stage.actors["police"].organ, await organ(stage, "police"))
    await Sequencer(stage.store, stage.clock).drain()
    found = (await scan(stage.store, stage.audit)).findings
    moved = {"case_organ", "letter", "deadline", "role_binding", "organ_successor"}
    assert [finding for finding in found if finding.table in moved] == []


async def test_organs_that_can_not_follow_each_other_are_refused(stage: Stage) -> None:
    await told(stage)
    police, watcher = stage.actors["police"].organ, stage.actors["watcher"].organ
    platform = stage.actors["auditor"].organ
    new = await organ(stage, "police")
    before = await stage.counts()
    wrong: list[tuple[Organ, Organ, dict[str, Any], type[GongzhiError]]] = [
        (police, police, {}, InvalidInput),
        (police, watcher, {}, InvalidInput),
        (platform, platform, {}, InvalidInput),
        (police, new, {"since": TODAY + timedelta(days=1)}, InvalidInput),
        (police, new, {"document": " "}, InvalidInput),
    ]
    for old, successor, change, refusal in wrong:
        with pytest.raises(refusal):
            await take_place(stage, old, successor, **change)
    async with stage.store.unit_of_work() as uow:
        with pytest.raises(NoSuchThing):
            await succeed(uow, police.id, UUID(int=1), since=TODAY, document=ORDER, now=stage.clock.now())
    assert await stage.counts() == before
    assert await stage.count("organ_successor") == 0


async def test_reach_does_not_grow_by_a_merger(stage: Stage) -> None:
    city = await organ(stage, "above")
    county = await organ(stage, "watcher", name="县检察院")
    directory = Directory(TREE)
    async with stage.store.unit_of_work() as uow:
        person = await directory.person_add(uow, name="县管理员")
        await directory.post_add(
            uow, person_id=person, organ_id=county.id, title="x", duties=["region_admin"], valid_from=SINCE
        )
    with pytest.raises(InvalidInput):
        await take_place(stage, county, city, elsewhere=True)


async def test_who_administered_the_predecessor_does_not_administer_the_successor(stage: Stage) -> None:
    station, bureau = stage.actors["police"].organ, await organ(stage, "police")
    directory = Directory(TREE)
    async with stage.store.unit_of_work() as uow:
        for login, duties in (("both", ["handler", "organ_admin"]), ("only", ["organ_admin"])):
            person = await directory.person_add(uow, name=login)
            post = await directory.post_add(
                uow, person_id=person, organ_id=station.id, title="x", duties=duties, valid_from=SINCE
            )
            await directory.account_add(uow, login=login, post_id=post)
    await take_place(stage, station, bureau)
    async with stage.store.unit_of_work() as uow:
        both, only = [await directory.actor(uow, who, stage.clock.now()) for who in ("both", "only")]
    assert (both.organ, both.duties) == (bureau, frozenset({"handler"}))
    assert (only.organ, only.duties) == (bureau, frozenset())
    past = await rows(stage, "SELECT duties FROM post WHERE organ_id = $1 ORDER BY duties", station.id)
    assert {duty for post in past for duty in post["duties"]} == {"handler", "organ_admin"}


async def test_a_successor_of_another_line_is_refused(stage: Stage) -> None:
    with pytest.raises(InvalidInput) as refused:
        await take_place(
            stage, stage.actors["police"].organ, await organ(stage, "police", line="justice_administration")
        )
    assert refused.value.where == "/successor"


@pytest.mark.parametrize("other", [{"region": "330782"}, {"level": "township"}])
async def test_another_division_or_level_must_be_said(stage: Stage, other: dict[str, str]) -> None:
    old, new = stage.actors["police"].organ, await organ(stage, "police", **other)
    with pytest.raises(InvalidInput) as refused:
        await take_place(stage, old, new)
    assert refused.value.where == "/elsewhere"
    assert "--elsewhere" in refused.value.message("en")
    value = {"organ": str(old.id), "successor": str(new.id), "document": ORDER, "elsewhere": True}
    done = await stage.do("admin", "succeed_organ", namespace="directory", region="330000", input=value)
    assert done.output["posts"] == 1


async def test_an_administrator_of_both_divisions_lets_an_organ_succeed(stage: Stage) -> None:
    new = await organ(stage, "police")
    value = {"organ": str(stage.actors["police"].organ.id), "successor": str(new.id), "document": ORDER}
    for who in ("police", "auditor", "doctor"):
        with pytest.raises(ActionNotAllowed):
            await stage.do(
                who,
                "succeed_organ",
                namespace="directory",
                region=stage.actors[who].organ.region,
                input=value,
            )
    done = await stage.do("admin", "succeed_organ", namespace="directory", region="330000", input=value)
    assert done.output["posts"] == 1


async def test_no_administrator_takes_another_organs_cases_into_their_own(stage: Stage) -> None:
    new = await organ(stage, "admin")
    await told(stage)
    for old, successor in ((new, stage.actors["admin"].organ), (stage.actors["admin"].organ, new)):
        with pytest.raises(ActionNotAllowed) as refused:
            await stage.do(
                "admin",
                "succeed_organ",
                namespace="directory",
                region="330000",
                input={"organ": str(old.id), "successor": str(successor.id), "document": ORDER},
            )
        assert "不能办理本人所在单位的继受" in refused.value.message("zh")
        assert "nobody lets their own organ take another's place" in refused.value.message("en")
        assert "of another organ" in refused.value.remedy("en")
    assert await stage.count("organ_successor") == 0


async def test_a_merger_that_would_have_to_wait_gives_up_and_a_wrong_one_does_not_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(succession, "LONGEST_WAIT", "200ms")
    old, new, wrong = (
        stage.actors["police"].organ,
        await organ(stage, "police"),
        stage.actors["watcher"].organ,
    )
    held, done = asyncio.Event(), asyncio.Event()

    async def act_for_long() -> None:
        async with stage.store.unit_of_work() as uow:
            await uow.execute("LOCK TABLE case_organ IN ROW EXCLUSIVE MODE")
            held.set()
            await done.wait()

    acting = asyncio.create_task(act_for_long())
    await held.wait()
    try:
        with pytest.raises(DirectoryBusy):
            await take_place(stage, old, new)
        with pytest.raises(InvalidInput):
            await take_place(stage, old, wrong)
    finally:
        done.set()
        await acting
    assert (await take_place(stage, old, new))["posts"] == 1


async def test_many_cases_go_over_in_few_statements(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await told(stage)
    new = await organ(stage, "police")
    update, one_by_one = UnitOfWork.update, []

    async def counted(uow: UnitOfWork, table: str, row: Any, /, **changes: Any) -> Any:
        one_by_one.append(table)
        return await update(uow, table, row, **changes)

    monkeypatch.setattr(UnitOfWork, "update", counted)
    taken = await take_place(stage, stage.actors["police"].organ, new)
    assert (taken["letters"], taken["deadlines"]) == (3, 3)
    assert one_by_one == ["organ"]


async def test_a_successor_that_reports_again_finds_the_predecessors_case(stage: Stage) -> None:
    named = {**TOLD, "name": "王五"}
    first = await stage.do("doctor", "tell", input=named)
    for name in ("中间的单位", "更新的单位"):
        await take_place(stage, stage.actors["doctor"].organ, await next_organ(stage, "doctor", name))
    again = await stage.do("doctor", "tell", input={**named, "about": "又一次"})
    assert (again.case_id, again.existing) == (first.case_id, True)
    await organ(stage, "doctor", name="无关的单位")
    assert not (await stage.do("in-doctor", "tell", input=named)).existing


async def test_a_letter_that_is_given_up_is_told_to_the_senders_successor(
    stage: Stage, tmp_path: Path
) -> None:
    case = (await stage.do("doctor", "tell", input=TOLD)).case_id
    new = await organ(stage, "doctor")
    await take_place(stage, stage.actors["doctor"].organ, new)
    letters = await rows(stage, "SELECT id FROM letter WHERE case_id = $1 AND copy_of IS NULL", case)
    message = Message(id=uuid4(), topic=DELIVER, payload={"letter": str(letters[0]["id"])}, attempts=1)
    async with stage.store.unit_of_work() as uow:
        await effects_of(stage, tmp_path).give_up(uow, message, stage.clock.now())
    assert await rows(stage, "SELECT organ_id FROM notice") == [{"organ_id": new.id}]


async def test_a_grant_that_still_holds_goes_over_and_one_that_is_over_stays(stage: Stage) -> None:
    case = await told(stage)
    old, now = stage.actors["elsewhere"].organ, stage.clock.now()
    grant = {
        "case_id": case,
        "kind": "unsealing",
        "role": "watcher",
        "organ_id": old.id,
        "sealed": False,
        "reason": "judicial",
        "given_by": stage.actors["watcher"].account_id,
        "at": now - timedelta(days=2),
    }
    async with stage.store.unit_of_work() as uow:
        await uow.insert(
            "case_grant",
            {**grant, "id": UUID(int=1), "until": now + timedelta(days=1)},
            {**grant, "id": UUID(int=2), "until": now - timedelta(days=1)},
        )
    assert "elsewhere" in await readers(stage, case)
    new = await organ(stage, "elsewhere")
    assert (await take_place(stage, old, new))["grants"] == 1
    assert {"elsewhere", "in-elsewhere"} <= await readers(stage, case)
    kept = await rows(stage, "SELECT organ_id FROM case_grant ORDER BY id")
    assert [row["organ_id"] for row in kept] == [new.id, old.id]


async def test_an_old_division_in_a_report_finds_its_successor_or_asks(stage: Stage) -> None:
    with pytest.raises(InvalidInput) as asked:
        await stage.do("doctor", "tell", input={**TOLD, "place": "330104"})
    assert "上城区 330102、钱塘区 330114" in asked.value.message("zh")
    with pytest.raises(SceneNotEnabled) as found:
        await stage.do("doctor", "tell", input={**TOLD, "place": "330103"})
    assert found.value.where == "/region/330105"
    with pytest.raises(NoSuchRegion):
        await stage.do("doctor", "tell", input={**TOLD, "place": "339999"})
