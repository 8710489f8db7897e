"""The policy's function and its SQL say the same of every case, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gongzhi.identity.actors import DUTIES, ORGAN_TYPES, Actor, Organ
from gongzhi.identity.policy import (
    Grant,
    LinePart,
    RoleByType,
    SceneReaders,
    Target,
    decide,
    visible_cases,
    ways_to_see,
)
from gongzhi.identity.regions import RegionTree
from gongzhi.store import Store, UnitOfWork

TREE = RegionTree.load()
NOW = datetime(2026, 11, 23, tzinfo=UTC)
REGIONS = ("330000", "330500", "330523", "330521", "330800", "441900", "429004", "420000")
TYPES = ("police", "procuratorate", "platform")
DEPARTMENTS = ("", "minors", "criminal")
ROLES = ("police", "procuratorate", "reporter", "platform")
SCENES = ("minor_protection", "other")
VERSIONS = ("1.0.0", "1.1.0")
STATES = ("open", "draft")
LINES = ("health", "education")
LEVELS = ("province", "city", "county", "unranked")
SCOPES = ("minor_protection:read", "other:read", "other:act", "inbox:read", "administration:read")
ACCOUNTS = (UUID(int=1), UUID(int=2))

assert set(TYPES) <= set(ORGAN_TYPES)


@dataclass(frozen=True, kw_only=True)
class StoredCase:
    id: UUID
    scene: str
    version: str
    region: str
    state: str
    sealed: bool
    involved: Sequence[tuple[Organ, str, str]]
    grants: Sequence[tuple[Grant, bool]] = ()
    """Each with whether it still holds."""

    def target(self, readers: Sequence[SceneReaders]) -> Target:
        organs: dict[UUID, list[tuple[str, str]]] = {}
        for organ, role, department in self.involved:
            organs.setdefault(organ.id, []).append((role, department))
        of_scene = [r for r in readers if (r.scene, r.version) == (self.scene, self.version)]
        return Target(
            scene=self.scene,
            action="read",
            region=self.region,
            organs=organs,
            sealed=self.sealed,
            supervisors=frozenset(s for r in of_scene for s in r.supervisors),
            line_readers=frozenset(s for r in of_scene for s in r.line_readers),
            line_parts=[
                LinePart(role=role, line=organ.line, level=organ.level, region=organ.region)
                for organ, role, _ in self.involved
            ],
            withheld=any(self.state in r.unsupervised for r in of_scene),
            sealed_readers=frozenset(role for r in of_scene for role in r.sealed_readers),
            grants=[grant for grant, holds in self.grants if holds],
        )


@dataclass(frozen=True, kw_only=True)
class World:
    organs: Sequence[Organ]
    actors: Sequence[Actor]
    cases: Sequence[StoredCase]
    readers: Sequence[SceneReaders]


def _grants(organs: Sequence[UUID]) -> st.SearchStrategy[Grant]:
    return st.builds(
        Grant,
        role=st.sampled_from(ROLES),
        organ_id=st.sampled_from(organs),
        department=st.sampled_from(DEPARTMENTS),
        account_id=st.sampled_from((None, *ACCOUNTS)),
        sealed=st.booleans(),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    organs = [
        Organ(
            id=UUID(int=number),
            name="机关",
            name_en="organ",
            type=draw(st.sampled_from(TYPES)),
            line=draw(st.sampled_from(LINES)),
            level=draw(st.sampled_from(LEVELS)),
            region=draw(st.sampled_from(REGIONS)),
            code_word="",
        )
        for number in range(1, draw(st.integers(2, 5)))
    ]
    duty_sets = st.one_of(st.just({"handler"}), st.sets(st.sampled_from(sorted(DUTIES)), max_size=2))
    actors = [
        Actor(
            account_id=draw(st.sampled_from(ACCOUNTS)),
            login="a",
            name="",
            kind=draw(st.sampled_from(("person", "person", "service"))),
            organ=draw(st.sampled_from(organs)),
            department=draw(st.sampled_from(DEPARTMENTS)),
            title="",
            duties=frozenset(draw(duty_sets)),
            language="zh",
            scopes=(scopes := draw(st.none() | st.frozensets(st.sampled_from(SCOPES)))),
            practice=scopes is not None and draw(st.booleans()),
        )
        for _ in range(draw(st.integers(1, 5)))
    ]
    cases = []
    for number in range(1, draw(st.integers(2, 9))):
        parts = st.tuples(st.sampled_from(organs), st.sampled_from(ROLES))
        involved = [
            (organ, role, draw(st.sampled_from(DEPARTMENTS)))
            for organ, role in draw(st.lists(parts, max_size=3, unique_by=lambda part: (part[0].id, part[1])))
        ]
        cases.append(
            StoredCase(
                id=UUID(int=number),
                scene=draw(st.sampled_from(SCENES)),
                version=draw(st.sampled_from(VERSIONS)),
                region=draw(st.sampled_from(REGIONS)),
                state=draw(st.sampled_from(STATES)),
                sealed=draw(st.booleans()),
                involved=involved,
                grants=draw(
                    st.lists(st.tuples(_grants([organ.id for organ in organs]), st.booleans()), max_size=2)
                ),
            )
        )
    supervisors = st.builds(
        RoleByType,
        role=st.sampled_from(ROLES),
        organ_type=st.sampled_from(TYPES),
        department=st.sampled_from(DEPARTMENTS),
    )
    readers = draw(
        st.lists(
            st.builds(
                SceneReaders,
                scene=st.sampled_from(SCENES),
                version=st.sampled_from(VERSIONS),
                supervisors=st.frozensets(supervisors, max_size=3),
                line_readers=st.frozensets(supervisors, max_size=3),
                unsupervised=st.frozensets(st.sampled_from(STATES), max_size=1),
                sealed_readers=st.frozensets(st.sampled_from(ROLES), max_size=2),
            ),
            max_size=4,
            unique_by=lambda reader: (reader.scene, reader.version),
        )
    )
    return World(organs=organs, actors=actors, cases=cases, readers=readers)


class _Undo(Exception):
    """Takes an example's rows back."""


