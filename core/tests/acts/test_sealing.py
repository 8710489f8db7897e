"""A sealed case is no case: every way to it answers as for an id that never was, by the same statements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from threading import get_ident
from typing import Any
from uuid import UUID, uuid4

import pytest

from gongzhi.errors import NoSuchThing, Refused
from gongzhi.store import UnitOfWork

from ..little_scene import WORKFLOW, manifest
from .conftest import Stage
from .test_dispatch import ANJI
from .test_reading import told

pytestmark = pytest.mark.anyio

Ask = Callable[[Stage, str, UUID], Awaitable[Any]]


async def sealed(stage: Stage) -> tuple[UUID, UUID, UUID]:
    """A sealed case, a letter of it and a notice of it, each of which the police knew."""
    case = await told(stage)
    view = await stage.reading.open_case(stage.actors["police"], case)
    notice = uuid4()
    async with stage.store.unit_of_work() as uow:
        await uow.insert(
            "notice",
            {
                "id": notice,
                "organ_id": stage.actors["police"].organ.id,
                "kind": "overdue",
                "case_id": case,
                "deadline_id": view.deadlines[0].id,
                "at": stage.clock.now(),
            },
        )
    await stage.do("police", "receive", case)
    await stage.do("police", "finish", case, input={"result": "办结"})
    return case, view.letters[0].id, notice


def acting(action: str, **options: Any) -> Ask:
    async def ask(stage: Stage, who: str, id: UUID) -> Any:
        return await stage.do(who, action, id, **options)

    return ask


def naming(action: str, name: str) -> Ask:
    async def ask(stage: Stage, who: str, id: UUID) -> Any:
        return await stage.do(who, action, namespace="letters", input={name: str(id)})

    return ask


CASE, LETTER, NOTICE = 0, 1, 2
WAYS: dict[str, tuple[int, Ask]] = {
    "opening it": (CASE, lambda stage, who, id: stage.reading.open_case(stage.actors[who], id)),
    "its timeline": (CASE, lambda stage, who, id: stage.reading.timeline(stage.actors[who], id)),
    "a letter": (LETTER, lambda stage, who, id: stage.reading.letter(stage.actors[who], id)),
    "a document": (LETTER, lambda stage, who, id: stage.reading.document(stage.actors[who], id)),
    "an act": (CASE, acting("finish", input={"result": "又办"})),
    "an act with a wrong input": (CASE, acting("finish", input={"nonsense": 1})),
    "an act on another version": (CASE, acting("finish", input={"result": "又办"}, row_version=1)),
    "an act that there is not": (CASE, acting("no_such_action")),
    "a reveal": (CASE, acting("reveal_case", namespace="access", input={"reason": "handling"})),
    "a nudge": (CASE, acting("nudge", namespace="supervision", input={"reason": "请办理"})),
    "signing": (LETTER, naming("sign", "letter")),
    "taking note": (NOTICE, naming("mark_read", "notice")),
}
PEOPLE = ("police", "watcher", "doctor", "above")


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_a_sealed_case_says_what_is_said_of_none(stage: Stage, way: str) -> None:
    ids = await sealed(stage)
    which, ask = WAYS[way]
    for who in PEOPLE:
        answers = []
        for id in (ids[which], uuid4()):
            try:
                region = stage.actors[who].organ.region
                answers.append(await ask(stage, who, id))
            except Refused as refusal:
                answers.append((refusal.reply("zh"), refusal.reply("en"), region))
        assert answers[0] == answers[1]


@pytest.mark.parametrize("way", WAYS)
async def test_a_sealed_case_and_none_take_the_same_statements(
    stage: Stage, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs is how many rows there are, and that is known to the database alone."""
    ids = await sealed(stage)
    which, ask = WAYS[way]
    said: list[str] = []
    here = get_ident()
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        real = getattr(UnitOfWork, name)

        async def noting(self: UnitOfWork, sql: str, *args: Any, _real: Any = real) -> Any:
            if get_ident() == here:  # other tests' servers may run in other threads
                said.append(sql)
            return await _real(self, sql, *args)

        monkeypatch.setattr(UnitOfWork, name, noting)
    taken = []
    for id in (ids[which], uuid4()):
        said.clear()
        with pytest.raises(Refused):
            await ask(stage, "police", id)
        taken.append(list(said))
    assert taken[0] == taken[1]
    assert taken[0]


async def test_no_list_search_or_inbox_knows_of_a_sealed_case(stage: Stage) -> None:
    case, _, _ = await sealed(stage)
    for who in PEOPLE:
        actor = stage.actors[who]
        region = actor.organ.region
        for search in (None, ANJI["about"][:2]):
            assert (await stage.reading.cases(actor, region, search=search)).items == []
        assert (await stage.reading.inbox(actor)).items == []
    async with stage.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM case_search WHERE case_id = $1", case) == 0


STILL_READ = {
    "workflow": {
        **WORKFLOW,
        "actions": {
            **WORKFLOW["actions"],
            "note": {
                "title": {"zh": "补记", "en": "note"},
                "by": ["police"],
                "transitions": [{"from": "told", "to": "told"}],
            },
        },
    },
    "roles": {
        name: {**role, "reads_sealed": name == "police"} for name, role in manifest("little")["roles"].items()
    },
}


@pytest.mark.parametrize("scene_options", [STILL_READ])
async def test_an_act_on_a_sealed_case_does_not_put_it_back_into_the_search(stage: Stage) -> None:
    case = await told(stage)
    assert await stage.count("case_search") == 1
    async with stage.store.unit_of_work() as uow:
        await uow.execute("UPDATE cases SET sealed_at = $2 WHERE id = $1", case, stage.clock.now())
        await uow.execute("DELETE FROM case_search")
    await stage.do("police", "note", case)
    assert await stage.count("case_search") == 0


async def test_an_act_repeated_after_the_sealing_names_no_case(stage: Stage) -> None:
    case = await told(stage)
    await stage.do("police", "receive", case)
    shown = await stage.do(
        "watcher", "reveal_case", case, namespace="access", input={"reason": "supervision"}, key="reveal-once"
    )
    assert shown.output
    first = await stage.do("police", "finish", case, input={"result": "办结"}, key="finish-once")
    again = await stage.do("police", "finish", case, input={"result": "办结"}, key="finish-once")
    assert (first.case_id, again.case_id, again.state, again.letter_ids) == (case, None, (), ())
    revealed = await stage.do(
        "watcher", "reveal_case", case, namespace="access", input={"reason": "supervision"}, key="reveal-once"
    )
    assert (revealed.case_id, revealed.output) == (None, None)


async def test_a_broken_scene_does_not_tell_that_its_sealed_case_is_there(stage: Stage) -> None:
    case, letter, _ = await sealed(stage)
    stage.dispatch._acting.scenes.fail("little", "1.0.0", "broken")
    for ask in (
        stage.reading.open_case(stage.actors["police"], case),
        stage.reading.letter(stage.actors["police"], letter),
        stage.do("police", "finish", case, input={"result": "又办"}),
    ):
        with pytest.raises(NoSuchThing):
            await ask
