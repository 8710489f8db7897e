"""An agency above reads the cases of its own line (条线), masked as its line's role is, where the scene says so."""

from __future__ import annotations

from typing import Any

import pytest

from gongzhi.errors import ActionNotAllowed, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.directory import Directory

from ..little_scene import manifest
from .conftest import SINCE, Stage
from .test_dispatch import ANJI
from .test_reading import told

pytestmark = pytest.mark.anyio


@pytest.fixture
def scene_options() -> dict[str, Any]:
    roles = manifest("little")["roles"]
    roles["sender"] = {**roles["sender"], "known_to": ["watcher"]}
    return {"roles": {**roles, "police": {**roles["police"], "reads": "L2", "line_above": True}}}


async def bureau(stage: Stage, login: str, level: str, region: str, line: str | None = None) -> Actor:
    """A police bureau with one handler."""
    directory = Directory(stage.tree)
    async with stage.store.unit_of_work() as uow:
        organ = await directory.organ_add(
            uow,
            name=login,
            name_en=login,
            type="police",
            level=level,
            region=region,
            valid_from=SINCE,
            line=line,
        )
        person = await directory.person_add(uow, name=login)
        post = await directory.post_add(
            uow, person_id=person, organ_id=organ.id, title="x", duties=["handler"], valid_from=SINCE
        )
        await directory.account_add(uow, login=login, post_id=post)
        stage.actors[login] = await directory.actor(uow, login, stage.clock.now())
    return stage.actors[login]


async def test_the_city_reads_as_its_county_does_and_is_shown_the_case_in_lists(stage: Stage) -> None:
    city = await bureau(stage, "city", "city", "330500")
    case = await told(stage)
    own = await stage.reading.open_case(stage.actors["police"], case)
    seen = await stage.reading.open_case(city, case)
    assert (seen.data, seen.masked, seen.role) == (own.data, own.masked, own.role)
    assert seen.data["name"] == "张*"
    assert seen.actions == []
    assert [organ.type for organ, role in seen.organs if role.zh == "报送单位"] == ["hidden"]
    assert [c.id for c in (await stage.reading.cases(city, "330500")).items] == [case]
    assert [c.id for c in (await stage.reading.cases(city, "330500", search=ANJI["about"])).items] == [case]
    assert (await stage.reading.case_count(city, "330500")).count == 1
    assert (await stage.reading.inbox(city)).items == []


@pytest.mark.parametrize(
    ("level", "region", "line"),
    [("city", "330800", None), ("county", "330523", None), ("city", "330500", "justice_administration")],
    ids=["another city", "a peer in the county", "another line"],
)
async def test_nobody_else_does(stage: Stage, level: str, region: str, line: str | None) -> None:
    other = await bureau(stage, "other", level, region, line)
    case = await told(stage)
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(other, case)
    assert (await stage.reading.cases(other, "330000")).items == []
    assert (await stage.reading.case_count(other, "330000")).count == 0


async def test_the_city_acts_on_nothing_of_it(stage: Stage) -> None:
    await bureau(stage, "city", "city", "330500")
    case = await told(stage)
    before = await stage.counts()
    with pytest.raises(ActionNotAllowed):
        await stage.do("city", "receive", case)
    assert await stage.counts() == before


async def test_it_ends_with_the_part_of_the_line(stage: Stage) -> None:
    city = await bureau(stage, "city", "city", "330500")
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        row = await uow.fetchrow("SELECT * FROM case_organ WHERE case_id = $1 AND role = 'police'", case)
        assert row is not None
        await uow.update("case_organ", row, until=stage.clock.now())
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(city, case)
    assert (await stage.reading.cases(city, "330500")).items == []
