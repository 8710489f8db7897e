"""The one door: what an act writes, what a refusal leaves, and what a repeated key brings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gongzhi.errors import (
    ActionNotAllowed,
    GongzhiError,
    GuardFailed,
    ImpossibleDate,
    InvalidInput,
    KeyMissing,
    KeyReused,
    NoSuchThing,
    OrganOutsideRegion,
    RowChanged,
    SceneFault,
    SceneNotEnabled,
    SceneRefused,
    UnknownField,
    WrongState,
)

from .conftest import Stage

pytestmark = pytest.mark.anyio

ANJI = {"place": "330523", "about": "多处瘀伤", "name": "张三", "informant": "李医生"}
NESTED: list[Any] = []
for _ in range(1000):
    NESTED = [NESTED]
ENABLE = {"namespace": "administration", "region": "330000"}


async def test_one_act_writes_case_letters_clock_and_audit_row_together(stage: Stage) -> None:
    before = await stage.counts()
    result = await stage.do("doctor", "tell", input=ANJI)
    after = await stage.counts()
    assert {table: after[table] - before[table] for table in after} == {
        "cases": 1,
        "case_event": 1,
        "case_organ": 3,
        "letter": 2,
        "evidence": 2,
        "deadline": 1,
        "outbox": 3,
        "idempotency": 1,
    }
    assert result.state == ("told",)
    leaf = (await stage.leaves())[-1]
    assert (leaf["action"], leaf["outcome"], leaf["region"]) == ("tell", "done", "330523")
    assert sorted(row["table"] for row in leaf["rows"]) == [
        *["case_organ"] * 3,
        "cases",
        "deadline",
        *["letter"] * 2,
    ]


async def test_personal_fields_are_stored_encrypted_only(stage: Stage) -> None:
    result = await stage.do("doctor", "tell", input=ANJI)
    async with stage.store.unit_of_work() as uow:
        row = await uow.fetchrow("SELECT * FROM cases WHERE id = $1", result.case_id)
    assert row is not None
    assert row["data"] == {"place": "330523", "about": "多处瘀伤"}
    assert "张三".encode() not in row["personal"]
    assert not [leaf for leaf in await stage.leaves() if "张三" in str(leaf)]


@pytest.mark.parametrize(
    ("who", "action", "options", "error", "where"),
    [
        ("doctor", "tell", {"input": {**ANJI, "colour": "red"}}, UnknownField, "/colour"),
        ("doctor", "tell", {"input": {**ANJI, "born": "2012-02-31"}}, ImpossibleDate, "/born"),
        ("doctor", "tell", {"input": {"place": "330523"}}, InvalidInput, "/about"),
        ("doctor", "tell", {"input": {**ANJI, "about": "\x00"}}, InvalidInput, "/about"),
        ("doctor", "tell", {"input": {**ANJI, "place": "330782"}}, SceneNotEnabled, "/region/330782"),
        ("doctor", "tell", {"input": {**ANJI, "place": "330500"}}, InvalidInput, "/place"),
        ("doctor", "tell", {"input": {**ANJI, "about": "no"}}, SceneRefused, "/about"),
        ("doctor", "tell", {"input": {**ANJI, "about": "raise"}}, SceneFault, "/tell"),
        ("doctor", "tell", {"input": {**ANJI, "about": "nonsense"}}, SceneFault, "/tell"),
        ("doctor", "dance", {}, InvalidInput, "/action"),
        ("police", "tell", {"input": ANJI}, ActionNotAllowed, ""),
        ("elsewhere", "tell", {"input": ANJI}, OrganOutsideRegion, ""),
        ("doctor", "tell", {"input": {**ANJI, "about": "\ud800"}}, InvalidInput, "/about"),
        ("doctor", "tell", {"input": {**ANJI, "\x00": "x"}}, InvalidInput, "/"),
        ("doctor", "tell", {"input": {**ANJI, "about": NESTED}}, InvalidInput, "/about" + "/0" * 100),
        ("doctor", "tell", {"input": {**ANJI, "about": b"no JSON"}}, InvalidInput, "/"),
        ("doctor", "tell", {"input": ANJI, "key": "短"}, KeyMissing, "/key"),
        ("doctor", "tell", {"input": ANJI, "key": "\x00" * 9}, KeyMissing, "/key"),
        ("admin", "enable_scene", {**ENABLE, "input": {"scene": "\x00"}}, InvalidInput, "/scene"),
    ],
)
async def test_a_refused_act_changes_nothing_but_the_audit_log(
    stage: Stage, who: str, action: str, options: dict[str, Any], error: type[GongzhiError], where: str
) -> None:
    before, leaves = await stage.counts(), len(await stage.leaves())
    with pytest.raises(error) as refusal:
        await stage.do(who, action, **options)
    assert type(refusal.value) is error
    assert refusal.value.where == where
    assert await stage.counts() == before
    audited = (await stage.leaves())[leaves:]
    assert [leaf["code"] for leaf in audited] == [error.code]
    assert audited[0]["outcome"] == ("fault" if error is SceneFault else "refused")
    assert audited[0]["rows"] == []


async def test_a_scene_that_raised_acts_again_afterwards(stage: Stage) -> None:
    with pytest.raises(SceneFault):
        await stage.do("doctor", "tell", input={**ANJI, "about": "raise"})
    assert (await stage.do("doctor", "tell", input=ANJI)).state == ("told",)


async def test_a_repeated_key_brings_the_first_result_and_no_second_act(stage: Stage) -> None:
    first = await stage.do("doctor", "tell", input=ANJI, key="the-same-key")
    counted = await stage.counts()
    again = await stage.do("doctor", "tell", input=ANJI, key="the-same-key")
    assert again.replayed
    assert (again.case_id, again.state, again.letter_ids) == (first.case_id, first.state, first.letter_ids)
    assert await stage.counts() == counted


async def test_a_key_with_another_body_is_refused(stage: Stage) -> None:
    await stage.do("doctor", "tell", input=ANJI, key="the-same-key")
    with pytest.raises(KeyReused):
        await stage.do("doctor", "tell", input={**ANJI, "about": "别的"}, key="the-same-key")


async def test_the_same_key_sent_ten_times_at_once_acts_once(stage: Stage) -> None:
    results = await asyncio.gather(
        *(stage.do("doctor", "tell", input={**ANJI, "name": "王五"}, key="racing-key") for _ in range(10))
    )
    assert len({result.case_id for result in results}) == 1
    assert await stage.count("cases") == 1


async def test_acts_that_race_to_make_the_same_row_are_all_done(stage: Stage) -> None:
    wanted = {"scene": "little", "region": "330521", "state": "retired", "roles": []}
    results = await asyncio.gather(
        *(stage.do("admin", "enable_scene", None, **ENABLE, input=wanted) for _ in range(4))
    )
    assert len(results) == 4
    async with stage.store.unit_of_work() as uow:
        versions = await uow.fetch("SELECT row_version FROM enablement WHERE region = '330521'")
    assert [row["row_version"] for row in versions] == [4]


async def test_a_unique_key_leads_to_the_case_that_is_there(stage: Stage) -> None:
    first = await stage.do("doctor", "tell", input=ANJI)
    second = await stage.do("doctor", "tell", input={**ANJI, "about": "又一次"})
    assert second.existing
    assert second.case_id == first.case_id
    assert await stage.count("cases") == 1


async def test_letters_must_be_delivered_before_anybody_signs(stage: Stage) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    with pytest.raises(WrongState):
        await stage.do("police", "receive", case)
    await stage.deliver()
    assert (await stage.do("police", "receive", case)).state == ("received",)


async def test_actions_need_their_role_their_state_and_their_guard(stage: Stage) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    await stage.deliver()
    with pytest.raises(ActionNotAllowed):
        await stage.do("watcher", "receive", case)
    with pytest.raises(NoSuchThing):
        await stage.do("elsewhere", "receive", case, region="330782")
    with pytest.raises(WrongState):
        await stage.do("police", "finish", case, input={"result": "已查清"})
    await stage.do("police", "receive", case)
    with pytest.raises(GuardFailed):
        await stage.do("police", "finish", case, input={"result": "nothing"})
    done = await stage.do("police", "finish", case, input={"result": "已查清"})
    assert done.state == ("done",)


async def test_an_act_on_an_old_version_of_the_case_is_refused(stage: Stage) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    await stage.deliver()
    with pytest.raises(RowChanged):
        await stage.do("police", "receive", case, row_version=7)


async def test_a_sealed_case_is_not_there_for_anybody(stage: Stage) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    await stage.deliver()
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "已查清"})
    for who in ("doctor", "police", "watcher", "above", "admin", "auditor"):
        with pytest.raises(NoSuchThing):
            await stage.reading.open_case(stage.actors[who], case)
        page = await stage.reading.cases(stage.actors[who], "330000", search="瘀伤")
        assert page.items == []
        assert (await stage.reading.inbox(stage.actors[who])).items == []
    assert await stage.count("case_search") == 0
