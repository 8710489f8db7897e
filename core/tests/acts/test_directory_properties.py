"""Over any sequence of acts: reach never grows, and the three administrators stay three people without cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.errors import Refused
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES, Actor
from gongzhi.identity.deputies import offered
from gongzhi.identity.directory import Directory
from gongzhi.identity.imports.imports import carry_out, hold_directory, make_plan
from gongzhi.identity.imports.sheets import Book, SheetRow
from gongzhi.identity.policy import RoleByType, Target, decide
from gongzhi.identity.regions import RegionTree

from .conftest import SINCE, Stage

pytestmark = pytest.mark.anyio

TREE = RegionTree.load()
PLACES = {"province": "330000", "city": "330500", "town": "330523", "clinic": "330523", "far": "330782"}
ACTS = (
    *("add_account",) * 4,
    *("change_post",) * 3,
    "end_post",
    "close_account",
    "open_account",
    "add_organ",
    *("deputise",) * 3,
    "end_deputyship",
    "leave",
)
REGIONS = (*sorted(set(PLACES.values())), "330521", "420000")
# One duty of each kind that differs in reach, so that sequences meet what must be refused.
KINDS = ("handler", "organ_admin", "region_admin", "security_admin", "audit_admin")
SEEDS = {
    "root": ("province", "region_admin"),
    "guard": ("province", "security_admin"),
    "mayor": ("city", "region_admin"),
    "chief": ("town", "organ_admin"),
    "clerk": ("town", "handler"),
}

PROPERTY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# The acts depend on what came of those before, so a seed draws them as they come; a failure shrinks to fewer acts.
seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 20)


def some_duties(chance: Random) -> list[str]:
    """One duty as a rule, now and then two."""
    return chance.sample(KINDS, 2 if chance.random() < 0.15 else 1)


class World:
    """Seeded organs and accounts on an emptied directory, and the acts that a sequence does in it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.directory = stage, Directory(TREE)
        self.organs: list[UUID] = []
        self.logins: list[str] = []
        self.deputyships: list[str] = []

    async def begin(self, seeds: Mapping[str, tuple[str, str]]) -> None:
        """Empty the directory and seed it."""
        by_place = {}
        async with self.stage.store.unit_of_work() as uow:
            await uow.execute("TRUNCATE organ, department, person, post, account, idempotency CASCADE")
            for place, region in PLACES.items():
                organ = await self.directory.organ_add(
                    uow,
                    name=place,
                    name_en=place,
                    type="police",
                    level=TREE.get(region).level,
                    region=region,
                    valid_from=SINCE,
                )
                by_place[place] = organ.id
            self.organs = list(by_place.values())
            for login, (place, duty) in seeds.items():
                person = await self.directory.person_add(uow, name=login)
                post = await self.directory.post_add(
                    uow,
                    person_id=person,
                    organ_id=by_place[place],
                    title="x",
                    duties=[duty],
                    valid_from=SINCE,
                )
                await self.directory.account_add(uow, login=login, post_id=post)
                self.logins.append(login)

    def step(self, chance: Random, acts: Sequence[str]) -> tuple[str, str, dict[str, Any]]:
        """Who tries what, and the act's input; mostly among what somebody could be allowed."""
        today = legal_day(self.stage.clock.now())
        act, who = chance.choice(acts), chance.choice(self.logins)
        holder = chance.choice([login for login in self.logins if login != who] or self.logins)
        organ = chance.choice([*self.organs, *[self.organs[2]] * 5])  # the town, mostly
        if act == "add_account":
            person = chance.randint(0, 3)
            return (
                who,
                act,
                {
                    "organ": str(organ),
                    "login": f"u{len(self.logins)}",
                    "name": f"人{person}",
                    "staff_code": f"P{person}",
                    "title": "x",
                    "duties": some_duties(chance),
                },
            )
        if act == "change_post":
            return who, act, {"login": holder, "duties": some_duties(chance)}
        if act == "end_post":
            day = today + timedelta(days=chance.randint(-3, 6))
            return who, act, {"login": holder, "valid_to": day.isoformat()}
        if act in ("deputise", "end_deputyship", "leave"):
            return who, act, self.about_deputies(chance, act, holder)
        if act == "add_organ":
            kind = chance.choice(["police", "police", "platform"])
            return who, act, {"name": "新单位", "type": kind, "region": chance.choice(REGIONS)}
        return who, act, {"login": holder}

    def about_deputies(self, chance: Random, act: str, holder: str) -> dict[str, Any]:
        """The input of an act about deputies or of leaving."""
        if act == "end_deputyship":
            return {"deputyship": chance.choice([*self.deputyships, str(UUID(int=0))])}
        if act == "leave":
            return {"login": holder} | (
                {"successor": chance.choice(self.logins)} if chance.random() < 0.5 else {}
            )
        first = legal_day(self.stage.clock.now()) + timedelta(days=chance.choice((0, 0, 0, 1)))
        return {
            "absent": chance.choice(self.logins),
            "deputy": holder,
            "reason": "leave",
            "valid_from": first.isoformat(),
            "valid_to": (first + timedelta(days=chance.randint(1, 6))).isoformat(),
        }

    async def take(self, who: str, act: str, value: dict[str, Any]) -> bool:
        """Let somebody try an act of the namespace `directory`; whether it was done."""
        stage = self.stage
        try:
            async with stage.store.unit_of_work() as uow:
                stage.actors[who] = await self.directory.actor(uow, who, stage.clock.now())
            region = stage.actors[who].organ.region
            done = await stage.do(who, act, namespace="directory", region=region, input=value)
        except Refused:
            return False
        if act == "add_account":
            self.logins.append(value["login"])
        if act == "add_organ":
            self.organs.append(UUID(done.output["organ"]))
        if act == "deputise":
            self.deputyships.append(done.output["deputyship"])
        return True

    async def in_place(self) -> list[tuple[Actor, Actor]]:
        """Everybody who is a deputy now: at the own post, and in the absent colleague's place."""
        found = []
        now = self.stage.clock.now()
        async with self.stage.store.unit_of_work() as uow:
            for login in self.logins:
                try:
                    actor = await self.directory.actor(uow, login, now)
                except Refused:
                    continue
                found += [(actor, one.actor) for one in await offered(uow, actor, now)]
        return found

    async def import_somebody(self, chance: Random) -> None:
        """The operators' import of one row; who holds the files holds the database, and no duty bounds them."""
        person, login = chance.randint(0, 3), f"u{len(self.logins)}"
        begins = legal_day(self.stage.clock.now()) + timedelta(days=chance.randint(-3, 6))
        cells = {
            "name": f"人{person}",
            "staff_code": f"P{person}",
            "login": login,
            "title": "x",
            "duties": "、".join(some_duties(chance)),
            "valid_from": begins.isoformat(),
        }
        if chance.random() < 0.6:
            cells["valid_to"] = (begins + timedelta(days=chance.randint(1, 6))).isoformat()
        async with self.stage.store.unit_of_work() as uow:
            organ = await self.directory.organ(uow, chance.choice(self.organs))
            cells |= {"organ": organ.name, "region": organ.region}
            book = Book()
            book.rows["people"].append(("人员岗位", SheetRow(number=2, cells=cells)))
            await hold_directory(uow)
            plan = await make_plan(uow, TREE, book, self.stage.clock.now())
            if plan.faults:
                return
            await carry_out(uow, plan, sha256=b"", now=self.stage.clock.now())
        self.logins.append(login)

    async def posts(self) -> dict[str, dict[str, Any]]:
        """Every post by its account's login, with its organ's name and division."""
        async with self.stage.store.unit_of_work() as uow:
            rows = await uow.fetch(
                "SELECT w.*, o.region, o.name AS organ, a.login FROM post w JOIN organ o ON o.id = w.organ_id"
                " JOIN account a ON a.post_id = w.id"
            )
        return {row["login"]: row for row in rows}


