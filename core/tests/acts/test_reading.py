"""Reading: who sees which case, which fields, and what waits for whom."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from gongzhi.cases.shaping import is_hidden
from gongzhi.cases.views import WAITS
from gongzhi.errors import InvalidInput, NoSuchThing

from .conftest import Stage
from .test_dispatch import ANJI

pytestmark = pytest.mark.anyio


async def told(stage: Stage) -> UUID:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    await stage.deliver()
    return case


async def test_each_role_sees_its_own_fields(stage: Stage) -> None:
    case = await told(stage)
    seen = {
        who: await stage.reading.open_case(stage.actors[who], case) for who in ("police", "watcher", "doctor")
    }
    assert seen["police"].data == ANJI
    assert seen["watcher"].data == {**ANJI, "name": "张*", "informant": None}
    assert seen["watcher"].masked == ("/name", "/informant")
    assert seen["watcher"].revealable == {"/name": "L4"}
    assert seen["doctor"].data == {**ANJI, "name": "张*", "informant": None}
    assert seen["doctor"].revealable == {}


async def test_a_supervisor_above_reads_without_being_involved(stage: Stage) -> None:
    case = await told(stage)
    view = await stage.reading.open_case(stage.actors["above"], case)
    assert view.actions == []
    assert [c.id for c in (await stage.reading.cases(stage.actors["above"], "330500")).items] == [case]


async def test_an_organ_in_a_role_that_the_manifest_does_not_explain_is_hidden(stage: Stage) -> None:
    """Whether it may be shown is in the manifest; without its word the answer is no, except to itself."""
    case = await told(stage)
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE letter SET from_role = 'unexplained', number = '安〔2026〕1号'")
        await uow.execute("UPDATE case_event SET role = 'unexplained'")
    view = await stage.reading.open_case(stage.actors["police"], case)
    assert {(letter.from_organ.type, letter.number) for letter in view.letters} == {("hidden", None)}
    events = (await stage.reading.timeline(stage.actors["police"], case)).items
    assert [event.organ.type for event in events if event.organ] == ["hidden"]
    assert not is_hidden(None, "unexplained", {"unexplained"})


@pytest.mark.parametrize("who", ["elsewhere", "admin", "auditor"])
async def test_others_do_not_know_that_the_case_exists(stage: Stage, who: str) -> None:
    case = await told(stage)
    with pytest.raises(NoSuchThing):
        await stage.reading.open_case(stage.actors[who], case)
    assert (await stage.reading.cases(stage.actors[who], "330000")).items == []


async def test_asking_for_what_one_may_not_open_stays_on_record(stage: Stage) -> None:
    case = await told(stage)
    letter = (await stage.reading.open_case(stage.actors["police"], case)).letters[0].id
    before = len(await stage.leaves())
    stranger = stage.actors["elsewhere"]
    for ask in (
        stage.reading.open_case(stranger, case),
        stage.reading.timeline(stranger, case),
        stage.reading.letter(stranger, letter),
        stage.reading.document(stranger, letter),
        stage.reading.open_case(stranger, uuid4()),
    ):
        with pytest.raises(NoSuchThing):
            await ask
    fresh = (await stage.leaves())[before:]
    assert [(leaf["outcome"], leaf["code"], leaf["action"]) for leaf in fresh] == [
        ("refused", "not_found", action)
        for action in ("open_case", "open_case", "read_letter", "read_document", "open_case")
    ]
    assert len({leaf["actor"] for leaf in fresh}) == 1


async def test_a_broken_scene_empties_no_inbox_and_names_nobody(stage: Stage) -> None:
    await told(stage)
    stage.dispatch._acting.scenes.fail("little", "1.0.0", "broken")
    (item,) = (await stage.reading.inbox(stage.actors["police"])).items
    assert item.letter is not None
    assert (item.letter.from_organ.name.zh, item.letter.to_organ.name.zh) == (
        "（报告单位已隐去）",
        "police的单位",
    )


async def test_opening_a_case_leaves_an_access_leaf(stage: Stage) -> None:
    case = await told(stage)
    before = len(await stage.leaves())
    await stage.reading.open_case(stage.actors["police"], case)
    fresh = (await stage.leaves())[before:]
    assert [(leaf["outcome"], leaf["action"], leaf["case"]) for leaf in fresh] == [
        ("read", "open_case", str(case))
    ]


async def test_the_inbox_holds_what_waits_and_empties_as_it_is_done(stage: Stage) -> None:
    await told(stage)
    police = await stage.reading.inbox(stage.actors["police"])
    assert [(item.waits, item.letter and item.letter.may_sign) for item in police.items] == [("sign", True)]
    watcher = await stage.reading.inbox(stage.actors["watcher"])
    assert [item.waits for item in watcher.items] == ["read"]
    letter = watcher.items[0].letter
    assert letter is not None
    await stage.do("watcher", "sign", namespace="letters", input={"letter": str(letter.id)})
    assert (await stage.reading.inbox(stage.actors["watcher"])).items == []


async def test_each_kind_of_the_inbox_can_be_had_by_itself(stage: Stage) -> None:
    """Every kind has a query that stands alone, and together they hold what the inbox holds."""
    for name in ("张三", "李四", "王五"):
        await stage.do("doctor", "tell", input=ANJI | {"name": name})
    await stage.deliver()
    for who in ("police", "watcher"):
        whole = await stage.reading.inbox(stage.actors[who])
        apart = {
            kind: [item.id for item in (await stage.reading.inbox(stage.actors[who], waits=kind)).items]
            for kind in WAITS
        }
        assert apart == {kind: [item.id for item in whole.items if item.waits == kind] for kind in WAITS}
    assert len(apart["read"]) == 3
    first = await stage.reading.inbox(stage.actors["watcher"], waits="read", first=2)
    rest = await stage.reading.inbox(stage.actors["watcher"], waits="read", first=2, after=first.cursors[-1])
    assert [item.id for item in (*first.items, *rest.items)] == apart["read"]
    with pytest.raises(InvalidInput):
        await stage.reading.inbox(stage.actors["watcher"], waits="secrets")


async def test_signing_a_letter_takes_the_action_that_the_workflow_ties_to_it(stage: Stage) -> None:
    case = await told(stage)
    view = await stage.reading.open_case(stage.actors["police"], case)
    assert [(action.name, action.letter_id is not None) for action in view.actions] == [("receive", True)]
    letter = view.actions[0].letter_id
    result = await stage.do("police", "sign", namespace="letters", input={"letter": str(letter)})
    assert result.state == ("received",)
    after = await stage.reading.open_case(stage.actors["police"], case)
    assert [item.state for item in after.letters if item.copy_of is None] == ["signed"]
    assert [e.step for e in after.letters[0].evidence] == ["accepted", "signed"]


async def test_search_finds_by_chinese_bigrams_and_pages_by_cursor(stage: Stage) -> None:
    for n in range(5):
        await stage.do("doctor", "tell", input={"place": "330523", "about": f"多处瘀伤第{n}次"})
    page = await stage.reading.cases(stage.actors["police"], "330523", search="瘀伤", first=2)
    assert (len(page.items), page.has_next) == (2, True)
    rest = await stage.reading.cases(
        stage.actors["police"], "330523", search="瘀伤", first=10, after=page.cursors[-1]
    )
    assert (len(rest.items), rest.has_next) == (3, False)
    assert {c.id for c in page.items}.isdisjoint(c.id for c in rest.items)
    assert (await stage.reading.cases(stage.actors["police"], "330523", search="没有的词")).items == []
    with pytest.raises(InvalidInput):
        await stage.reading.cases(stage.actors["police"], "330523", after="not-a-cursor")


async def test_the_timeline_says_who_did_what_when(stage: Stage) -> None:
    case = await told(stage)
    await stage.do("police", "receive", case)
    page = await stage.reading.timeline(stage.actors["watcher"], case)
    assert [(event.seq, event.action, event.role.zh) for event in page.items] == [
        (1, "tell", "报送单位"),
        (2, "receive", "公安"),
    ]


async def test_a_search_for_more_than_100_characters_is_refused(stage: Stage) -> None:
    await stage.do("doctor", "tell", input=ANJI)
    found = await stage.reading.cases(stage.actors["police"], "330523", search="瘀伤".ljust(100))
    assert len(found.items) == 1
    with pytest.raises(InvalidInput) as refusal:
        await stage.reading.cases(stage.actors["police"], "330523", search="瘀伤".ljust(101))
    assert refusal.value.where == "/search"
