"""A stage for acts: the little scene enabled in Anji, four organs, a virtual clock, real store."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from gongzhi.audit.log import AuditLog
from gongzhi.cases.acting import CaseActing
from gongzhi.cases.reading import Reading
from gongzhi.clock import HolidayCalendar, VirtualClock
from gongzhi.commands import core_namespaces
from gongzhi.declarations import ActResult, Command
from gongzhi.dispatch import Dispatcher
from gongzhi.identity.actors import Actor
from gongzhi.identity.directory import Directory
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.host import SceneHost
from gongzhi.store import Store

from ..little_scene import install, write_scene

START = datetime(2026, 3, 4, 2, 30, tzinfo=UTC)
SINCE = date(2024, 1, 1)


@dataclass
class Stage:
    """Everything a test of acts needs; `do` acts as a named account with a fresh key."""

    store: Store
    clock: VirtualClock
    audit: AuditLog
    dispatch: Dispatcher
    reading: Reading
    scenes: SceneHost
    tree: RegionTree
    actors: dict[str, Actor]
    keys: Any

    async def do(self, who: str, action: str, case: UUID | None = None, **options: Any) -> ActResult:
        """Act on the little scene; options: input, key, region, namespace, row_version."""
        command = Command(
            namespace=options.get("namespace", "little"),
            action=action,
            input=options.get("input", {}),
            key=options.get("key") or f"test-key-{next(self.keys)}",
            case_id=case,
            row_version=options.get("row_version"),
        )
        return await self.dispatch.act(self.actors[who], command, options.get("region", "330523"))

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        async with self.store.unit_of_work() as uow:
            return int(await uow.fetchval(f"SELECT count(*) FROM {table}"))

    async def counts(self) -> dict[str, int]:
        """How many rows every table has that an act may write, the audit queue left out."""
        tables = (
            "cases",
            "case_event",
            "case_organ",
            "letter",
            "evidence",
            "deadline",
            "outbox",
            "idempotency",
        )
        return {table: await self.count(table) for table in tables}

    async def leaves(self) -> list[dict[str, Any]]:
        """The audit entries that wait in the queue, oldest first."""
        async with self.store.unit_of_work() as uow:
            rows = await uow.fetch("SELECT leaf FROM audit_pending ORDER BY id")
        return [orjson.loads(row["leaf"]) for row in rows]

    async def deliver(self) -> None:
        """Put every letter on its desk, as the worker would."""
        async with self.store.unit_of_work() as uow:
            for row in await uow.fetch("SELECT * FROM letter WHERE state = 'accepted'"):
                await uow.update("letter", row, state="delivered", delivered_at=self.clock.now())


@pytest.fixture
def scene_options() -> dict[str, Any]:
    """What `write_scene` is told about the little scene; a module that wants another one overrides this."""
    return {}


@pytest.fixture
async def stage(store: Store, tmp_path: Path, scene_options: dict[str, Any]) -> AsyncIterator[Stage]:
    path = list(sys.path)
    scenes = SceneHost(install(tmp_path, write_scene(tmp_path, **scene_options)))
    tree, clock = RegionTree.load(), VirtualClock(START)
    audit = AuditLog(store)
    acting = CaseActing(store, tree, scenes, HolidayCalendar.load())
    namespaces = core_namespaces(store, tree, scenes, acting)
    dispatch = Dispatcher(
        store=store, clock=clock, tree=tree, audit=audit, acting=acting, namespaces=namespaces
    )
    actors = await _people(store, Directory(tree), clock.now())
    built = Stage(
        store=store,
        clock=clock,
        audit=audit,
        dispatch=dispatch,
        reading=Reading(store, clock, tree, scenes, audit),
        scenes=scenes,
        tree=tree,
        actors=actors,
        keys=count(1),
    )
    roles = [
        {"role": role, "region": "330523", "organ": str(actors[who].organ.id)}
        for role, who in (("police", "police"), ("watcher", "watcher"))
    ]
    await built.do(
        "admin",
        "enable_scene",
        namespace="administration",
        region="330000",
        input={"scene": "little", "region": "330523", "roles": roles},
    )
    yield built
    sys.path[:] = path


async def _people(store: Store, directory: Directory, now: datetime) -> dict[str, Actor]:
    actors = {}
    plan = (
        ("doctor", "hospital", "city", "330500", "handler"),
        ("police", "police", "county", "330523", "handler"),
        ("watcher", "procuratorate", "county", "330523", "handler"),
        ("above", "procuratorate", "city", "330500", "handler"),
        ("elsewhere", "police", "county", "330782", "handler"),
        ("admin", "procuratorate", "province", "330000", "region_admin"),
        ("auditor", "platform", "province", "330000", "audit_admin"),
    )
    async with store.unit_of_work() as uow:
        for login, organ_type, level, region, duty in plan:
            organ = await directory.organ_add(
                uow,
                name=f"{login}的单位",
                name_en=login,
                type=organ_type,
                level=level,
                region=region,
                valid_from=SINCE,
            )
            person = await directory.person_add(uow, name=login)
            post = await directory.post_add(
                uow, person_id=person, organ_id=organ.id, title="x", duties=[duty], valid_from=SINCE
            )
            await directory.account_add(uow, login=login, post_id=post)
            actors[login] = await directory.actor(uow, login, now)
    return actors
