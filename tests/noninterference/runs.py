"""One run: requests sent to two worlds side by side, answers compared, everything counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import httpx
import orjson
from graphql import GraphQLSchema, build_schema

from .asking import Place
from .comparing import Comparison
from .covering import Coverage, places
from .sweeps import Request, Things, with_key
from .worlds import World

MOST_TOLD = 20


@dataclass
class Tally:
    """What was done, over all pairs of worlds."""

    operations: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    places: set[Place] = field(default_factory=set)
    accepted: Counter[Place] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    addresses: Counter[Place] = field(default_factory=Counter)
    allowed: set[str] = field(default_factory=set)

    def summary(self) -> dict[str, int]:
        """The figures, by name."""
        return {
            "operations": self.operations.total(),
            "queries": self.operations["query"],
            "mutations": self.operations["mutation"],
            "subscriptions": self.operations["subscription"],
            "requests elsewhere": self.operations["http"],
            "comparisons": self.compared,
            "fields of the schema": len(self.places),
            "fields asked for": len(self.places & set(self.coverage.asked)),
            "fields with something to show": len({p for p in self.places if self.coverage.shown[p]}),
            "addresses": len(self.addresses),
        }


@dataclass
class Pair:
    """Two running worlds whose answers to the same person must not differ.

    `twins` says, where something was made in each world by itself, which id of the first stands for one of the second.
    """

    first: World
    second: World
    tally: Tally
    comparison: Comparison
    twins: Mapping[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    acts: int = 0

    @classmethod
    async def of(cls, first: World, second: World, tally: Tally) -> Pair:
        """A pair; whatever ids the first world has now, the second has too, and they count as known."""
        return cls(first=first, second=second, tally=tally, comparison=Comparison(known=await ids_of(first)))

    @property
    def hidden(self) -> list[str]:
        """The cases that only the second world has, by name."""
        return [name for name in self.second.cases if name not in self.first.cases]

    async def things(self) -> tuple[Things, Things]:
        """What belongs to cases of both worlds, and to cases of the second alone."""
        seen = await Things.of(self.second, list(self.first.cases))
        return seen, await Things.of(self.second, self.hidden)

    async def schema(self, login: str | None, region: str) -> GraphQLSchema:
        """The schema that this person is shown there, asked of both worlds."""
        path = f"/graphql/{region}/schema.graphql"
        request = Request(login=login, method="GET", path=path, about=("GET", "schema.graphql"))
        schema = _schema((await self.ask(request)).text)
        self.tally.places |= places(schema)
        return schema

    async def sweep(self, requests: Iterable[Request], *, acts: bool = False, most: int = MOST_TOLD) -> None:
        """Send them all; between acts a second passes. Stops when enough differences are found."""
        for request in requests:
            if acts:
                self.first.clock.advance(timedelta(seconds=1))
                self.second.clock.advance(timedelta(seconds=1))
            await self.ask(request)
            if len(self.found) >= most:
                return

    async def come_to_rest(self) -> None:
        """Let both worlds deliver their letters."""
        for world in (self.first, self.second):
            await world.application.worker.start()
            await world.settle()
            await world.application.worker.stop()

    async def ask(self, request: Request) -> httpx.Response:
        """Send one request to both worlds; answers the second's reply."""
        self.acts += 1
        request = with_key(request, f"key-{self.acts:08}")
        first, second = await asyncio.gather(
            _send(self.first, self._in_the_first(request)), _send(self.second, request)
        )
        for difference in self.comparison.differences(request.login, request.path, first, second):
            given = request.json.get("variables") if isinstance(request.json, dict) else None
            self.found.append(
                f"{request.login} {request.method} {request.path} {request.about} {given}: {difference}"
            )
        self._count(request, second)
        return second

    def _in_the_first(self, request: Request) -> Request:
        if not self.twins:
            return request
        path, json = request.path, orjson.dumps(request.json).decode()
        for theirs, ours in self.twins.items():
            path, json = path.replace(theirs, ours), json.replace(theirs, ours)
        return replace(request, path=path, json=orjson.loads(json))

    def _count(self, request: Request, reply: httpx.Response) -> None:
        tally = self.tally
        tally.compared += 1
        tally.allowed |= self.comparison.used
        if request.schema is None:
            tally.operations["http"] += 1
            tally.addresses[request.about] += 1
            return
        kind = request.document.split(" ", 1)[0]
        tally.operations[kind] += 1
        body = reply.json()
        errors = body.get("errors", [])
        tally.refused.update(error["extensions"]["code"] for error in errors)
        tally.coverage.count(request.schema, request.document, body.get("data"))
        if not errors:
            tally.accepted[request.about] += 1


async def _send(world: World, request: Request) -> httpx.Response:
    if request.document.startswith("subscription"):
        return await world.listen(request.path, request.login, request.json)
    body = {} if request.json is None else {"json": request.json}
    return await world.send(request.method, request.path, request.login, **body)


@lru_cache(maxsize=32)
def _schema(sdl: str) -> GraphQLSchema:
    return build_schema(sdl, assume_valid=True)


async def ids_of(world: World) -> frozenset[str]:
    """Every uuid that stands in a column of a world's database."""
    columns: Sequence[dict[str, Any]] = await world.fetch(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.data_type = 'uuid' AND c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
    )
    ids: set[str] = set()
    for column in columns:
        rows = await world.fetch(
            f'SELECT DISTINCT "{column["column_name"]}" AS id FROM "{column["table_name"]}"'
        )
        ids.update(str(row["id"]) for row in rows)
    return frozenset(ids)
