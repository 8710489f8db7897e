"""Masked by default, shown for a coded reason: by whom, what, how long, and what stays on record of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from gongzhi.cases.notes import open_note
from gongzhi.errors import GongzhiError, InvalidInput, NoSuchThing, NothingToReveal
from gongzhi.store import SubjectVault

from .conftest import Stage
from .test_dispatch import ANJI
from .test_reading import told

pytestmark = pytest.mark.anyio

WORDS = "家属张三来电核实"


async def reveal(stage: Stage, who: str, case: UUID, **given: Any) -> Any:
    given = {"reason": "supervision", **given}
    region = stage.actors[who].organ.region
    result = await stage.do(who, "reveal_case", case, namespace="access", input=given, region=region)
    return result.output


async def test_what_is_masked_is_shown_for_a_reason_until_it_lapses(stage: Stage) -> None:
    case = await told(stage)
    output = await reveal(stage, "watcher", case)
    until = stage.clock.now() + timedelta(minutes=30)
    assert output == {"level": "L4", "until": until.isoformat()}
    shown = await stage.reading.open_case(stage.actors["watcher"], case)
    assert (shown.data["name"], shown.masked, shown.revealable) == ("张三", ("/informant",), {})
    assert shown.revealed_until == until
    stage.clock.advance(timedelta(minutes=30))
    later = await stage.reading.open_case(stage.actors["watcher"], case)
    assert (later.data["name"], later.revealed_until) == ("张*", None)


async def test_a_reveal_is_one_persons_and_one_cases(stage: Stage) -> None:
    case = await told(stage)
    other = (await stage.do("doctor", "tell", input={**ANJI, "name": "李四"})).case_id
    assert other is not None
    await reveal(stage, "watcher", case)
    assert (await stage.reading.open_case(stage.actors["above"], case)).data["name"] == "张*"
    assert (await stage.reading.open_case(stage.actors["watcher"], other)).data["name"] == "李*"


async def test_only_the_fields_asked_for_are_shown(stage: Stage) -> None:
    case = await told(stage)
    await reveal(stage, "watcher", case, fields=["/name"])
    shown = await stage.reading.open_case(stage.actors["watcher"], case)
    assert (shown.data["name"], shown.documents_masked) == ("张三", True)
    await reveal(stage, "watcher", case)
    assert not (await stage.reading.open_case(stage.actors["watcher"], case)).documents_masked


@pytest.mark.parametrize("field", ["/informant", "/about", "/nothing", ""])
async def test_no_reason_shows_what_the_role_hides(stage: Stage, field: str) -> None:
    case = await told(stage)
    with pytest.raises(InvalidInput) as refusal:
        await reveal(stage, "watcher", case, fields=["/name", field])
    assert refusal.value.where == "/fields/1"
    await reveal(stage, "watcher", case)
    shown = await stage.reading.open_case(stage.actors["watcher"], case)
    assert shown.data["informant"] is None


@pytest.mark.parametrize(
    ("who", "refused"),
    [
        ("police", NothingToReveal),
        ("doctor", NothingToReveal),
        ("elsewhere", NoSuchThing),
        ("admin", NoSuchThing),
    ],
)
async def test_who_has_nothing_to_be_shown_is_refused(
    stage: Stage, who: str, refused: type[GongzhiError]
) -> None:
    """The police see all at once, the doctor's role hides it, the others know of no case."""
    case = await told(stage)
    with pytest.raises(refused):
        await reveal(stage, who, case)
    assert await stage.count("reveal") == 0


async def test_a_reason_that_is_not_on_the_list_is_refused(stage: Stage) -> None:
    case = await told(stage)
    with pytest.raises(InvalidInput) as refusal:
        await reveal(stage, "watcher", case, reason="curiosity")
    assert refusal.value.where == "/reason"


async def test_the_log_says_who_was_shown_what_level_why_and_the_words_stay_sealed(stage: Stage) -> None:
    case = await told(stage)
    await reveal(stage, "watcher", case, note=WORDS)
    leaf = (await stage.leaves())[-1]
    assert (leaf["action"], leaf["outcome"], leaf["code"]) == ("reveal_case", "done", "L4.supervision")
    assert (leaf["case"], leaf["region"]) == (str(case), "330523")
    assert leaf["actor"] == stage.audit.sealer.pseudonym("actor", stage.actors["watcher"].account_id)
    assert [row["table"] for row in leaf["rows"]] == ["reveal"]
    assert WORDS not in str(leaf)
    vault = SubjectVault(stage.store.keys)
    async with stage.store.unit_of_work() as uow:
        (row,) = await uow.fetch("SELECT subject_id, note FROM reveal")
        of_case = await uow.fetchval("SELECT subject_id FROM cases WHERE id = $1", case)
        assert row["subject_id"] == of_case
        assert await open_note(uow, vault, row["subject_id"], row["note"]) == WORDS
        await vault.erase(uow, of_case, stage.clock.now())
        assert await open_note(uow, vault, row["subject_id"], row["note"]) == ""