@PROPERTY
@given(
    seeded=st.sampled_from([("mayor",), ("chief",), ("chief", "clerk"), ("mayor", "chief", "clerk")]),
    seed=seeds,
    length=lengths,
)
async def test_reach_never_grows(stage: Stage, seeded: tuple[str, ...], seed: int, length: int) -> None:
    """Whoever a delegated administrator makes, and whoever those make, stays within the first one's bounds."""
    world, chance = World(stage), Random(seed)
    await world.begin({login: SEEDS[login] for login in seeded})
    before = await world.posts()
    for _ in range(length):
        who, act, value = world.step(chance, ACTS)
        done = await world.take(who, act, value)
        after = await world.posts()
        for row in after.values():
            assert not set(row["duties"]) & ADMINISTRATOR_DUTIES
            assert row["region"].startswith("3305")
            if "mayor" not in seeded:
                assert row["organ"] == "town"
                assert "region_admin" not in row["duties"]
        if done:
            assert after[who] == before[who]
            assert act != "deputise" or value["deputy"] != who
        else:
            assert after == before
        for own, acting in await world.in_place():
            assert acting.in_place_of is not None
            absent = next(row for row in after.values() if row["id"] == acting.in_place_of.post_id)
            assert acting.duties <= HANDLING_DUTIES & set(absent["duties"])
            assert own.duties & HANDLING_DUTIES
            assert acting.organ == own.organ
            assert acting.organ.region.startswith("3305")
            assert "mayor" in seeded or acting.organ.name == "town"
        before = after
    async with stage.store.unit_of_work() as uow:
        organs = await uow.fetch("SELECT region, type FROM organ WHERE name = '新单位'")
    assert all(row["region"].startswith("3305") and row["type"] != "platform" for row in organs)
    assert not organs or "mayor" in seeded


