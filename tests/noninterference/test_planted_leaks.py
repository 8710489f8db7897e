"""A filter taken out, one at a time: the comparison must notice each, or its silence would mean nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
import strawberry

from gongzhi import http
from gongzhi.cases import acting, finding, masking, reading
from gongzhi.cases import queries as case_queries
from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed
from gongzhi.identity.policy import Verdict, Way, ways_to_see
from gongzhi_graphql import roots
from gongzhi_graphql.basics import Info
from gongzhi_graphql.fields import field

from .people import LAST
from .runs import Pair, Tally
from .sweeps import Request, of_graphql, of_http, plainly, pool
from .tellings import Tellings
from .worlds import ANJI, HUZHOU, YIWU, ZHEJIANG, Snapshot, Worlds

Patch = pytest.MonkeyPatch
Leak = Callable[[Patch], None]


def lists_without_a_condition(patch: Patch) -> None:
    def every_way(*args: Any, **more: Any) -> tuple[list[Way], tuple[Any, ...]]:
        ways, values = ways_to_see(*args, **more)
        return [*ways, Way(condition="(true)")], values

    patch.setattr(case_queries, "ways_to_see", every_way)


def finding_without_a_condition(patch: Patch) -> None:
    patch.setattr(finding, "visible_cases", lambda *_args, **_more: ("(true)", ()))


def cases_without_a_decision(patch: Patch) -> None:
    finding_without_a_condition(patch)
    everybody = Verdict(allowed=True, roles=("police",), reason=Text(zh="", en=""))
    patch.setattr(finding, "decide", lambda *_args, **_more: everybody)


def refusals_that_tell(patch: Patch) -> None:
    def refusal(self: Verdict, action: Text | str) -> ActionNotAllowed:
        return ActionNotAllowed(action=action, reason_zh=self.reason.zh, reason_en=self.reason.en)

    finding_without_a_condition(patch)
    patch.setattr(Verdict, "refusal", refusal)


def a_count_of_all(patch: Patch) -> None:
    """A new field of the schema, of which no test has ever heard."""

    @strawberry.type(name="Query")
    class Counting(roots.Query):
        @field()
        async def how_many(self, info: Info) -> int:
            async with info.context.host.store.unit_of_work() as uow:
                return int(await uow.fetchval("SELECT count(*) FROM cases"))

    patch.setattr(roots, "Query", Counting)


def keys_of_all_organs_together(patch: Patch) -> None:
    async def existing(self: Any, uow: Any, scope: Any, key: str) -> UUID | None:
        for row in await uow.fetch("SELECT id FROM organ"):
            text = f"{scope.scene.id}\n{row['id']}\n{key}".encode()
            digest = hmac.new(self._keys.unique_key, text, hashlib.sha256).digest()
            case_id: UUID | None = await uow.fetchval(
                "SELECT case_id FROM case_unique WHERE key_hash = $1", digest
            )
            if case_id is not None:
                return case_id
        return None

    patch.setattr(acting.CaseActing, "_existing", existing)


def views_that_follow_cases(patch: Patch) -> None:
    async def with_cases(uow: Any, tree: Any, region: str) -> set[str]:
        rows = await uow.fetch("SELECT DISTINCT scene FROM cases WHERE region LIKE $1", tree.prefix(region))
        return {row["scene"] for row in rows}

    patch.setattr("gongzhi.host.scenes_in_view", with_cases)


def figures_for_everybody(patch: Patch) -> None:
    patch.setattr(http, "_is_local", lambda _request: True)


def nothing_masked(patch: Patch) -> None:
    def bare(_schema: Any, data: Any, _sight: Any, *, minor: bool) -> masking.MaskedView:
        return masking.MaskedView(data=dict(data), masked=(), revealable={})

    patch.setattr(reading, "masked_view", bare)


def queries(pair: Pair, schema: Any, login: str, region: str, typed: Any) -> Iterator[Request]:
    return of_graphql(schema, login, region, typed, "query")


def plain_queries(pair: Pair, schema: Any, login: str, region: str, typed: Any) -> Iterator[Request]:
    return plainly(schema, login, region, typed)


def mutations(pair: Pair, schema: Any, login: str, region: str, typed: Any) -> Iterator[Request]:
    return of_graphql(schema, login, region, typed, "mutation")


async def differences(
    worlds: Worlds, stages: tuple[Snapshot, Snapshot], login: str | None, region: str, asked: Any
) -> tuple[list[str], int]:
    """What differs first, if anything, and how many requests it took."""
    async with worlds.opened(*stages) as (first, second):
        pair = await Pair.of(first, second, Tally())
        seen, hidden = await pair.things()
        typed = pool(seen, hidden, [], some=2)
        await pair.sweep(of_http(second, login, seen, hidden, pages=False), most=1)
        if not pair.found:
            schema = await pair.schema(login, region)
            await pair.sweep(asked(pair, schema, login, region, typed), acts=asked is mutations, most=1)
        return pair.found, pair.acts


@pytest.mark.parametrize(
    ("leak", "stage", "login", "region", "asked"),
    [
        (lists_without_a_condition, 0, "yiwu-procurator", HUZHOU, plain_queries),
        (lists_without_a_condition, 3, "health", ANJI, queries),
        (cases_without_a_decision, 0, "province-twin", ZHEJIANG, queries),
        (refusals_that_tell, 2, "doctor", HUZHOU, queries),
        (refusals_that_tell, 3, "police", ANJI, mutations),
        (a_count_of_all, 4, "supervisor", HUZHOU, plain_queries),
        (keys_of_all_organs_together, 2, "doctor", HUZHOU, mutations),
        (views_that_follow_cases, 0, None, ZHEJIANG, plain_queries),
        (figures_for_everybody, 0, "yiwu-procurator", YIWU, plain_queries),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_a_leak_is_noticed(
    worlds: Worlds, monkeypatch: Patch, leak: Leak, stage: int, login: str | None, region: str, asked: Any
) -> None:
    leak(monkeypatch)
    stages = worlds.stages[stage], worlds.stages[LAST]
    found, _ = worlds.run(differences(worlds, stages, login, region, asked))
    assert found


def test_masking_taken_off_is_noticed(worlds: Worlds, tellings: Tellings, monkeypatch: Patch) -> None:
    nothing_masked(monkeypatch)
    assert worlds.run(tellings.told_apart_by(worlds, "health", most=1))
