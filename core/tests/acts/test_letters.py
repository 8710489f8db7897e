"""Letters and notices: only the newest is signed for, a withdrawn one by nobody, a notice goes once it is read."""

from __future__ import annotations

import copy
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader

from gongzhi.cases.views import LetterView
from gongzhi.errors import NoSuchThing, WrongState
from gongzhi.identity.directory import Directory
from gongzhi.identity.regions import RegionTree

from ..little_scene import MODULE, WORKFLOW, text
from .conftest import SINCE, Stage
from .test_dispatch import ANJI
from .test_effects import drain, effects_of
from .test_reading import told

pytestmark = pytest.mark.anyio


WITH_DOCUMENT = """

from gongzhi.plugin import Document, Text


@hookimpl
def gongzhi_documents():
    return [Document(kind="sheet", title=Text(zh="单", en="sheet"), template="documents/sheet.typ")]
"""
SHEET = "#let data = json(bytes(sys.inputs.data))\n#data.case.about"


@pytest.fixture
def scene_options() -> dict[str, Any]:
    """The sender may amend the case, take the notice back, send it anew, and send another one; it has a document."""
    changed: dict[str, Any] = copy.deepcopy(WORKFLOW)
    tell = changed["actions"]["tell"]
    changed["states"]["withdrawn"] = {"title": text("已撤回")}
    tell["transitions"].append({"from": "withdrawn", "to": "told"})
    changed["actions"]["withdraw"] = {
        "title": text("撤回"),
        "by": ["sender"],
        "transitions": [{"from": "told", "to": "withdrawn"}],
        "withdraws": "notice",
        "cancels": ["answer"],
    }
    tell["letters"][0]["document"] = "sheet"
    changed["actions"]["amend"] = {
        "title": text("更正"),
        "input": "tell.json",
        "by": ["sender"],
        "transitions": [{"from": "told"}],
    }
    changed["actions"]["tell_more"] = {
        "title": text("补充报送"),
        "by": ["sender"],
        "transitions": [{"from": "told"}],
        "letters": [{**tell["letters"][0], "copies": []}],
    }
    return {
        "workflow": changed,
        "module": MODULE + WITH_DOCUMENT,
        "files": {"documents/sheet.typ": SHEET},
        "permissions": ["documents"],
    }


async def letters_of(stage: Stage, who: str, case: UUID) -> list[LetterView]:
    return list((await stage.reading.open_case(stage.actors[who], case)).letters)


async def sign(stage: Stage, who: str, letter: LetterView) -> None:
    await stage.do(who, "sign", namespace="letters", input={"letter": str(letter.id)})


async def test_a_newer_letter_that_an_action_signs_for_takes_the_place_of_the_older(stage: Stage) -> None:
    case = await told(stage)
    stage.clock.advance(timedelta(minutes=1))
    await stage.do("doctor", "tell_more", case)
    await stage.deliver()
    older, newer = [item for item in await letters_of(stage, "police", case) if item.copy_of is None]
    assert (older.state, newer.state) == ("withdrawn", "delivered")
    with pytest.raises(WrongState):
        await sign(stage, "police", older)
    waiting = (await stage.reading.inbox(stage.actors["police"])).items
    assert [item.letter and item.letter.id for item in waiting] == [newer.id]
    await sign(stage, "police", newer)
    assert [i.id for i in await letters_of(stage, "police", case) if i.state == "signed"] == [newer.id]


async def test_a_withdrawn_letter_waits_for_nobody_and_is_not_signed_for(stage: Stage) -> None:
    case = await told(stage)
    await stage.do("doctor", "withdraw", case)
    withdrawn = await letters_of(stage, "police", case)
    assert [(item.state, item.evidence[-1].step) for item in withdrawn] == [("withdrawn", "withdrawn")] * 2
    for who, letter in (("police", withdrawn[0]), ("watcher", withdrawn[1])):
        assert (await stage.reading.inbox(stage.actors[who])).items == []
        with pytest.raises(WrongState):
            await sign(stage, who, letter)
    await stage.do("doctor", "tell", case, input=ANJI)
    await stage.deliver()
    await stage.do("police", "receive", case)
    states = [item.state for item in await letters_of(stage, "police", case) if item.copy_of is None]
    assert sorted(states) == ["signed", "withdrawn"]