_MIXED = """
SELECT one.id FROM post one JOIN post other ON other.person_id = one.person_id
    AND daterange(one.valid_from, one.valid_to) && daterange(other.valid_from, other.valid_to)
CROSS JOIN unnest(one.duties) AS a (duty) CROSS JOIN unnest(other.duties) AS b (duty)
WHERE a.duty IN ('system_admin', 'security_admin', 'audit_admin') AND a.duty <> b.duty
"""


@PROPERTY
@given(seed=seeds, length=lengths)
async def test_the_three_administrators_are_three_people_and_see_no_case(
    stage: Stage, seed: int, length: int
) -> None:
    """On no day does one person hold an administrator's duty and any other, over all accounts and posts."""
    world, chance = World(stage), Random(seed)
    await world.begin(SEEDS)
    for _ in range(length):
        turn = chance.random()
        if turn < 0.25:
            await world.import_somebody(chance)
        elif turn < 0.4:
            stage.clock.advance(timedelta(days=chance.randint(1, 4)))
        else:
            await world.take(*world.step(chance, ACTS))
        async with stage.store.unit_of_work() as uow:
            assert await uow.fetch(_MIXED) == []
        for own, acting in await world.in_place():
            assert not (own.duties | acting.duties) & ADMINISTRATOR_DUTIES
        async with stage.store.unit_of_work() as uow:
            for login in world.logins:
                try:
                    actor = await world.directory.actor(uow, login, stage.clock.now())
                except Refused:
                    continue
                case = Target(
                    scene="little",
                    action="tell",
                    region=actor.organ.region,
                    organs={organ: [("police", "")] for organ in world.organs},
                    action_roles=frozenset({"police"}),
                    openers=frozenset({RoleByType(role="police", organ_type=actor.organ.type)}),
                )
                sees = [decide(actor, verb, case, TREE).allowed for verb in ("read", "act", "create")]
                assert sees == [bool(actor.duties & HANDLING_DUTIES)] * 3
                assert not (actor.duties & ADMINISTRATOR_DUTIES and any(sees))
