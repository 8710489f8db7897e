"""The platform's own act when a clock has run out: refused, broken, or done, the clock itself has run out."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gongzhi.effects import LONGEST_PAUSE, Effects

from ..little_scene import MODULE, WORKFLOW, text
from .conftest import Stage
from .test_dispatch import ANJI
from .test_effects import drain, effects_of

pytestmark = pytest.mark.anyio

RULE = """

def lapse(act):
    if (Path(__file__).parent / "broken").exists():
        raise ZeroDivisionError("a name that nobody may see")
    if act.case.data["about"] == "keep":
        raise Refusal("T-2", zh="不行", en="no")
    return Decision(data={})

"""


@pytest.fixture
def scene_options() -> dict[str, Any]:
    """The little scene with an automatic act that erases, and that breaks while a file lies beside it."""
    workflow = copy.deepcopy(WORKFLOW)
    workflow["states"]["lapsed"] = {"title": text("失效"), "final": True}
    workflow["automatic"] = {
        "lapse": {
            "title": text("失效"),
            "by": ["platform"],
            "transitions": [{"from": "told", "to": "lapsed"}],
            "rule": "lapse",
            "erases_personal": True,
            "closes": True,
        }
    }
    workflow["deadlines"]["answer"]["on_overdue"] = "lapse"
    module = MODULE.replace("\n@hookimpl", f"{RULE}\n@hookimpl").replace(
        '{"tell": tell', '{"lapse": lapse, "tell": tell'
    )
    return {"workflow": workflow, "module": "from pathlib import Path\n" + module}


async def overdue(stage: Stage, effects: Effects, about: str) -> None:
    """A case that is told of somebody, whose clock runs out."""
    assert (await stage.do("doctor", "tell", input={**ANJI, "about": about, "name": "张三"})).case_id
    await drain(stage, effects)
    stage.clock.advance(timedelta(days=10))
    await drain(stage, effects)


async def test_an_automatic_act_follows_a_clock_that_ran_out(stage: Stage, tmp_path: Path) -> None:
    effects = effects_of(stage, tmp_path)
    await overdue(stage, effects, "多处瘀伤")
    assert await drain(stage, effects) == 1
    assert await states(stage) == (["lapsed"], "overdue", 2)
    assert await stage.count("subject_key WHERE erased_at IS NULL") == 0
    assert [(leaf["action"], leaf["outcome"]) for leaf in (await stage.leaves())[-2:]] == [
        ("deadline_overdue", "done"),
        ("lapse", "done"),
    ]
    assert await stage.count("outbox") == 0


async def test_a_refused_automatic_act_leaves_the_clock_run_out_and_is_on_record(
    stage: Stage, tmp_path: Path
) -> None:
    effects = effects_of(stage, tmp_path)
    await overdue(stage, effects, "keep")
    await drain(stage, effects)
    assert await states(stage) == (["told"], "overdue", 2)
    leaf = (await stage.leaves())[-1]
    assert (leaf["action"], leaf["outcome"], leaf["code"]) == ("lapse", "refused", "scene_refused")
    assert await stage.count("outbox") == 0


async def test_an_automatic_act_of_a_broken_scene_is_made_up_for_when_it_works_again(
    stage: Stage, tmp_path: Path
) -> None:
    effects = effects_of(stage, tmp_path)
    broken = tmp_path / "gongzhi_test_little" / "broken"
    broken.touch()
    await overdue(stage, effects, "多处瘀伤")
    for _ in range(20):
        assert await drain(stage, effects) == 1
        stage.clock.advance(LONGEST_PAUSE)
    assert await states(stage) == (["told"], "overdue", 2)
    faults = [leaf for leaf in await stage.leaves() if leaf["outcome"] == "fault"]
    assert len(faults) == 20
    assert {(leaf["action"], leaf["code"]) for leaf in faults} == {("lapse", "scene_fault")}
    assert await stage.count("subject_key WHERE erased_at IS NULL") == 1
    broken.unlink()
    assert await drain(stage, effects) == 1
    assert await states(stage) == (["lapsed"], "overdue", 2)
    assert await stage.count("subject_key WHERE erased_at IS NULL") == 0
    assert await stage.count("outbox") == 0


async def states(stage: Stage) -> tuple[list[str], str, int]:
    """The case's and its clock's state, and how many notices there are."""
    async with stage.store.unit_of_work() as uow:
        case = await uow.fetchval("SELECT state FROM cases")
        clock = await uow.fetchval("SELECT state FROM deadline")
    return case, clock, await stage.count("notice")
