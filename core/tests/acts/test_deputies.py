"""Deputies (AB角) and leavers: who may stand in for whom, what passes, and when it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gongzhi.declarations import ActResult
from gongzhi.errors import (
    AccountClosed,
    ActionNotAllowed,
    DutiesExclude,
    GongzhiError,
    InvalidInput,
    KeyReused,
    NoSuchThing,
    NotDeputy,
    SuccessorNeeded,
    TokenStale,
)
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import HANDLING_DUTIES, Actor
from gongzhi.identity.credentials import Credentials
from gongzhi.identity.deputies import passing_duties
from gongzhi.identity.directory import Directory
from gongzhi.identity.leaving import leave
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sessions import begin_session
from gongzhi.trail import AuditJournal

from .conftest import SINCE, Stage

pytestmark = pytest.mark.anyio

TREE = RegionTree.load()
ANJI = {"place": "330523", "about": "多处瘀伤", "name": "张三", "informant": "李医生"}

# Login, whose organ, department, duties.
PEOPLE = (
    ("chief", "police", "", ("organ_admin",)),
    ("boss", "police", "少年警务", ("approver", "organ_admin")),
    ("zhou", "police", "少年警务", ("handler",)),
    ("wu", "police", "治安", ("handler",)),
    ("zheng", "police", "治安", ("approver",)),
    ("clerk", "police", "治安", ("clerk",)),
    ("guard", "police", "", ("audit_admin",)),
    ("far", "elsewhere", "", ("handler",)),
    ("remote", "elsewhere", "", ("organ_admin",)),
)


@pytest.fixture
async def offices(stage: Stage) -> Stage:
    """The stage with colleagues in two departments of the police; the scene's police is the department 少年警务."""
    directory = Directory(TREE)
    async with stage.store.unit_of_work() as uow:
        for login, beside, department, duties in PEOPLE:
            person = await directory.person_add(uow, name=login, staff_code=f"S-{login}")
            post = await directory.post_add(
                uow,
                person_id=person,
                organ_id=stage.actors[beside].organ.id,
                department=department,
                title="x",
                duties=duties,
                valid_from=SINCE,
            )
            await directory.account_add(uow, login=login, post_id=post)
            stage.actors[login] = await directory.actor(uow, login, stage.clock.now())
    role = {"role": "police", "region": "330523", "organ": str(stage.actors["police"].organ.id)}
    await stage.do(
        "admin",
        "enable_scene",
        namespace="administration",
        region="330000",
        input={"scene": "little", "region": "330523", "roles": [{**role, "department": "少年警务"}]},
    )
    return stage


async def do(stage: Stage, who: str, action: str, **value: Any) -> ActResult:
    region = stage.actors[who].organ.region
    return await stage.do(who, action, namespace="directory", region=region, input=value)


def days(stage: Stage, first: int, until: int) -> dict[str, str]:
    """The days of a deputyship, counted from today."""
    today = legal_day(stage.clock.now())
    return {
        "valid_from": (today + timedelta(days=first)).isoformat(),
        "valid_to": (today + timedelta(days=until)).isoformat(),
    }


async def name(stage: Stage, who: str, absent: str, deputy: str, first: int = 0, until: int = 7) -> str:
    """Let somebody name a deputy; answers the deputyship's id."""
    given = {"absent": absent, "deputy": deputy, "reason": "leave", **days(stage, first, until)}
    said: str = (await do(stage, who, "deputise", **given)).output["deputyship"]
    return said


class Desk:
    """One person's session, with which they ask anew who they are."""

    def __init__(self, stage: Stage, token: str) -> None:
        self.stage, self.token = stage, token
        self.credentials = Credentials(store=stage.store, journal=AuditJournal(stage.audit), secret=bytes(32))

    @classmethod
    async def of(cls, stage: Stage, login: str) -> Desk:
        async with stage.store.unit_of_work() as uow:
            session = await begin_session(uow, stage.actors[login], stage.clock.now())
        return cls(stage, session.token)

    async def actor(self, deputyship: str | None = None) -> Actor:
        now = self.stage.clock.now()
        return await self.credentials.actor_from_session(self.token, now, deputyship=deputyship)


