"""Lists of what an actor may see: cases below a region, and what waits for the actor's organ. Nothing personal.

The policy is a condition of the query, never a filter after it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gongzhi.cases.batches import deadline_views, letter_views, summary_of
from gongzhi.cases.cursor import after_cursor, page_limit, page_of
from gongzhi.cases.queries import (
    COUNTED,
    COUNTED_WAITING,
    NOT_COMPILED,
    PLANNED_ANEW,
    CaseQueries,
    InboxQueries,
)
from gongzhi.cases.search import query
from gongzhi.cases.shaping import text
from gongzhi.cases.targets import loaded, readers_of
from gongzhi.cases.views import WAITS, CaseSummary, Count, InboxItem, Page, Waits
from gongzhi.clock import Clock
from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import visible_cases
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.scopes import INBOX, require
from gongzhi.scenes.host import SceneHost
from gongzhi.store import Store, UnitOfWork

NO_SUCH_KIND: Final = Text(zh=f"须为 {', '.join(WAITS)}", en=f"must be of {', '.join(WAITS)}")

MARK = "c.row_version + " + " + ".join(
    f"(SELECT coalesce(sum(part.row_version), 0) FROM {table} part WHERE part.case_id = c.id)"
    for table in ("letter", "deadline", "case_organ")
)


class CaseLists:
    """Lists for actors. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, clock: Clock, tree: RegionTree, scenes: SceneHost) -> None:
        self._store, self._clock, self._tree, self._scenes = store, clock, tree, scenes

    async def cases(
        self,
        actor: Actor,
        region: str,
        *,
        scenes: Collection[str] | None = None,
        search: str | None = None,
        open: bool | None = None,
        first: int = 20,
        after: str | None = None,
    ) -> Page[CaseSummary]:
        """Cases below `region` that the actor may read, newest change first; nothing personal in them.

        `scenes` are those looked among; None means all.
        """
        queries = self._queries(
            actor,
            region,
            scenes=scenes,
            search=search,
            open=open,
            after=after_cursor(after) if after is not None else None,
        )
        limit = page_limit(first)
        async with self._store.unit_of_work() as uow:
            await uow.execute(PLANNED_ANEW)
            rows = await _page(uow, queries, limit + 1)
        return page_of(
            rows,
            limit,
            lambda row: (row["updated_at"], row["id"]),
            lambda row: summary_of(self._scenes, self._tree, row),
        )

    async def case_count(
        self,
        actor: Actor,
        region: str,
        *,
        scenes: Collection[str] | None = None,
        search: str | None = None,
        open: bool | None = None,
        at_most: int | None = None,
    ) -> Count:
        """How many cases `cases` would list, page by page; by the same condition, and counted only so far: up to
        `at_most`, or as far as somebody at a screen cares."""
        queries = self._queries(actor, region, scenes=scenes, search=search, open=open)
        bound = at_most or (COUNTED if queries.words is None else COUNTED_WAITING)
        async with self._store.unit_of_work() as uow:
            await uow.execute(PLANNED_ANEW)
            counting = queries.count(bound)
            count = await uow.fetchval(counting.sql, *counting.args) if counting else 0
        return Count.up_to(bound, count)

    async def case_mark(self, actor: Actor, case_id: UUID) -> int:
        """A number that is another one after each change of a case, its letters, clocks or organs.

        Raises `NoSuchThing` where the actor may not read it.
        """
        async with self._store.unit_of_work() as uow:
            return int((await self._visible(uow, actor, case_id, f"{MARK} AS mark"))["mark"])

    async def _visible(self, uow: UnitOfWork, actor: Actor, case_id: UUID, columns: str) -> Mapping[str, Any]:
        """Columns of a case `c`, if the actor may read it; by the condition of the lists, or by a grant that holds."""
        scenes, now = readers_of(self._scenes), self._clock.now()
        condition, args = visible_cases(actor, self._tree, 2, scenes=scenes, at=now)
        row = await uow.fetchrow(
            f"SELECT {columns} FROM cases c WHERE c.id = $1 AND {condition}", case_id, *args
        )
        if row is None:
            raise NoSuchThing(where="/id")
        return row

    async def inbox(
        self, actor: Actor, *, first: int = 20, after: str | None = None, waits: str | None = None
    ) -> Page[InboxItem]:
        """What waits for the actor's organ and department: letters to sign for or answer, clocks that run on it without
        a letter that says so, clocks that ran out, and letters of its own that could not be delivered.

        Newest first; `waits` is the one kind wanted. A sealed case sends nobody anything. Raises `ScopeMissing`, and
        `InvalidInput` for an unknown kind.
        """
        require(actor, INBOX)
        limit = page_limit(first)
        page = self._inbox(actor, _kind(waits)).page(
            limit + 1, after_cursor(after) if after is not None else None
        )
        async with self._store.unit_of_work() as uow:
            await uow.execute(NOT_COMPILED)
            rows = await uow.fetch(page.sql, *page.args)
            shown = rows[:limit]
            cases = await _titles(uow, [row["case_id"] for row in shown])
            letters = await letter_views(
                self._scenes, self._tree, uow, actor, [r["letter_id"] for r in shown if r["letter_id"]]
            )
            clocks = await deadline_views(
                self._scenes, uow, actor, [r["deadline_id"] for r in shown if r["deadline_id"]]
            )

        def item(row: Mapping[str, Any]) -> InboxItem:
            case = cases[row["case_id"]]
            return InboxItem(
                id=row["id"],
                waits=row["waits"],
                at=row["at"],
                due_at=row["due_at"],
                case_id=row["case_id"],
                case_title=text(case["title"]),
                region=case["region"],
                letter=letters.get(row["letter_id"]),
                deadline=clocks.get(row["deadline_id"]),
            )

        return page_of(rows, limit, lambda row: (row["at"], row["id"]), item)

    async def inbox_counts(self, actor: Actor) -> Mapping[Waits, Count]:
        """How many items of each kind are in the actor's inbox, by the conditions of the inbox itself; every kind is
        there. Raises `ScopeMissing`."""
        require(actor, INBOX)
        counting = self._inbox(actor).counts()
        async with self._store.unit_of_work() as uow:
            await uow.execute(NOT_COMPILED)
            rows = await uow.fetch(counting.sql, *counting.args)
        found = {row["waits"]: row["count"] for row in rows}
        return {waits: Count.up_to(COUNTED_WAITING, found.get(waits, 0)) for waits in WAITS}

    def _queries(
        self,
        actor: Actor,
        region: str,
        *,
        scenes: Collection[str] | None,
        search: str | None,
        open: bool | None,
        after: tuple[datetime, UUID] | None = None,
    ) -> CaseQueries:
        return CaseQueries(
            actor=actor,
            tree=self._tree,
            readers=readers_of(self._scenes),
            region=region,
            scenes=scenes,
            words=query(search) if search else None,
            open=open,
            after=after,
        )

    def _inbox(self, actor: Actor, waits: Waits | None = None) -> InboxQueries:
        return InboxQueries(
            actor=actor,
            tree=self._tree,
            readers=readers_of(self._scenes),
            answerable=self._answerable(),
            now=self._clock.now(),
            waits=waits,
        )

    def _answerable(self) -> list[str]:
        """Kinds of letters that some action of their scene answers; others are done when they are signed for."""
        return [
            spec.answers
            for scene in loaded(self._scenes)
            for spec in scene.workflow.file.actions.values()
            if spec.answers is not None
        ]


def _kind(waits: str | None) -> Waits | None:
    """The kind of this name; None for none. Raises `InvalidInput`."""
    if waits is None:
        return None
    for kind in WAITS:
        if kind == waits:
            return kind
    raise InvalidInput(where="/waits", problem=NO_SUCH_KIND)


async def _page(uow: UnitOfWork, queries: CaseQueries, limit: int) -> list[dict[str, Any]]:
    """The first `limit` cases, with the words searched for where there are any."""
    if queries.words is None:
        page = queries.page(limit)
        return await uow.fetch(page.sql, *page.args) if page else []
    newest, every = queries.newest_found(limit), queries.all_found(limit)
    if newest is None or every is None:
        return []
    rows = await uow.fetch(newest.sql, *newest.args)
    return rows if len(rows) == limit else await uow.fetch(every.sql, *every.args)


async def _titles(uow: UnitOfWork, ids: list[UUID]) -> dict[UUID, Mapping[str, Any]]:
    rows = await uow.fetch("SELECT id, title, region, scene FROM cases WHERE id = ANY($1)", ids)
    return {row["id"]: row for row in rows}
