"""What one operation carries: who asks, in which region and language, and what it has opened already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from gongzhi.cases.views import CaseSummary, CaseView, Count, Page
from gongzhi.declarations import ActResult, Command, Language, Text
from gongzhi.errors import (
    GongzhiError,
    InternalError,
    InvalidInput,
    LimitExceeded,
    NoSuchThing,
    SignInRequired,
)
from gongzhi.identity.actors import Actor
from gongzhi_graphql.limits import Limits

if TYPE_CHECKING:
    from gongzhi.host import Host
    from gongzhi_graphql.compose import View


VALUES = Text(zh="回复中的值", en="values in the reply")
VALUES_A_READ = 100
"""A read of the store takes about as long as so many fields."""


def is_over(error: GongzhiError) -> bool:
    """Whether it says that an operation's budget is spent."""
    return isinstance(error, LimitExceeded) and error.facts["what"] is VALUES


@dataclass(frozen=True, kw_only=True, order=True)
class Fault:
    """Code that broke while it read: a scene's, or our own (namespace `graphql`, no version)."""

    namespace: str
    version: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a subscription is about. `interest` is the feed's word for it; `look` answers a mark that is another one after a
    change, where there is one that is cheaper than reading; `mark` is that from before it was read."""

    interest: str
    look: Callable[[Actor], Awaitable[object]] | None = None
    mark: object = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """One operation's own; nothing here outlives it. `signed_in` is None for a visitor, who gets no field."""

    host: Host
    view: View
    region: str
    language: Language
    limits: Limits
    signed_in: Actor | None
    opened: dict[UUID, asyncio.Future[CaseView]] = field(default_factory=dict)
    # What nothing else puts on record; an act that breaks is audited by the dispatcher.
    faults: set[Fault] = field(default_factory=set)
    # Acts of one operation run one after the other, in the order in which they were asked: the fields of a
    # namespace would otherwise run side by side.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    spent: list[int] = field(default_factory=lambda: [0])
    sources: list[Source] = field(default_factory=list)

    @property
    def source(self) -> Source | None:
        """What the operation, a subscription, is about, once it was carried out."""
        return self.sources[-1] if self.sources else None

    def source_is(self, source: Source) -> None:
        """Say what the operation is about."""
        self.sources.append(source)

    @property
    def actor(self) -> Actor:
        """Who asks. Raises `SignInRequired`."""
        if self.signed_in is None:
            raise SignInRequired
        return self.signed_in

    def say(self, text: Text) -> str:
        """`text` in the request's language."""
        return text[self.language]

    async def open_case(self, case_id: UUID, *, asked: bool = True) -> CaseView:
        """Open a case, once an operation; `asked` as in `Reading.open_case`.

        Raises `NoSuchThing` also where its scene is not in this view.
        """
        if case_id not in self.opened:
            if len(self.opened) >= self.limits.opened_cases:
                raise LimitExceeded(
                    what=Text(zh="一次打开的案件", en="cases opened"), limit=self.limits.opened_cases
                )
            self.spend_read()
            reading = self.host.reading.open_case(self.actor, case_id, asked=asked)
            self.opened[case_id] = asyncio.ensure_future(reading)
        view = await self.opened[case_id]
        if not self.shows(view):
            raise NoSuchThing(where="/id")
        return view

    def shows(self, case: CaseSummary) -> bool:
        """Whether the case's scene is in this region's view."""
        return case.scene in self.view.scenes

    async def act(self, command: Command) -> ActResult:
        """Carry out `command`; what was opened before may have changed, so it is forgotten."""
        actor = self.actor
        async with self.turn:
            try:
                result = await self.host.dispatch.act(actor, command, self.region)
            except GongzhiError:
                raise
            except Exception as error:
                # The dispatcher has put it on record; as one of our own errors it is no fault of reading.
                raise InternalError from error
            self.opened.clear()
            return result

    async def cases(
        self, *, first: int, after: str | None, scene: str | None, search: str | None, open_: bool | None
    ) -> Page[CaseSummary]:
        """A page of cases in this region, without those of scenes outside this view."""
        self.spend_read()
        return await self.host.reading.cases(
            self.actor,
            self.region,
            scenes=self._shown(scene),
            search=search,
            open=open_,
            first=self.page_size(first),
            after=after,
        )

    async def case_count(self, *, scene: str | None, search: str | None, open_: bool | None) -> Count:
        """How many cases there are on all pages of `cases`."""
        self.spend_read()
        return await self.host.reading.case_count(
            self.actor, self.region, scenes=self._shown(scene), search=search, open=open_
        )

    def _shown(self, scene: str | None) -> list[str]:
        """The scenes of this view that a list looks among."""
        return [name for name in self.view.scenes if scene in (None, name)]

    def spend(self, values: int) -> None:
        """Count what goes into the reply. Raises `LimitExceeded` from the moment on when it is too much."""
        self.spent[0] += values
        if self.spent[0] > self.limits.values:
            raise LimitExceeded(what=VALUES, limit=self.limits.values)

    def spend_read(self) -> None:
        """Count a read of the store, before it is done. Raises as `spend`."""
        self.spend(VALUES_A_READ)

    def page_size(self, first: int) -> int:
        """`first`, when it is allowed. Raises `LimitExceeded` or `InvalidInput`."""
        if first > self.limits.page_size:
            raise LimitExceeded(where="/first", what="first", limit=self.limits.page_size)
        if first < 1:
            raise InvalidInput(where="/first", problem=Text(zh="至少为 1", en="at least 1"))
        return first
