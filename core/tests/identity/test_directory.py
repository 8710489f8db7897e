"""The directory registers strictly and finds who may act today."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import uuid4

import pytest

from gongzhi.clock import VirtualClock
from gongzhi.errors import AlreadyExists, DutiesExclude, GongzhiError, InvalidInput, NoSuchRegion, NoSuchThing
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, LINE_OF_TYPE, LINES, ORGAN_TYPES
from gongzhi.identity.codes import synthetic_uscc
from gongzhi.identity.directory import Directory
from gongzhi.store import Store

from .conftest import LONG_AGO, PASSWORD, Town

ORGAN: dict[str, Any] = {
    "name": "安吉县人民检察院",
    "name_en": "Anji Procuratorate",
    "type": "procuratorate",
    "level": "county",
    "region": "330523",
    "valid_from": LONG_AGO,
}


def test_every_organ_type_belongs_to_a_line() -> None:
    assert LINE_OF_TYPE.keys() == ORGAN_TYPES.keys()
    assert set(LINE_OF_TYPE.values()) == set(LINES)


async def test_an_organ_gets_the_line_of_its_type(store: Store, directory: Directory) -> None:
    async with store.unit_of_work() as uow:
        organ = await directory.organ_add(uow, **ORGAN, uscc=synthetic_uscc(1), code_word="安检")
        assert (organ.line, organ.code_word) == ("procuratorial", "安检")
        assert await directory.organ(uow, organ.id) == organ
        assert await directory.organs(uow, [organ.id, uuid4()]) == {organ.id: organ}
        assert [(change.table, change.before) for change in uow.changes] == [("organ", None)]


IMPOSSIBLE_ORGANS: list[tuple[dict[str, Any], type[GongzhiError]]] = [
    ({"type": "court"}, InvalidInput),
    ({"line": "weather"}, InvalidInput),
    ({"level": "village"}, InvalidInput),
    ({"region": "339999"}, NoSuchRegion),
    ({"uscc": synthetic_uscc(2)[:-1] + "?"}, InvalidInput),
    ({"uscc": synthetic_uscc(1)}, AlreadyExists),
]


async def test_an_organ_that_can_not_be_is_refused(store: Store, directory: Directory) -> None:
    async with store.unit_of_work() as uow:
        await directory.organ_add(uow, **ORGAN, uscc=synthetic_uscc(1))
    for change, refusal in IMPOSSIBLE_ORGANS:
        with pytest.raises(refusal):
            async with store.unit_of_work() as uow:
                await directory.organ_add(uow, **{**ORGAN, **change})
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM organ") == 1


async def test_organs_of_a_region_are_those_of_today(
    store: Store, directory: Directory, clock: VirtualClock
) -> None:
    now = clock.now()
    async with store.unit_of_work() as uow:
        procuratorate = await directory.organ_add(uow, **ORGAN)
        await directory.organ_add(uow, **{**ORGAN, "valid_to": date(2026, 11, 23)})
        await directory.organ_add(uow, **{**ORGAN, "valid_from": date(2026, 11, 24)})
        await directory.organ_add(uow, **{**ORGAN, "region": "330500"})
        police = await directory.organ_add(uow, **{**ORGAN, "type": "police"})
        assert await directory.organs_of_region(uow, "330523", now=now) == [police, procuratorate]
        assert await directory.organs_of_region(uow, "330523", now=now, types=["police"]) == [police]


async def test_three_administrators_are_three_people_who_handle_nothing(town: Town) -> None:
    """GB/T 22239-2019: system, security and audit administration are separate (三员分立)."""
    post: dict[str, Any] = {"organ_id": town.police.id, "title": "管理员", "valid_from": LONG_AGO}
    for pair in (*combinations(sorted(ADMINISTRATOR_DUTIES), 2), ("audit_admin", "handler")):
        async with town.store.unit_of_work() as uow:
            person = await town.directory.person_add(uow, name="张三")
            with pytest.raises(DutiesExclude):
                await town.directory.post_add(uow, person_id=person, duties=pair, **post)
            await town.directory.post_add(uow, person_id=person, duties=pair[:1], **post)
            with pytest.raises(DutiesExclude):
                await town.directory.post_add(uow, person_id=person, duties=pair[1:], **post)


async def test_an_administrator_may_take_another_office_after_the_first_has_ended(town: Town) -> None:
    async with town.store.unit_of_work() as uow:
        person = await town.directory.person_add(uow, name="张三")
        post: dict[str, Any] = {"organ_id": town.police.id, "person_id": person, "title": "管理员"}
        end = date(2026, 6, 1)
        await town.directory.post_add(uow, duties=["audit_admin"], valid_from=LONG_AGO, valid_to=end, **post)
        await town.directory.post_add(uow, duties=["system_admin"], valid_from=end, **post)


async def test_a_post_carries_known_duties(town: Town) -> None:
    async with town.store.unit_of_work() as uow:
        person = await town.directory.person_add(uow, name="张三")
        post: dict[str, Any] = {"organ_id": town.police.id, "person_id": person, "title": ""}
        for duties in ([], ["emperor"]):
            with pytest.raises(InvalidInput):
                await town.directory.post_add(uow, duties=duties, valid_from=LONG_AGO, **post)


IMPOSSIBLE_ACCOUNTS: list[tuple[dict[str, Any], type[GongzhiError]]] = [
    ({"login": "王"}, InvalidInput),
    ({"login": "a"}, InvalidInput),
    ({"login": "wang"}, AlreadyExists),
    ({"login": "ＷＡＮＧ"}, AlreadyExists),
    ({"password": "short"}, InvalidInput),
    ({"password": "x" * 201}, InvalidInput),
    ({"password": "Zhangsan-123"}, InvalidInput),
    ({"language": "fr"}, InvalidInput),
    ({"organ": True}, InvalidInput),
    ({"organ": True, "post": False, "password": PASSWORD}, InvalidInput),
    ({"post": False}, InvalidInput),
]


async def test_an_account_that_can_not_be_is_refused(town: Town) -> None:
    for change, refusal in IMPOSSIBLE_ACCOUNTS:
        wanted: dict[str, Any] = {"login": "zhangsan", "post": True, "organ": False, **change}
        post_id = town.wang_post if wanted.pop("post") else None
        organ_id = town.police.id if wanted.pop("organ") else None
        with pytest.raises(refusal):
            async with town.store.unit_of_work() as uow:
                await town.directory.account_add(uow, post_id=post_id, organ_id=organ_id, **wanted)


async def test_an_account_stands_for_its_post(town: Town, clock: VirtualClock) -> None:
    async with town.store.unit_of_work() as uow:
        wang = await town.directory.actor(uow, "wang", clock.now())
        clinic = await town.directory.actor(uow, "clinic", clock.now())
    assert (wang.name, wang.organ, wang.department, wang.title) == ("王安", town.police, "criminal", "民警")
    assert (wang.kind, wang.duties, wang.language) == ("person", frozenset({"handler"}), "zh")
    assert (clinic.name, clinic.organ, clinic.department) == (town.hospital.name, town.hospital, "")
    assert (clinic.kind, clinic.duties) == ("service", frozenset({"handler"}))


async def test_a_post_ends_at_midnight_in_china(town: Town) -> None:
    last_minute = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)
    async with town.store.unit_of_work() as uow:
        await town.directory.post_end(uow, town.wang_post, valid_to=date(2026, 11, 23))
        assert (await town.directory.actor(uow, "wang", last_minute)).login == "wang"
        with pytest.raises(NoSuchThing):
            await town.directory.actor(uow, "wang", last_minute + timedelta(minutes=1))


async def test_a_closed_account_stands_for_nobody_until_it_is_opened(town: Town, clock: VirtualClock) -> None:
    async with town.store.unit_of_work() as uow:
        await town.directory.account_disable(uow, "wang", clock.now())
        with pytest.raises(NoSuchThing):
            await town.directory.actor(uow, "wang", clock.now())
        await town.directory.account_enable(uow, "wang")
        assert (await town.directory.actor(uow, "wang", clock.now())).account_id == town.wang


async def test_who_is_on_duty_in_an_organ_and_its_departments(town: Town, clock: VirtualClock) -> None:
    async with town.store.unit_of_work() as uow:
        here = await town.directory.on_duty(uow, town.police.id, now=clock.now())
        traffic = await town.directory.on_duty(uow, town.police.id, now=clock.now(), department="traffic")
        approvers = await town.directory.on_duty(uow, town.police.id, now=clock.now(), duties=["approver"])
    assert [colleague.name for colleague in here] == ["李宁", "王安"]
    assert (traffic, approvers) == ([], [])


async def test_a_demo_offers_its_people_only(town: Town, clock: VirtualClock) -> None:
    async with town.store.unit_of_work() as uow:
        assert [actor.login for actor in await town.directory.demo_actors(uow, clock.now())] == ["demo-li"]
