"""Role × division × object × operation: each answer as `rules` says, each denial on record and without consequence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gongzhi.cases import queries, scope
from gongzhi.commands import supervision
from gongzhi.commands.access import AccessCommands
from gongzhi.declarations import Text
from gongzhi.dispatch import Dispatcher
from gongzhi.identity.policy import Verdict, Way, ways_to_see

from ..noninterference.worlds import Worlds
from .asked import CASES, INPUTS, Matrix, hire, people
from .rules import ACTIONS, ANJI, Person

SECURITY = Path(__file__).parents[2] / "docs" / "explanation" / "security.md"
"""The page that states the figures."""


async def asked(worlds: Worlds, persons: list[Person]) -> Matrix:
    async with worlds.opened(worlds.stages[-1]) as (world,):
        assert set(world.cases) >= set(CASES)
        world.tokens = await hire(world, persons)
        matrix = Matrix()
        await matrix.ask(world, persons)
        return matrix


@pytest.mark.timeout(900)  # some 2,000 requests
def test_every_cell_is_answered_as_the_rules_say(
    worlds: Worlds, record_property: Callable[[str, object], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """And every denial of somebody known leaves a leaf and changes nothing else: `wrong` holds the record too."""
    persons = people()
    matrix = worlds.run(asked(worlds, persons))
    figures = {
        "people": len(persons),
        "cells": matrix.cells.total(),
        "denials": matrix.denials.total(),
        **matrix.cells,
    }
    for name, figure in figures.items():
        record_property(name, figure)
    with capsys.disabled():
        print(f"\nmatrix: {figures}")
    assert matrix.wrong == []
    said = SECURITY.read_text(encoding="utf-8")
    cells, denials = matrix.cells.total(), matrix.denials.total()
    for phrase in (f"{len(persons)} people", f"{cells:,} cells", f"{denials:,} of them denials"):
        assert phrase in said


def test_the_matrix_has_every_action_that_people_take_on_a_case(worlds: Worlds) -> None:
    async def actions() -> set[str]:
        async with worlds.opened(worlds.stages[0]) as (world,):
            workflow = world.application.host.scenes.scene("minor_protection").workflow
        return {
            name for name, spec in workflow.file.actions.items() if spec.transitions[0].source is not None
        }

    assert set(ACTIONS) == set(INPUTS)
    named = {"".join(f"_{c.lower()}" if c.isupper() else c for c in action) for action in ACTIONS}
    assert named >= worlds.run(actions())


def anybody_may(patch: pytest.MonkeyPatch) -> None:
    verdict = Verdict(allowed=True, roles=("police",), reason=Text(zh="", en=""))
    patch.setattr(scope, "decide", lambda *_args, **_more: verdict)


def lists_of_all(patch: pytest.MonkeyPatch) -> None:
    def every_way(*args: Any, **more: Any) -> tuple[list[Way], tuple[Any, ...]]:
        ways, values = ways_to_see(*args, **more)
        return [*ways, Way(condition="(true)")], values

    patch.setattr(queries, "ways_to_see", every_way)


def refusals_without_a_leaf(patch: pytest.MonkeyPatch) -> None:
    async def nothing(*_args: Any) -> None:
        return None

    patch.setattr(Dispatcher, "_audit_refusal", nothing)


def nudges_by_anybody(patch: pytest.MonkeyPatch) -> None:
    verdict = Verdict(allowed=True, roles=("procuratorate",), reason=Text(zh="", en=""))
    patch.setattr(supervision, "decide", lambda *_args, **_more: verdict)


def glass_for_anybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AccessCommands, "_may_break", lambda *_args: True)


@pytest.mark.parametrize(
    "leak", [anybody_may, lists_of_all, refusals_without_a_leaf, nudges_by_anybody, glass_for_anybody]
)
def test_a_rule_taken_out_is_noticed(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, leak: Callable[[pytest.MonkeyPatch], None]
) -> None:
    leak(monkeypatch)
    few = [
        person
        for person in people()
        if person.region == ANJI and (person.organ == "social_work" or "approver" in person.duties)
    ]
    assert worlds.run(asked(worlds, few)).wrong