@given(world=worlds(), first=st.integers(1, 3))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_function_and_the_condition_agree(store: Store, world: World, first: int) -> None:
    with pytest.raises(_Undo):
        async with store.unit_of_work() as uow:
            await _insert(uow, world)
            for actor in world.actors:
                condition, arguments = visible_cases(actor, TREE, first, scenes=world.readers, at=NOW)
                assert condition.count("(") == condition.count(")")
                before = [f"${n}::int IS NOT NULL" for n in range(1, first)]
                sql = f"SELECT c.id FROM cases c WHERE {' AND '.join([*before, condition])}"
                rows = await uow.fetch(sql, *range(1, first), *arguments)
                said = {
                    case.id
                    for case in world.cases
                    if decide(actor, "read", case.target(world.readers), TREE).allowed
                }
                assert {row["id"] for row in rows} == said
                ways, arguments = ways_to_see(actor, TREE, first, scenes=world.readers)
                one_by_one = " UNION ".join(
                    f"SELECT c.id FROM cases c WHERE {' AND '.join([*before, way.condition])}" for way in ways
                )
                found = await uow.fetch(one_by_one, *range(1, first), *arguments) if ways else []
                by_post = {
                    case.id
                    for case in world.cases
                    if decide(actor, "read", replace(case.target(world.readers), grants=()), TREE).allowed
                }
                assert {row["id"] for row in found} == by_post
                own = replace(actor, scopes=None, practice=False)
                assert said <= {
                    case.id
                    for case in world.cases
                    if decide(own, "read", case.target(world.readers), TREE).allowed
                }
            raise _Undo


async def _insert(uow: UnitOfWork, world: World) -> None:
    for organ in world.organs:
        row = {"id": organ.id, "name": "机关", "name_en": "organ", "type": organ.type, "line": organ.line}
        place = {"level": organ.level, "region": organ.region, "valid_from": date(2020, 1, 1)}
        await uow.insert("organ", {**row, **place})
    for account in ACCOUNTS:
        await uow.insert("account", {"id": account, "login": str(account), "kind": "person"})
    for case in world.cases:
        row = {
            "id": case.id,
            "scene": case.scene,
            "version": case.version,
            "region": case.region,
            "title": {"zh": "", "en": ""},
            "state": [case.state],
            "data": {},
            "minor": True,
            "sealed_at": NOW if case.sealed else None,
            "created_at": NOW,
            "updated_at": NOW,
            "row_version": 1,
        }
        await uow.insert("cases", row)
        for organ, role, department in case.involved:
            part = {"id": uuid4(), "case_id": case.id, "organ_id": organ.id, "role": role}
            await uow.insert("case_organ", {**part, "department": department, "since": NOW})
        for grant, holds in case.grants:
            await uow.insert(
                "case_grant",
                {
                    **vars(grant),
                    "id": uuid4(),
                    "case_id": case.id,
                    "kind": "unsealing" if grant.sealed else "break_glass",
                    "reason": "",
                    "given_by": ACCOUNTS[0],
                    "at": NOW,
                    "until": NOW + timedelta(days=1) if holds else NOW,
                },
            )
