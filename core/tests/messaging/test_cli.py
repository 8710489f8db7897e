"""`gongzhi outbox …` as an operator uses it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest

from gongzhi.cli import main
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.messaging import outbox
from gongzhi.messaging.cli import add_outbox_commands
from gongzhi.messaging.outbox import MAX_ATTEMPTS, lease, promise, put_back
from gongzhi.store import Store, UnitOfWork

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
LETTER = "58c9bd2e-5bbb-4bd0-a9a9-9f0a9f6c8d11"


RECORDED: list[list[UUID]] = []


async def noted(_store: Store, _uow: UnitOfWork, messages: Sequence[UUID], _now: datetime) -> None:
    RECORDED.append(list(messages))


async def gongzhi(*arguments: object) -> int:
    """Run the command with a loop and a store of its own, as a process would."""
    parser = argparse.ArgumentParser()
    add_outbox_commands(parser.add_subparsers(), noted)
    parsed = parser.parse_args(["outbox", *map(str, arguments)])
    return int(await asyncio.to_thread(parsed.run, parsed))


@pytest.fixture
async def dead(store: Store, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """A message that was given up, beside one that waits, in the store that the environment names."""
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    async with store.unit_of_work() as uow:
        await promise(uow, "letter.deliver", [{"letter": LETTER}], now=NOW)
        (message_id,) = await lease(uow, NOW, 1, idle=True)
        for _ in range(MAX_ATTEMPTS):
            await put_back(uow, message_id, NOW, "ConnectionError")
        await promise(uow, "letter.deliver", [{"letter": str(uuid4())}], now=NOW)
    return message_id


async def test_the_list_says_what_was_given_up_and_why(
    dead: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await gongzhi("list") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{dead}\tletter.deliver\tletter={LETTER}\t2026-11-22T08:00:00Z\tConnectionError",
        "1 条待办，1 条已放弃",
        "1 waiting, 1 given up",
    ]


@pytest.mark.parametrize("named", [True, False])
async def test_what_was_given_up_waits_again_after_a_retry(
    dead: UUID, named: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await gongzhi("retry", *([dead] if named else [])) == 0
    assert "1 to be tried again" in capsys.readouterr().out
    await gongzhi("list")
    assert "2 waiting, 0 given up" in capsys.readouterr().out
    assert RECORDED.pop() == [dead]


async def test_a_retry_is_in_the_audit_log_and_one_that_found_nothing_is_not(
    dead: UUID, store: Store
) -> None:
    assert await asyncio.to_thread(main, ["outbox", "retry"]) == 0
    assert await asyncio.to_thread(main, ["outbox", "retry"]) == 0
    async with store.unit_of_work() as uow:
        leaves = [orjson.loads(row["leaf"]) for row in await uow.fetch("SELECT leaf FROM audit_pending")]
    assert [(leaf["namespace"], leaf["action"], leaf["actor"], leaf["outcome"]) for leaf in leaves] == [
        ("outbox", "retry", None, "done")
    ]
    assert leaves[0]["input"] is not None


async def test_counting_stops_where_it_would_take_long(
    dead: UUID, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_COUNTED", 3)
    async with store.unit_of_work() as uow:
        assert await outbox.backlog(uow) == {"waiting": 1, "dead": 1}
        await promise(uow, "letter.deliver", [{"letter": LETTER}] * 9, now=NOW)
        assert await outbox.backlog(uow) == {"waiting": 3, "dead": 1}


@pytest.mark.usefixtures("dead")
async def test_a_message_that_is_not_there_is_not_tried_again() -> None:
    with pytest.raises(NoSuchThing):
        await gongzhi("retry", uuid4())
    with pytest.raises(InvalidInput):
        await gongzhi("retry", "the first one")
