"""Two worlds with the same cases, told with other secrets: who reads no more than what is not sensitive can't tell them
apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from gongzhi.cases.records import load_case
from gongzhi.store import SubjectVault

from .comparing import Comparison
from .runs import Pair, Tally, ids_of
from .sweeps import Things, of_http, plainly, pool
from .told import told, told_otherwise
from .worlds import ANJI, Snapshot, Story, World, Worlds

NAME = "school"

NOTHING = Things(cases=[], letters=[], items=[], others=[], cursors=[], words=[], numbers=[])


@dataclass(frozen=True, kw_only=True)
class Tellings:
    """The two worlds at rest."""

    first: Snapshot
    second: Snapshot

    @classmethod
    async def of(cls, worlds: Worlds) -> Tellings:
        """Tell the same story twice."""
        first = await worlds.retell(0, lambda world: _tell(world, told, "甲"))
        second = await worlds.retell(0, lambda world: _tell(world, told_otherwise, "乙"))
        return cls(first=first, second=second)

    async def told_apart_by(self, worlds: Worlds, login: str, *, most: int) -> list[str]:
        """What somebody who asks everything finds different."""
        async with self._opened(worlds) as (first, second):
            async with worlds.opened(worlds.stages[0]) as (empty,):
                known = await ids_of(empty)
            pair = Pair(
                first=first,
                second=second,
                tally=Tally(),
                comparison=Comparison(known=known),
                twins=await _twins(first, second),
            )
            seen = await Things.of(second, [NAME])
            typed = pool(seen, NOTHING, [], some=99)
            schema = await pair.schema(login, ANJI)
            await pair.sweep(plainly(schema, login, ANJI, typed), most=most)
            await pair.sweep(of_http(second, login, seen, seen, pages=False), most=most)
            return pair.found

    async def alike(self, worlds: Worlds, login: str) -> set[str]:
        """The places masked for somebody that the worlds have in common; there masking hides no difference."""
        async with self._opened(worlds) as (first, second):
            query = "query ($id: ID!) { case(id: $id) { masked } }"
            reply = await second.graphql(login, ANJI, query, {"id": f"Case:{second.cases[NAME]}"})
            ours, theirs = await _data(first), await _data(second)
            masked = reply.json()["data"]["case"]["masked"]
            assert masked
            return {place for place in masked if _at(ours, place) == _at(theirs, place)}

    @asynccontextmanager
    async def _opened(self, worlds: Worlds) -> AsyncIterator[list[World]]:
        async with worlds.opened(self.first, self.second) as opened:
            yield opened


async def _data(world: World) -> Any:
    """The case in clear."""
    store = world.application.host.store
    async with store.unit_of_work() as uow:
        case = await load_case(uow, SubjectVault(store.keys), UUID(world.cases[NAME]), lock=False)
    return case.data


def _at(value: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


async def _twins(first: World, second: World) -> dict[str, str]:
    """Which case and letters of the first world stand for those of the second, by id of the second."""
    ours, theirs = await _ids(first), await _ids(second)
    assert ours.keys() == theirs.keys()
    return {theirs[what]: ours[what] for what in ours}


async def _ids(world: World) -> dict[tuple[str, ...], str]:
    case = world.cases[NAME]
    letters = await world.fetch("SELECT id, kind, role FROM letter WHERE case_id = $1::text::uuid", case)
    return {("case",): case} | {(row["kind"], row["role"]): str(row["id"]) for row in letters}


async def _tell(world: World, said: Callable[[str, str], Mapping[str, Any]], own: str) -> None:
    """From the prompt to the support asked for, with `own` in whatever is written on the way."""
    story = Story(world)
    given = said(NAME, ANJI)
    world.cases[NAME] = await story.act("doctor", "prompt", **given)
    await story.act(
        "doctor", "report", NAME, facts=given["facts"], evidence_kept=["PHOTO" if own == "甲" else "VIDEO"]
    )
    await world.settle()
    await story.signs("police", NAME, "mandatory_report")
    await story.act(
        "police",
        "triage",
        NAME,
        triage_category="POLICE",
        acceptance="CRIMINAL",
        acceptance_no=f"{own}〔2026〕号",
    )
    await story.act(
        "police", "feedback", NAME, feedback_outcome="PROTECTED", feedback_text=f"{own}：已立案。"
    )
    await world.settle()
    day = "2026-04-01" if own == "甲" else "2026-04-02"
    await story.act("police", "announceProsecution", NAME, prosecution_date=day)
    await world.settle()
    await story.act(
        "procurator", "requestSupport", NAME, support_needs=["LEGAL_AID"], support_note=f"{own}说明"
    )
    await world.settle()
