"""What is kept for a while only goes when its time is over, and not before."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta

import pytest

from gongzhi import housekeeping
from gongzhi.errors import FileDamaged
from gongzhi.housekeeping import SweptFiles, keep_sweeping, sweep, sweep_files
from gongzhi.identity.client_secrets import TOKEN_LASTS
from gongzhi.identity.tokens import find_token, issue_token

from .conftest import Stage
from .test_dispatch import ANJI

pytestmark = pytest.mark.anyio


async def test_a_key_is_remembered_for_seven_days_and_then_forgotten(stage: Stage) -> None:
    first = await stage.do("doctor", "tell", input={**ANJI, "name": "一"}, key="kept-for-a-week")
    stage.clock.advance(timedelta(days=6, hours=23))
    await sweep(stage.store, stage.clock.now())
    again = await stage.do("doctor", "tell", input={**ANJI, "name": "一"}, key="kept-for-a-week")
    assert (again.replayed, again.case_id) == (True, first.case_id)
    stage.clock.advance(timedelta(hours=2))
    await sweep(stage.store, stage.clock.now())
    assert await stage.count("idempotency") == 0


async def test_a_secrets_token_goes_a_day_after_it_ended_and_one_issued_by_hand_stays(stage: Stage) -> None:
    async with stage.store.unit_of_work() as uow:
        account_id = stage.actors["doctor"].account_id
        short = await issue_token(uow, account_id, stage.clock.now(), TOKEN_LASTS)
        long = await issue_token(uow, account_id, stage.clock.now(), timedelta(hours=1))
    for days, kept in ((0, True), (2, False)):
        stage.clock.advance(timedelta(days=days, hours=1))
        await sweep(stage.store, stage.clock.now())
        async with stage.store.unit_of_work() as uow:
            assert (await find_token(uow, short, stage.clock.now()) is not None) is kept
            assert await find_token(uow, long, stage.clock.now()) is not None


async def test_sweeping_goes_on_after_whatever_failed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.05)
    await stage.do("doctor", "tell", input=ANJI)
    stage.clock.advance(timedelta(days=8))
    async with stage.store.unit_of_work() as uow:
        await uow.execute("ALTER TABLE inbox RENAME TO mislaid")
    sweeping = asyncio.create_task(keep_sweeping(stage.store, stage.clock))
    await asyncio.sleep(0.3)
    assert not sweeping.done()
    async with stage.store.unit_of_work() as uow:
        await uow.execute("ALTER TABLE mislaid RENAME TO inbox")
    async with asyncio.timeout(20):
        while await stage.count("idempotency"):
            await asyncio.sleep(0.05)
    sweeping.cancel()


async def documents(stage: Stage, count: int) -> list[bytes]:
    """Two days old files, each the document of a letter of its own."""
    kept = [await stage.store.files.put(f"letter {number}".encode()) for number in range(count)]
    for number, sha256 in enumerate(kept):
        await stage.do("doctor", "tell", input={**ANJI, "name": f"第{number}人"})
        async with stage.store.unit_of_work() as uow:
            letter = await uow.fetchrow(
                "SELECT * FROM letter WHERE document_sha256 IS NULL AND copy_of IS NULL"
            )
            assert letter is not None
            await uow.update("letter", letter, document_sha256=sha256)
    return kept


def aged(stage: Stage, folders: str = "??", days: float = 2) -> None:
    then = time.time() - days * 86_400
    for path in stage.store.files.folder.glob(f"{folders}/*"):
        os.utime(path, (then, then))


async def orphaned(stage: Stage) -> bytes:
    """A file that no letter refers to, set aside; two others have their letters."""
    await documents(stage, 2)
    orphan = await stage.store.files.put(b"of a delivery that failed")
    aged(stage)
    assert await sweep_files(stage.store) == SweptFiles(set_aside=1, brought_back=0, deleted=0)
    return orphan


async def test_a_file_that_no_letter_refers_to_is_set_aside_after_a_day(stage: Stage) -> None:
    kept = await documents(stage, 2)
    orphan = await stage.store.files.put(b"of a delivery that failed")
    aged(stage)
    fresh = await stage.store.files.put(b"of a delivery that is under way")
    assert await sweep_files(stage.store) == SweptFiles(set_aside=1, brought_back=0, deleted=0)
    assert [path.name for path in (stage.store.home / "files/orphans").iterdir()] == [orphan.hex()]
    for sha256 in (*kept, fresh):
        await stage.store.files.get(sha256)


async def test_what_was_set_aside_is_deleted_after_thirty_days_and_not_before(stage: Stage) -> None:
    orphan = await orphaned(stage)
    aged(stage, "orphans", 29)
    assert await sweep_files(stage.store) == SweptFiles(set_aside=0, brought_back=0, deleted=0)
    aged(stage, "orphans", 31)
    assert await sweep_files(stage.store) == SweptFiles(set_aside=0, brought_back=0, deleted=1)
    with pytest.raises(FileDamaged):
        await stage.store.files.get(orphan)


async def test_a_file_set_aside_that_a_letter_refers_to_after_all_comes_back(stage: Stage) -> None:
    orphan = await orphaned(stage)
    aged(stage, "orphans", 31)
    await stage.do("doctor", "tell", input={**ANJI, "name": "另一人"})
    async with stage.store.unit_of_work() as uow:
        letter = await uow.fetchrow("SELECT * FROM letter WHERE document_sha256 IS NULL LIMIT 1")
        assert letter is not None
        await uow.update("letter", letter, document_sha256=orphan)
    assert await sweep_files(stage.store) == SweptFiles(set_aside=0, brought_back=1, deleted=0)
    assert await stage.store.files.get(orphan) == b"of a delivery that failed"
    assert await stage.store.files.aside() == set()


async def test_files_are_left_alone_when_the_database_knows_hardly_any(stage: Stage) -> None:
    (kept,) = await documents(stage, 1)
    others = [await stage.store.files.put(f"another database's {n}".encode()) for n in range(2)]
    aged(stage)
    assert await sweep_files(stage.store) == SweptFiles(set_aside=0, brought_back=0, deleted=0)
    for sha256 in (kept, *others):
        await stage.store.files.get(sha256)