async def test_a_deputy_acts_at_the_absent_post_and_both_are_on_record(offices: Stage) -> None:
    case = (await offices.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    await offices.deliver()
    deputyship = await name(offices, "chief", "zhou", "wu")
    desk = await Desk.of(offices, "wu")
    own, acting = await desk.actor(), await desk.actor(deputyship)
    with pytest.raises(NoSuchThing):
        await offices.reading.timeline(own, case)
    assert (acting.account_id, acting.department) == (own.account_id, "少年警务")
    assert acting.duties == {"handler"}
    offices.actors["in_place"] = acting
    await offices.do("in_place", "receive", case)
    leaf = (await offices.leaves())[-1]
    sealer = offices.audit.sealer
    assert leaf["actor"] == sealer.pseudonym("actor", own.account_id)
    assert leaf["in_place_of"] == sealer.pseudonym("actor", offices.actors["zhou"].account_id)
    assert leaf["deputyship"] == deputyship
    events = (await offices.reading.timeline(acting, case)).items
    assert [event.by_deputy for event in events] == [False, True]


async def test_a_key_used_in_anothers_place_is_another_act(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "zhou", "boss")
    case = (await offices.do("doctor", "tell", input=ANJI)).case_id
    await offices.deliver()
    offices.actors["in_place"] = await (await Desk.of(offices, "boss")).actor(deputyship)
    await offices.do("in_place", "receive", case, key="one-and-the-same")
    with pytest.raises(KeyReused):
        await offices.do("boss", "receive", case, key="one-and-the-same")


async def test_only_duties_of_handling_pass_and_only_to_who_is_qualified() -> None:
    everything = {"clerk", "handler", "approver", "organ_admin", "region_admin"}
    assert passing_duties(everything, {"handler"}) == HANDLING_DUTIES
    assert passing_duties(everything, {"approver", "organ_admin"}) == HANDLING_DUTIES
    assert passing_duties(everything, {"clerk"}) == {"clerk"}
    for other in ("organ_admin", "region_admin", "audit_admin", "system_admin", "security_admin"):
        assert passing_duties(everything, {other}) == frozenset()
        assert passing_duties({other}, {"approver"}) == frozenset()


async def test_an_administrators_duties_stay_behind(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "boss", "zhou")
    acting = await (await Desk.of(offices, "zhou")).actor(deputyship)
    assert acting.duties == {"approver"}
    back = await name(offices, "admin", "wu", "boss", 8, 9)
    offices.clock.advance(timedelta(days=8))
    assert (await (await Desk.of(offices, "boss")).actor(back)).duties == {"handler"}


REFUSED: list[tuple[str, dict[str, str], type[GongzhiError]]] = [
    ("chief", {"deputy": "clerk"}, InvalidInput),
    ("chief", {"deputy": "chief"}, ActionNotAllowed),
    ("chief", {"deputy": "guard"}, InvalidInput),
    ("chief", {"absent": "guard"}, InvalidInput),
    ("chief", {"absent": "chief"}, InvalidInput),
    ("chief", {"deputy": "zhou"}, InvalidInput),
    ("chief", {"deputy": "far"}, NoSuchThing),
    ("chief", {"deputy": "nobody"}, NoSuchThing),
    ("admin", {"deputy": "far"}, InvalidInput),
    ("remote", {}, NoSuchThing),
    ("boss", {"deputy": "boss"}, ActionNotAllowed),
    ("chief", {"reason": "whim"}, InvalidInput),
    ("wu", {}, NoSuchThing),
    ("guard", {}, NoSuchThing),
]


async def test_what_does_not_fit_is_refused_and_nothing_is_stored(offices: Stage) -> None:
    right = {"absent": "zhou", "deputy": "wu", "reason": "leave", **days(offices, 0, 7)}
    for who, change, refusal in REFUSED:
        with pytest.raises(refusal):
            await do(offices, who, "deputise", **{**right, **change})
        assert (await offices.leaves())[-1]["outcome"] == "refused"
    for first, until in ((-1, 3), (3, 3), (3, 1), (0, 91)):
        with pytest.raises(InvalidInput):
            await name(offices, "chief", "zhou", "wu", first, until)
    await do(offices, "chief", "end_post", login="wu", valid_to=days(offices, 0, 5)["valid_to"])
    with pytest.raises(InvalidInput):
        await name(offices, "chief", "zhou", "wu")
    assert await offices.count("deputyship") == 0
    await name(offices, "chief", "zhou", "zheng", 0, 90)


async def test_who_would_name_themselves_is_told_so(offices: Stage) -> None:
    with pytest.raises(ActionNotAllowed) as refused:
        await name(offices, "chief", "zhou", "chief")
    assert "nobody names themselves a deputy" in refused.value.message("en")
    assert "不能指定本人代理他人" in refused.value.message("zh")
    assert refused.value.remedy("zh") == "请由另一名管理员办理。"


async def test_nobody_has_two_deputies_and_no_deputy_has_one(offices: Stage) -> None:
    await name(offices, "chief", "zhou", "wu")
    pairs = (("zhou", "zheng"), ("wu", "zheng"), ("zheng", "zhou"))
    for later, (absent, deputy) in enumerate(pairs, start=20):
        with pytest.raises(InvalidInput):
            await name(offices, "chief", absent, deputy, 6, 9)
        await name(offices, "chief", absent, deputy, later, later + 1)


async def test_it_holds_on_its_days_and_for_nobody_else(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "zhou", "wu", 1, 2)
    deputy, stranger = await Desk.of(offices, "wu"), await Desk.of(offices, "zheng")
    with pytest.raises(NotDeputy):
        await deputy.actor(deputyship)
    assert (await offices.leaves())[-1]["code"] == "not_deputy"
    offices.clock.advance(timedelta(days=1))
    deputy, stranger = await Desk.of(offices, "wu"), await Desk.of(offices, "zheng")
    assert (await deputy.actor(deputyship)).in_place_of is not None
    for desk, said in ((stranger, deputyship), (deputy, str(UUID(int=0))), (deputy, "'"), (deputy, "")):
        with pytest.raises(NotDeputy):
            await desk.actor(said)
    offices.clock.advance(timedelta(days=1))
    with pytest.raises(NotDeputy):
        await (await Desk.of(offices, "wu")).actor(deputyship)


@pytest.mark.parametrize("act", ["end_deputyship", "close_account", "end_post", "change_post", "leave"])
async def test_it_ends_at_once_with_whatever_it_stands_on(offices: Stage, act: str) -> None:
    deputyship = await name(offices, "chief", "wu", "zhou")
    desk = await Desk.of(offices, "zhou")
    await desk.actor(deputyship)
    given: dict[str, dict[str, Any]] = {
        "end_deputyship": {"deputyship": deputyship},
        "change_post": {"login": "wu", "duties": ["organ_admin"]},
        "leave": {"login": "wu", "successor": "clerk"},
    }
    await do(offices, "chief", act, **given.get(act, {"login": "wu"}))
    with pytest.raises(NotDeputy):
        await desk.actor(deputyship)
    assert (await desk.actor()).login == "zhou"


async def test_a_deputys_own_end_ends_it_too(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "zhou", "wu")
    desk = await Desk.of(offices, "wu")
    await do(offices, "chief", "change_post", login="wu", duties=["clerk"])
    with pytest.raises(NotDeputy):
        await desk.actor(deputyship)
    await do(offices, "chief", "change_post", login="wu", duties=["handler"])
    await do(offices, "chief", "end_post", login="wu")
    with pytest.raises(AccountClosed):
        await desk.actor(deputyship)


async def test_a_closed_account_that_opens_again_has_no_deputy(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "zhou", "wu")
    await do(offices, "chief", "close_account", login="zhou")
    await do(offices, "chief", "open_account", login="zhou")
    with pytest.raises(NotDeputy):
        await (await Desk.of(offices, "wu")).actor(deputyship)


async def test_a_deputyship_beyond_reach_is_one_that_is_not_there(offices: Stage) -> None:
    deputyship = await name(offices, "chief", "zhou", "wu")
    for who, said in (("remote", deputyship), ("chief", str(UUID(int=0)))):
        with pytest.raises(NoSuchThing):
            await do(offices, who, "end_deputyship", deputyship=said)
    await (await Desk.of(offices, "wu")).actor(deputyship)


async def test_a_leaver_is_out_at_once_and_it_is_one_act(offices: Stage) -> None:
    await do(offices, "chief", "change_post", login="zheng", duties=["approver", "handler"])
    mine = await name(offices, "chief", "zhou", "wu")
    desk = await Desk.of(offices, "wu")
    done = await do(offices, "chief", "leave", login="wu")
    assert done.output == {"duties": []}
    leaf = (await offices.leaves())[-1]
    assert (leaf["action"], leaf["outcome"]) == ("leave", "done")
    assert sorted(row["table"] for row in leaf["rows"]) == ["deputyship", "post"]
    for said in (None, mine):
        with pytest.raises(TokenStale):
            await desk.actor(said)
    async with offices.store.unit_of_work() as uow:
        with pytest.raises(NoSuchThing):
            await Directory(TREE).actor(uow, "wu", offices.clock.now())


async def test_a_duty_that_nobody_else_has_goes_to_a_named_successor(offices: Stage) -> None:
    with pytest.raises(SuccessorNeeded) as refused:
        await do(offices, "chief", "leave", login="wu")
    assert refused.value.facts == {"duties": "handler"}
    wrong: tuple[tuple[str, type[GongzhiError]], ...] = (
        ("zhou", InvalidInput),
        ("wu", InvalidInput),
        ("guard", ActionNotAllowed),
        ("far", NoSuchThing),
        ("nobody", NoSuchThing),
        ("chief", ActionNotAllowed),
    )
    for successor, refusal in wrong:
        with pytest.raises(refusal):
            await do(offices, "chief", "leave", login="wu", successor=successor)
    done = await do(offices, "chief", "leave", login="wu", successor="clerk")
    assert done.output == {"duties": ["handler"]}
    async with offices.store.unit_of_work() as uow:
        heir = await Directory(TREE).actor(uow, "clerk", offices.clock.now())
    assert heir.duties == {"clerk", "handler"}


async def test_the_last_of_a_department_does_not_leave_it_empty(offices: Stage) -> None:
    await do(offices, "admin", "change_post", login="boss", department="治安")
    with pytest.raises(SuccessorNeeded):
        await do(offices, "chief", "leave", login="zhou")
    await do(offices, "chief", "change_post", login="wu", department="少年警务")
    assert (await do(offices, "chief", "leave", login="zhou")).output == {"duties": []}


async def test_a_successor_among_the_three_administrators_is_given_nothing(offices: Stage) -> None:
    async with offices.store.unit_of_work() as uow:
        guard = await uow.fetchval("SELECT post_id FROM account WHERE login = 'guard'")
        await Directory(TREE).post_change(uow, guard, department="少年警务")
        with pytest.raises(DutiesExclude):
            await leave(uow, Directory(TREE), "zhou", successor="guard", now=offices.clock.now())
    with pytest.raises(ActionNotAllowed):
        await do(offices, "chief", "leave", login="zhou", successor="guard")


async def test_nobody_sees_themselves_off(offices: Stage) -> None:
    for who in ("boss", "chief"):
        with pytest.raises(ActionNotAllowed):
            await do(offices, who, "leave", login=who)
