"""SIGKILL at random moments under load: nothing acknowledged is lost, nothing is done twice, the log verifies."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gongzhi.testing import TestDatabase

from .kill import Tally, Torment

SEED = 20261122


@pytest.fixture
def own_database(database: TestDatabase, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database whose keys lie in `<tmp_path>/home`."""
    name = asyncio.run(database.create(template=database.template))
    if database.keys is not None:
        (tmp_path / "home").mkdir(mode=0o700)
        shutil.copytree(database.keys, tmp_path / "home" / "keys")
    yield database.url_of(name)
    asyncio.run(database.drop(name))


def torment(folder: Path, url: str | None, kills: int) -> Tally:
    tally = asyncio.run(Torment(folder=folder, database_url=url, kills=kills, seed=SEED).run())
    print(f"\n{tally}")
    return tally


def holds(tally: Tally, kills: int) -> None:
    """Everything that must be so after any run."""
    ledger = tally.ledger
    assert (ledger.lost, ledger.doubled, ledger.broken) == ([], [], [])
    assert tally.acknowledged == tally.begun > 0
    assert tally.kills.total() == kills
    assert tally.verify.startswith("gongzhi audit verify: exit 0"), tally.verify
    assert tally.scan.startswith("gongzhi audit scan: exit 0"), tally.scan


def nothing_complained(tally: Tally) -> None:
    """Only the process died, so it can have had no trouble while it lived."""
    assert (tally.answers, tally.complaints) == ({}, {})


def test_a_sample_of_kills_loses_nothing_and_does_nothing_twice(own_database: str, tmp_path: Path) -> None:
    tally = torment(tmp_path, own_database, 8)
    holds(tally, 8)
    nothing_complained(tally)
    assert tally.with_writes_in_flight > 0
    assert tally.after_commit_before_reply > 0
    assert tally.replayed > 0


def test_kills_with_the_embedded_postgresql_lose_nothing_either(tmp_path: Path) -> None:
    holds(torment(tmp_path, None, 3), 3)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_hundred_kills_lose_nothing_and_do_nothing_twice(own_database: str, tmp_path: Path) -> None:
    tally = torment(tmp_path, own_database, 200)
    holds(tally, 200)
    nothing_complained(tally)
    assert tally.after_commit_before_reply >= 20


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_forty_kills_with_the_embedded_postgresql_lose_nothing_either(tmp_path: Path) -> None:
    holds(torment(tmp_path, None, 40), 40)
