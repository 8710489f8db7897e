"""Enabling a scene: every role bound wherever new cases may come, by organs that may play it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.cases.acting import CaseActing
from gongzhi.clock import HolidayCalendar
from gongzhi.commands import core_namespaces
from gongzhi.declarations import ActResult
from gongzhi.dispatch import Dispatcher
from gongzhi.errors import GongzhiError, IntakeClash, InvalidInput, NoSuchThing, RolesUnbound
from gongzhi.identity.directory import Directory
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import regions_served
from gongzhi.scenes.host import SceneHost

from ..little_scene import MODULE, install, write_scene
from .conftest import SINCE, START, Stage

pytestmark = pytest.mark.anyio

ANJI, HUZHOU, ZHEJIANG, YIWU = "330523", "330500", "330000", "330782"
TREE = RegionTree.load()

DOOR = """

from gongzhi.plugin import Intake, IntakeReply


@hookimpl
def gongzhi_intakes():
    return [Intake(method="GET", path="{path}", authentication="none", translate=lambda request: IntakeReply())]
"""


async def organ(stage: Stage, type_: str, region: str, **more: Any) -> str:
    """Register an organ and answer its id."""
    async with stage.store.unit_of_work() as uow:
        added = await Directory(TREE).organ_add(
            uow,
            name=f"{region}{type_}",
            name_en=type_,
            type=type_,
            level=TREE.get(region).level,
            region=region,
            valid_from=more.pop("valid_from", SINCE),
            **more,
        )
    return str(added.id)


def role(name: str, region: str, organ_id: str) -> dict[str, str]:
    return {"role": name, "region": region, "organ": organ_id}


async def enable(stage: Stage, region: str, *roles: dict[str, str], **more: Any) -> ActResult:
    given = {"scene": "little", "region": region, "roles": list(roles), **more}
    return await stage.do("admin", "enable_scene", namespace="administration", region=ZHEJIANG, input=given)


def with_doors(stage: Stage, folder: Path, **paths: str) -> None:
    """Let the stage have these scenes instead, each with one intake at its path."""
    points = [
        write_scene(folder, name, module=MODULE + DOOR.format(path=path), permissions=["intakes"])
        for name, path in paths.items()
    ]
    scenes = SceneHost(install(folder, *points))
    acting = CaseActing(stage.store, TREE, scenes, HolidayCalendar.load())
    stage.dispatch = Dispatcher(
        store=stage.store,
        clock=stage.clock,
        tree=TREE,
        audit=stage.audit,
        acting=acting,
        namespaces=core_namespaces(stage.store, TREE, scenes, acting),
    )


async def rows(stage: Stage) -> list[int]:
    return [await stage.count("enablement"), await stage.count("role_binding")]


async def test_a_city_is_not_enabled_while_one_county_lacks_a_role(stage: Stage) -> None:
    police, watcher = str(stage.actors["police"].organ.id), str(stage.actors["watcher"].organ.id)
    before = await rows(stage)
    with pytest.raises(RolesUnbound) as refusal:
        await enable(stage, HUZHOU, role("police", ANJI, police), role("watcher", ANJI, watcher))
    assert "330521 (police, watcher)" in refusal.value.message("en")
    assert "德清县 330521（police、watcher）" in refusal.value.message("zh")
    assert ANJI not in refusal.value.message("en")
    assert await rows(stage) == before


async def test_a_province_is_told_ten_counties_and_how_many_more(stage: Stage) -> None:
    with pytest.raises(RolesUnbound) as refusal:
        await enable(stage, ZHEJIANG)
    counties = regions_served(TREE, "county", ZHEJIANG, START.date())
    assert refusal.value.message("en").count("police, watcher") == 10
    assert f"and {len(counties) - 1 - 10} more" in refusal.value.message("en")


async def test_an_organ_bound_above_serves_every_county_below(stage: Stage) -> None:
    police = await organ(stage, "police", HUZHOU)
    await enable(
        stage,
        HUZHOU,
        role("police", HUZHOU, police),
        role("watcher", HUZHOU, str(stage.actors["above"].organ.id)),
    )
    told = await stage.do("doctor", "tell", input={"place": "330521", "about": "多处瘀伤"})
    assert told.state == ("told",)


async def test_a_county_that_takes_no_new_cases_needs_no_organ(stage: Stage) -> None:
    for county in TREE.children(HUZHOU):
        if county.code != ANJI:
            await enable(stage, county.code, state="retired")
    await enable(stage, HUZHOU)


async def test_a_county_enabled_already_is_enabled_again_without_naming_its_organs(stage: Stage) -> None:
    await enable(stage, ANJI, config={"days": 5})


async def test_a_role_that_nobody_can_sign_for_is_enabled_and_told(stage: Stage) -> None:
    assert "unmanned" not in (await enable(stage, ANJI)).output
    police = stage.actors["police"].organ.id
    found = {"region": ANJI, "role": "police", "organ": str(police), "department": "少年警务"}
    # Somebody works there, in another department than the one that is bound.
    bound = {**role("police", ANJI, str(police)), "department": "少年警务"}
    assert (await enable(stage, ANJI, bound)).output["unmanned"] == [found]
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE post SET department = '少年警务' WHERE organ_id = $1", police)
    assert "unmanned" not in (await enable(stage, ANJI)).output
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE post SET duties = '{organ_admin}' WHERE organ_id = $1", police)
    assert (await enable(stage, ANJI)).output["unmanned"] == [found]
    # What takes no new cases is not looked at.
    assert "unmanned" not in (await enable(stage, ANJI, state="closing")).output


async def test_an_organ_that_has_ended_plays_no_role_any_more(stage: Stage) -> None:
    async with stage.store.unit_of_work() as uow:
        ended = await uow.fetchrow("SELECT * FROM organ WHERE id = $1", stage.actors["police"].organ.id)
        assert ended is not None
        await uow.update("organ", ended, valid_to=date(2026, 3, 4))
    with pytest.raises(RolesUnbound) as refusal:
        await enable(stage, ANJI, config={"days": 5})
    assert "330523 (police)" in refusal.value.message("en")


@pytest.mark.parametrize(
    ("name", "region", "type_", "where_organ", "more", "error", "place"),
    [
        ("nobody", ANJI, "police", ANJI, {}, InvalidInput, "/roles/0/role"),
        ("sender", ANJI, "hospital", ANJI, {}, InvalidInput, "/roles/0/role"),
        ("police", YIWU, "police", YIWU, {}, InvalidInput, "/roles/0/region"),
        ("police", ANJI, "police", YIWU, {}, InvalidInput, "/roles/0/organ"),
        ("police", ANJI, "procuratorate", ANJI, {}, InvalidInput, "/roles/0/organ"),
        ("police", ANJI, "police", ANJI, {"valid_to": date(2026, 3, 4)}, InvalidInput, "/roles/0/organ"),
        ("police", ANJI, "police", ANJI, {"valid_from": date(2026, 3, 5)}, InvalidInput, "/roles/0/organ"),
        ("police", ANJI, None, ANJI, {}, NoSuchThing, "/roles/0/organ"),
    ],
)
async def test_an_organ_that_may_not_play_the_role_is_not_bound(
    stage: Stage,
    name: str,
    region: str,
    type_: str | None,
    where_organ: str,
    more: dict[str, Any],
    error: type[GongzhiError],
    place: str,
) -> None:
    organ_id = str(uuid4()) if type_ is None else await organ(stage, type_, where_organ, **more)
    async with stage.store.unit_of_work() as uow:
        before = await uow.fetch("SELECT * FROM role_binding ORDER BY id")
    with pytest.raises(error) as refusal:
        await enable(stage, ANJI, role(name, region, organ_id))
    assert (type(refusal.value), refusal.value.where) == (error, place)
    async with stage.store.unit_of_work() as uow:
        assert await uow.fetch("SELECT * FROM role_binding ORDER BY id") == before


async def test_an_organ_of_the_county_or_above_it_is_bound(stage: Stage) -> None:
    for place in (ANJI, HUZHOU, ZHEJIANG):
        organ_id = await organ(stage, "police", place)
        await enable(stage, ANJI, role("police", ANJI, organ_id))
        async with stage.store.unit_of_work() as uow:
            held = await uow.fetchval("SELECT organ_id FROM role_binding WHERE role = 'police'")
        assert held == UUID(organ_id)


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ("cds-services", "cds-services", True),
        ("cards/{id}", "cards/new", True),
        ("cards/{id}", "cards/new/all", False),
        ("first/cards", "second/cards", False),
    ],
)
async def test_two_scenes_in_one_region_have_no_door_in_common(
    stage: Stage, tmp_path: Path, first: str, second: str, clash: bool
) -> None:
    with_doors(stage, tmp_path, first=first, second=second)
    organs = {name: str(stage.actors[name].organ.id) for name in ("police", "watcher")}
    roles = [role(name, ANJI, organ_id) for name, organ_id in organs.items()]
    await enable(stage, ANJI, *roles, scene="first")
    if not clash:
        await enable(stage, ANJI, *roles, scene="second")
        return
    with pytest.raises(IntakeClash) as refusal:
        await enable(stage, ANJI, *roles, scene="second")
    assert "first and second" in refusal.value.message("en")
    await enable(stage, ANJI, state="closing", scene="first")
    await enable(stage, ANJI, *roles, scene="second")
    with pytest.raises(IntakeClash):
        await enable(stage, ANJI, state="enabled", scene="first")


async def test_a_door_in_another_county_is_no_clash_until_both_counties_have_it(
    stage: Stage, tmp_path: Path
) -> None:
    with_doors(stage, tmp_path, first="cds-services", second="cds-services")
    here = {name: str(stage.actors[name].organ.id) for name in ("police", "watcher")}
    there = {
        "police": str(stage.actors["elsewhere"].organ.id),
        "watcher": await organ(stage, "procuratorate", YIWU),
    }
    await enable(stage, ANJI, *(role(name, ANJI, one) for name, one in here.items()), scene="first")
    await enable(stage, YIWU, *(role(name, YIWU, one) for name, one in there.items()), scene="second")
    city = {"police": await organ(stage, "police", HUZHOU), "watcher": str(stage.actors["above"].organ.id)}
    with pytest.raises(IntakeClash):
        await enable(stage, HUZHOU, *(role(name, HUZHOU, one) for name, one in city.items()), scene="second")


@pytest.mark.parametrize(
    ("level", "region", "served"),
    [
        ("county", ANJI, [ANJI]),
        ("county", "441900", ["441900"]),
        ("city", ANJI, []),
        ("city", HUZHOU, [HUZHOU]),
        ("province", ZHEJIANG, [ZHEJIANG]),
        ("province", HUZHOU, []),
    ],
)
def test_cases_are_served_where_routing_lifts_them_to(level: str, region: str, served: list[str]) -> None:
    assert regions_served(TREE, level, region, START.date()) == served


async def test_what_enabling_is_not_told_stays_as_it_is(stage: Stage) -> None:
    async def stored() -> Any:
        async with stage.store.unit_of_work() as uow:
            row = await uow.fetchrow("SELECT state, config FROM enablement WHERE region = $1", ANJI)
        return row and dict(row)

    await enable(stage, ANJI, state="closing", config={"days": 5})
    await enable(stage, ANJI)
    assert await stored() == {"state": "closing", "config": {"days": 5}}
    await enable(stage, ANJI, config={})
    assert await stored() == {"state": "closing", "config": {}}
    await enable(stage, ANJI, state="enabled")
    assert await stored() == {"state": "enabled", "config": {}}