async def test_a_letter_withdrawn_before_delivery_is_never_delivered(stage: Stage, tmp_path: Path) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    await stage.do("doctor", "withdraw", case)
    await drain(stage, effects_of(stage, tmp_path))
    assert {item.state for item in await letters_of(stage, "doctor", case)} == {"withdrawn"}


async def test_a_letter_says_what_the_case_said_when_it_was_sent(stage: Stage, tmp_path: Path) -> None:
    """Delivery comes after the act, and by then the case may have changed."""
    case = (await stage.do("doctor", "tell", input={**ANJI, "about": "first told"})).case_id
    assert case is not None
    await stage.do("doctor", "amend", case, input={**ANJI, "about": "then amended"})
    await drain(stage, effects_of(stage, tmp_path))
    await stage.do("watcher", "reveal_case", case, namespace="access", input={"reason": "supervision"})
    for who in ("police", "watcher"):
        (mine,) = [item for item in await letters_of(stage, who, case) if item.may_sign]
        pdf = await stage.reading.document(stage.actors[who], mine.id)
        said = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
        assert said.strip() == "first told"


async def test_a_notice_leaves_the_inbox_once_somebody_of_the_organ_takes_note(
    stage: Stage, tmp_path: Path
) -> None:
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    effects = effects_of(stage, tmp_path)
    await drain(stage, effects)
    stage.clock.advance(timedelta(days=10))
    await drain(stage, effects)

    async def notices(who: str) -> list[UUID]:
        items = (await stage.reading.inbox(stage.actors[who])).items
        return [item.id for item in items if item.waits == "overdue"]

    (mine,) = await notices("police")
    with pytest.raises(NoSuchThing):
        await stage.do("watcher", "mark_read", namespace="letters", input={"notice": str(mine)})
    for _ in range(2):
        result = await stage.do("police", "mark_read", namespace="letters", input={"notice": str(mine)})
        assert result.case_id == case
    assert await notices("police") == []
    assert len(await notices("watcher")) == 1


async def test_a_notice_to_one_department_is_not_taken_note_of_by_another(
    stage: Stage, tmp_path: Path
) -> None:
    """The other one may read the case, since its organ supervises; the notice is not for its inbox all the same."""
    for login in ("minors", "records"):
        await hire(stage, login, beside="watcher")
    organ = str(stage.actors["watcher"].organ.id)
    role = {"role": "watcher", "region": "330523", "organ": organ, "department": "minors"}
    await stage.do(
        "admin",
        "enable_scene",
        namespace="administration",
        region="330000",
        input={"scene": "little", "region": "330523", "roles": [role]},
    )
    case = (await stage.do("doctor", "tell", input=ANJI)).case_id
    assert case is not None
    effects = effects_of(stage, tmp_path)
    await drain(stage, effects)
    stage.clock.advance(timedelta(days=10))
    await drain(stage, effects)
    (notice,) = [
        i.id for i in (await stage.reading.inbox(stage.actors["minors"])).items if i.waits == "overdue"
    ]
    assert (await stage.reading.open_case(stage.actors["records"], case)).id == case
    assert (await stage.reading.inbox(stage.actors["records"])).items == []
    with pytest.raises(NoSuchThing):
        await stage.do("records", "mark_read", namespace="letters", input={"notice": str(notice)})
    waiting = (await stage.reading.inbox(stage.actors["minors"])).items
    assert notice in [item.id for item in waiting]


async def hire(stage: Stage, department: str, *, beside: str) -> None:
    """Somebody in a department of the same organ, whose login is the department's name."""
    directory, organ = Directory(RegionTree.load()), stage.actors[beside].organ
    async with stage.store.unit_of_work() as uow:
        post = await directory.post_add(
            uow,
            person_id=await directory.person_add(uow, name=department),
            organ_id=organ.id,
            title="x",
            duties=["handler"],
            valid_from=SINCE,
            department=department,
        )
        await directory.account_add(uow, login=department, post_id=post)
        stage.actors[department] = await directory.actor(uow, department, stage.clock.now())
