"""The case list taken out page by page, as long as whoever takes it may see it; each one on record.

Every page is read through `CaseLists.cases`, so that an export holds what the list holds, by the same condition. Before
a page is handed out its reader's standing is asked for again: an ended session, a post that ended, other duties or other
scenes end the export there.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import orjson

from gongzhi.audit.leaf import Leaf, Outcome
from gongzhi.audit.log import AuditLog
from gongzhi.cases.cursor import PAGE_LIMIT
from gongzhi.cases.lists import CaseLists
from gongzhi.cases.views import CaseSummary
from gongzhi.clock import Clock
from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError, InvalidInput, LimitExceeded, Refused, RightsChanged, TooManyRequests
from gongzhi.identity.actors import Actor
from gongzhi.store import Row, Store, UnitOfWork

MOST_ROWS: Final = 20_000
AT_ONCE: Final = 2
"""Exports of one account that may run side by side."""
LONGEST: Final = timedelta(minutes=10)
"""How long one may take, a slow reader's time included."""

ROWS: Final = Text(zh="一次导出的案件", en="cases in one export")
NO_SUCH_SCENE: Final = Text(
    zh="该地区没有这个场景；不填则导出所有场景",
    en="the region shows no such scene; leave it out for all of them",
)
MINUTES: Final = Text(zh="导出的分钟数", en="minutes of an export")

