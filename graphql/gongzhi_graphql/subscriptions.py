"""Subscriptions over server-sent events: npm graphql-sse's protocol, “distinct connections mode”.

The first event is how things stand; another one follows each time that it differs. Word of a change only wakes: the
operation is then carried out again, under the rights of that moment. Before each event, and every `CHECK_SECONDS`, the
request's credentials are looked up anew; a session that ended is told so, and the stream is over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from gongzhi.errors import GongzhiError, RightsChanged, TooManyRequests
from gongzhi.identity.actors import Actor
from gongzhi.streams import BrokenOff
from gongzhi_graphql.context import Context
from gongzhi_graphql.problems import located, public

if TYPE_CHECKING:
    from gongzhi.feed import Feed

CHECK_SECONDS: Final = 5.0
"""A revocation wakes at once; should its word be lost, it takes so long. A heartbeat goes out as often."""
LOOK_SECONDS: Final = 30.0
"""How often a stream looks for news of which no word came."""
PAUSE_SECONDS: Final = 0.5
"""Between two events at least; what changes meanwhile is in the next one."""
STREAMS_OF_ONE: Final = 10
STREAMS_IN_ALL: Final = 1_000
"""Open streams of one account, and of all, in one process."""

HEARTBEAT: Final = b":\n\n"
COMPLETE: Final = b"event: complete\ndata: \n\n"


def event(body: dict[str, Any]) -> bytes:
    """A result as an event `next`."""
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Who reads and what they are shown, now."""

    actor: Actor
    scenes: tuple[tuple[str, str], ...]


class OpenStreams:
    """How many streams are open in this process."""

    def __init__(self) -> None:
        self._of: Counter[UUID] = Counter()

    def hold(self, actor: Actor) -> None:
        """Raises `TooManyRequests` where another stream would be one too many."""
        if self._of[actor.account_id] >= STREAMS_OF_ONE or self._of.total() >= STREAMS_IN_ALL:
            raise TooManyRequests(seconds=30)

    @contextmanager
    def one_more(self, actor: Actor) -> Iterator[None]:
        """A stream of this account, as long as the context lasts."""
        self._of[actor.account_id] += 1
        try:
            yield
        finally:
            self._of[actor.account_id] -= 1
            if not self._of[actor.account_id]:
                del self._of[actor.account_id]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One subscription. `carry_out` runs the operation in a fresh context; `standing` looks its reader up anew."""

    feed: Feed
    began: Standing
    standing: Callable[[], Awaitable[Standing]]
    context: Callable[[Actor], Awaitable[Context]]
    carry_out: Callable[[Context], Awaitable[dict[str, Any]]]
    refused: Callable[[GongzhiError], Awaitable[None]]

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The body of the reply."""
        context = await self.context(self.began.actor)
        yield HEARTBEAT  # so that the reply begins, whatever stands in between
        try:
            async for body in self._bodies(context):
                yield event(body) if body is not None else HEARTBEAT
        except GongzhiError as refusal:
            await self.refused(refusal)
            yield event({"errors": [public(located(refusal), context.language)]})
        yield COMPLETE

    async def _bodies(self, context: Context) -> AsyncGenerator[dict[str, Any] | None, None]:
        """Results, each different from the one before; None for a heartbeat. Raises what ends the stream."""
        clock = asyncio.get_running_loop().time
        with self.feed.watching(f"account:{self.began.actor.account_id}") as watch:
            body = await self.carry_out(context)
            await self._still()
            yield body
            source = context.source
            if source is None or body.get("data") is None:
                return
            watch.narrow(source.interest)
            mark, told, looked, due = source.mark, orjson.dumps(body), clock(), False
            beat = clock() + CHECK_SECONDS
            while True:
                ready = looked + PAUSE_SECONDS
                heard = await watch.wait(max(0.0, min(beat, ready) - clock() if due else beat - clock()))
                if self.feed.stopping:
                    raise BrokenOff  # unlike the end of a stream this tells the client to come again
                await self._still()
                due = due or bool(heard) or clock() - looked >= LOOK_SECONDS
                if due and clock() >= ready:
                    looked, due = clock(), False
                    now = await source.look(self.began.actor) if source.look else None
                    if source.look is None or now != mark:
                        body = await self.carry_out(await self.context(self.began.actor))
                        await self._still()
                        mark, fresh = now, orjson.dumps(body)
                        if fresh != told:
                            told = fresh
                            yield body
                # By the clock and whatever was heard: a beat that word held back would tell of changes kept from them.
                if clock() >= beat:
                    beat += CHECK_SECONDS * (1 + (clock() - beat) // CHECK_SECONDS)
                    yield None

    async def _still(self) -> None:
        if await self.standing() != self.began:
            raise RightsChanged
