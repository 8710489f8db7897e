"""Whether the time of an answer tells a sealed case from none: requests for both in turn, over HTTP and GraphQL.

The story of a report is played to its sealing on an embedded server. Then the police, who knew the case, ask for it and for
an id that never was, in an order drawn anew for each pair. Prints one JSON object: for each way of asking the AUC of a
Mann–Whitney test over all pairs, from 0.5 (chance) up, next to the median of both times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import structlog

from gongzhi.clock import VirtualClock
from gongzhi.identity.pace import Pace
from gongzhi_admin.demo.command import LOGINS, START, _client, _serving, _settle
from gongzhi_admin.demo.play import Play

REGION = "330523"
WHO = "police"

Request = tuple[str, str, dict[str, Any] | None]
"""Method, path and JSON body."""


def graphql(query: str, **variables: Any) -> Request:
    return "POST", f"/graphql/{REGION}", {"query": query, "variables": variables}


def key() -> str:
    return str(uuid.uuid4())


WAYS: dict[str, tuple[str, Callable[[uuid.UUID], Request]]] = {
    "case": ("case", lambda id: graphql("query($id: ID!) { case(id: $id) { id } }", id=f"Case:{id}")),
    "node": ("case", lambda id: graphql("query($id: ID!) { node(id: $id) { id } }", id=f"Case:{id}")),
    "letter": ("letter", lambda id: graphql("query($id: ID!) { letter(id: $id) { id } }", id=f"Letter:{id}")),
    "document": ("letter", lambda id: ("GET", f"/documents/{id}.pdf", None)),
    "act": (
        "case",
        lambda id: graphql(
            "mutation($case: ID!, $key: String!) { minorProtection { receive(case: $case, key: $key) { replayed } } }",
            case=f"Case:{id}",
            key=key(),
        ),
    ),
    "sign": (
        "letter",
        lambda id: graphql(
            "mutation($letter: ID!, $key: String!) { letters { sign(letter: $letter, key: $key) { replayed } } }",
            letter=f"Letter:{id}",
            key=key(),
        ),
    ),
    "reveal": (
        "case",
        lambda id: graphql(
            "mutation($case: ID!, $key: String!) { access"
            " { revealCase(case: $case, reason: HANDLING, key: $key) { replayed } } }",
            case=f"Case:{id}",
            key=key(),
        ),
    ),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=400)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="gongzhi-bench-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), options.pairs))))


async def measure(folder: Path, pairs: int) -> dict[str, Any]:
    """The AUC of each way, over so many pairs."""
    clock = VirtualClock(START)
    async with _serving(folder, clock) as (application, url), AsyncExitStack() as stack:
        application.host.sign_in.pace = Pace(1_000_000)  # all of them come in one virtual minute
        clients = {
            login: await stack.enter_async_context(await _client(application, url, login)) for login in LOGINS
        }
        play = Play(clients, clock.advance, say=lambda _line: None)
        reported = await play.report()
        await play.handle(reported, lambda: _settle(application))
        case = uuid.UUID(reported.removeprefix("Case:"))
        async with application.host.store.unit_of_work() as uow:
            letter = await uow.fetchval(
                "SELECT id FROM letter WHERE case_id = $1 ORDER BY accepted_at, id LIMIT 1",
                case,
            )
        known = {"case": case, "letter": letter}
        draw = random.Random(20261122)
        ways = {}
        for name, (kind, request) in WAYS.items():
            sealed, none = await ask_in_turn(clients[WHO], known[kind], request, pairs, draw)
            ways[name] = {
                "auc": round(auc(sealed, none), 4),
                "sealed_median_ms": round(statistics.median(sealed) * 1000, 3),
                "none_median_ms": round(statistics.median(none) * 1000, 3),
            }
    return {
        "benchmark": "sealed_timing",
        "pairs": pairs,
        "worst_auc": max(w["auc"] for w in ways.values()),
        "ways": ways,
    }


async def ask_in_turn(
    client: httpx.AsyncClient,
    sealed: uuid.UUID,
    request: Callable[[uuid.UUID], Request],
    pairs: int,
    draw: random.Random,
) -> tuple[list[float], list[float]]:
    """Seconds that answers for the sealed id and for fresh ids took; raises where two of a pair differ in words."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(-20, pairs):  # the first warm caches and connections up
        said = {}
        for which in draw.sample((0, 1), 2):
            method, path, body = request(sealed if which == 0 else uuid.uuid4())
            started = time.perf_counter()
            answer = await client.request(method, path, json=body)
            took = time.perf_counter() - started
            said[which] = (answer.status_code, answer.text)
            if number >= 0:
                times[which].append(took)
        if said[0] != said[1]:
            raise SystemExit(f"the answers differ: {said}")
    return times


def auc(first: Sequence[float], second: Sequence[float]) -> float:
    """How well a threshold tells the two apart: 0.5 is not at all. Mann–Whitney's U by ranks, ties halved."""
    marked = sorted([(seconds, 0) for seconds in first] + [(seconds, 1) for seconds in second])
    ranks, place = 0.0, 0
    while place < len(marked):
        end = place
        while end < len(marked) and marked[end][0] == marked[place][0]:
            end += 1
        shared = (place + 1 + end) / 2
        ranks += shared * sum(1 for _, which in marked[place:end] if which == 0)
        place = end
    u = ranks - len(first) * (len(first) + 1) / 2
    share = u / (len(first) * len(second))
    return max(share, 1 - share)


if __name__ == "__main__":
    main()