Form = Literal["csv", "xlsx"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which part of the list is wanted, in which form; `scene` None means all that the region shows."""

    form: Form
    region: str
    scene: str | None = None
    search: str | None = None
    open: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Who reads, and the scenes that the region shows, now."""

    actor: Actor
    scenes: tuple[str, ...]


@dataclass(kw_only=True)
class Running:
    """An export under way: its row, what it began with, how many cases were handed out."""

    row: Row
    asked: Asked
    began: Standing
    expected: int
    handed_out: int = 0


class CaseExports:
    """Begins, walks and ends exports. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, clock: Clock, audit: AuditLog, lists: CaseLists) -> None:
        self._store, self._clock, self._audit, self._lists = store, clock, audit, lists
        self._filter_key = store.keys.secret("idempotency")

    async def begin(self, asked: Asked, standing: Standing) -> Running:
        """Put an export on record, before anything is handed out.

        Raises `InvalidInput` for a scene that the region doesn't show, which leaves nothing of what was asked for,
        `LimitExceeded` for more than `MOST_ROWS` cases, `TooManyRequests` while `AT_ONCE` others run.
        """
        if asked.scene is not None and asked.scene not in standing.scenes:
            async with self._store.unit_of_work() as uow:
                # Any text may stand there: the entry says that it was refused, and doesn't repeat it.
                await self._leaf(
                    uow,
                    replace(asked, scene=None),
                    standing.actor,
                    "begin_export",
                    "refused",
                    InvalidInput.code,
                )
            raise InvalidInput(where="/scene", problem=NO_SUCH_SCENE)
        actor, now = standing.actor, self._clock.now()
        try:
            expected = await self._lists.case_count(
                actor, asked.region, **_filter(asked, standing), at_most=MOST_ROWS
            )
            if not expected.exact:
                raise LimitExceeded(what=ROWS, limit=MOST_ROWS)
            async with self._store.unit_of_work() as uow:
                await self._hold_back(uow, actor, now)
                (row,) = await uow.insert("case_export", self._row(asked, actor, now))
                await self._leaf(uow, asked, actor, "begin_export", "read", "")
        except Refused as refusal:
            async with self._store.unit_of_work() as uow:
                await self._leaf(uow, asked, actor, "begin_export", "refused", refusal.code)
            raise
        return Running(row=row, asked=asked, began=standing, expected=expected.count)

    async def pages(
        self, running: Running, standing: Callable[[], Awaitable[Standing]]
    ) -> AsyncGenerator[Sequence[CaseSummary], None]:
        """The cases, each once, newest change first; those that changed meanwhile come once more at the end if they had
        not been reached.

        Raises `RightsChanged`, whatever `standing` raises, and `LimitExceeded`.
        """
        seen: set[UUID] = set()
        since: datetime | None = None
        while True:
            before = len(seen)
            async for page in self._walk(running, since):
                if await standing() != running.began:
                    raise RightsChanged
                self._hold_limits(running, len(seen))
                new = [case for case in page if case.id not in seen]
                seen.update(case.id for case in new)
                if new:
                    running.handed_out += len(new)
                    yield new
            if since is not None and len(seen) == before:
                return
            since = running.row["started_at"]

    async def end(self, running: Running, problem: GongzhiError | None, *, whole: bool) -> None:
        """Put on record how an export ended: `whole`, broken off by `problem`, or left by its reader."""
        outcome = "done" if whole else problem.code if problem is not None else "abandoned"
        told: Outcome = "read" if problem is None else "refused" if isinstance(problem, Refused) else "fault"
        async with self._store.unit_of_work() as uow:
            await uow.update(
                "case_export",
                running.row,
                rows=running.handed_out,
                outcome=outcome,
                ended_at=self._clock.now(),
            )
            code = "" if problem is None else problem.code
            await self._leaf(uow, running.asked, running.began.actor, "end_export", told, code)

    async def _walk(
        self, running: Running, since: datetime | None
    ) -> AsyncGenerator[Sequence[CaseSummary], None]:
        """Pages from the newest change down, or down to those changed at `since`."""
        after: str | None = None
        while True:
            page = await self._lists.cases(
                running.began.actor,
                running.asked.region,
                **_filter(running.asked, running.began),
                first=PAGE_LIMIT,
                after=after,
            )
            shown = [case for case in page.items if since is None or case.updated_at >= since]
            if shown:
                yield shown
            if not page.has_next or len(shown) < len(page.items):
                return
            after = page.cursors[-1]

    def _hold_limits(self, running: Running, seen: int) -> None:
        if seen >= MOST_ROWS:
            raise LimitExceeded(what=ROWS, limit=MOST_ROWS)
        if self._clock.now() - running.row["started_at"] > LONGEST:
            raise LimitExceeded(what=MINUTES, limit=int(LONGEST.total_seconds() // 60))

    async def _hold_back(self, uow: UnitOfWork, actor: Actor, now: datetime) -> None:
        running = await uow.fetchval(
            "SELECT count(*) FROM case_export WHERE account_id = $1 AND ended_at IS NULL AND started_at > $2",
            actor.account_id,
            now - LONGEST,
        )
        if running >= AT_ONCE:
            raise TooManyRequests(seconds=60)

    def _row(self, asked: Asked, actor: Actor, now: datetime) -> dict[str, Any]:
        return {
            "id": uuid4(),
            "account_id": actor.account_id,
            "organ_id": actor.organ.id,
            "region": asked.region,
            "scene": asked.scene or "",
            "form": asked.form,
            "filter_hash": self._digest(asked),
            "started_at": now,
        }

    def _digest(self, asked: Asked) -> bytes:
        """Keyed, since what somebody searched for may be personal."""
        said = [asked.form, asked.region, asked.scene, asked.search, asked.open]
        return hmac.digest(self._filter_key, b"export\n" + orjson.dumps(said), "sha256")

    async def _leaf(
        self, uow: UnitOfWork, asked: Asked, actor: Actor, action: str, outcome: Outcome, code: str
    ) -> None:
        await self._audit.append(
            uow,
            Leaf(
                at=self._clock.now(),
                actor=actor.account_id,
                organ=actor.organ.id,
                namespace=asked.scene or "cases",
                version="",
                action=action,
                region=asked.region,
                case_id=None,
                outcome=outcome,
                code=code,
                rows=tuple(uow.changes),
                input_hash=self._digest(asked),
                in_place_of=actor.in_place_of,
            ),
        )


def _filter(asked: Asked, standing: Standing) -> dict[str, Any]:
    shown = [name for name in standing.scenes if asked.scene in (None, name)]
    return {"scenes": shown, "search": asked.search, "open": asked.open}
