"""A small county for the tests of identity: its organs, people and accounts, on a real store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from gongzhi.audit.leaf import Entry, read_entry
from gongzhi.audit.log import AuditLog
from gongzhi.clock import VirtualClock
from gongzhi.identity.actors import Organ
from gongzhi.identity.directory import Directory
from gongzhi.identity.pace import Pace
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sign_in import SignIn
from gongzhi.store import Store
from gongzhi.trail import AuditJournal

LONG_AGO = date(2020, 1, 1)
PASSWORD = "clear water 7"


@dataclass(frozen=True, kw_only=True)
class Town:
    """Anji's police and hospital, with an officer, a doctor's account for machines, and a demo account.

    `wang` handles at the police and signs in with `PASSWORD`; `demo-li` is of the demo and has no password;
    `clinic` is the hospital's service account.
    """

    store: Store
    directory: Directory
    police: Organ
    hospital: Organ
    wang: UUID
    wang_post: UUID

    async def counts(self) -> dict[str, int]:
        """How often strangers were refused, by code."""
        async with self.store.unit_of_work() as uow:
            rows = await uow.fetch("SELECT code, sum(count)::int AS n FROM audit_counter GROUP BY code")
        return {row["code"]: row["n"] for row in rows}

    async def leaves(self) -> list[Entry]:
        """What the audit log was given, in order."""
        async with self.store.unit_of_work() as uow:
            rows = await uow.fetch("SELECT leaf FROM audit_pending ORDER BY id")
        entries = [read_entry(row["leaf"]) for row in rows]
        return [entry for entry in entries if entry is not None]

    async def account(self, login: str) -> dict[str, object]:
        """An account's row as stored."""
        async with self.store.unit_of_work() as uow:
            row = await uow.fetchrow("SELECT * FROM account WHERE login = $1", login)
        assert row is not None
        return row


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))


@pytest.fixture
def directory() -> Directory:
    return Directory(RegionTree.load())


@pytest.fixture
async def town(store: Store, directory: Directory) -> Town:
    async with store.unit_of_work() as uow:
        police = await directory.organ_add(
            uow,
            name="安吉县公安局",
            name_en="Anji Public Security Bureau",
            type="police",
            level="county",
            region="330523",
            valid_from=LONG_AGO,
            code_word="安公",
        )
        hospital = await directory.organ_add(
            uow,
            name="湖州市第一人民医院",
            name_en="First People's Hospital of Huzhou",
            type="hospital",
            level="city",
            region="330502",
            valid_from=LONG_AGO,
        )
        posts = []
        for name, title in (("王安", "民警"), ("李宁", "副大队长")):
            person = await directory.person_add(uow, name=name)
            post = await directory.post_add(
                uow,
                person_id=person,
                organ_id=police.id,
                department="criminal",
                title=title,
                duties=["handler"],
                valid_from=LONG_AGO,
            )
            posts.append(post)
        wang = await directory.account_add(uow, login="wang", post_id=posts[0], password=PASSWORD)
        await directory.account_add(uow, login="demo-li", post_id=posts[1], demo=True, language="en")
        await directory.account_add(uow, login="clinic", organ_id=hospital.id)
    return Town(
        store=store, directory=directory, police=police, hospital=hospital, wang=wang, wang_post=posts[0]
    )


@pytest.fixture
def sign_in(store: Store) -> SignIn:
    return SignIn(
        store=store,
        journal=AuditJournal(AuditLog(store)),
        secret=store.keys.secret("sign_in"),
        pace=Pace(1000),
    )
