"""What a region's view holds when a scene is broken, or breaks while the view is remembered."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from gongzhi.app import open_app
from gongzhi.host import Host
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from ..little_scene import install, write_scene

pytestmark = pytest.mark.anyio

ANJI = "330523"


@pytest.fixture
async def host(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Host]:
    """An application with three scenes enabled in Anji, one of which can't be imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    broken = write_scene(tmp_path, "broken", module="raise RuntimeError('boom')")
    points = [broken, write_scene(tmp_path, "first"), write_scene(tmp_path, "second")]
    name, home = await database.create(template=database.template), tmp_path / "home"
    home.mkdir(mode=0o700)
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    settings = Settings(home=home, database_url=database.url_of(name))
    async with open_app(settings, installed=install(tmp_path, *points), work=False) as application:
        async with application.host.store.unit_of_work() as uow:
            for point in points:
                row = {"id": uuid4(), "scene": point.name, "version": "1.0.0", "region": ANJI}
                state = {"state": "enabled", "config": {}}
                await uow.insert("enablement", {**row, **state})
        yield application.host
    await database.drop(name)


async def shown(host: Host) -> tuple[list[str], list[str]]:
    """The scenes of Anji's view, and those whose doors are open there."""
    views, enabled = await host.scenes_of_view(ANJI), await host.enabled_scenes(ANJI)
    return [view.id for view in views], [scene.id for scene, _ in enabled]


async def test_a_broken_scene_hides_no_other(host: Host) -> None:
    assert await shown(host) == (["first", "second"], ["first", "second"])


async def test_a_scene_that_fails_later_leaves_the_view_and_closes_its_doors(host: Host) -> None:
    await shown(host)
    host.scenes.fail("second", "1.0.0", "its types clash")
    assert await shown(host) == (["first"], ["first"])


async def test_a_view_says_nothing_about_where_cases_are(host: Host) -> None:
    """A scene stands in the views above the counties that have it, and stays when it is retired, cases or none."""
    async with host.store.unit_of_work() as uow:
        row = await uow.fetchrow("SELECT * FROM enablement WHERE scene = 'first'")
        assert row is not None
        await uow.update("enablement", row, state="retired")
    huzhou, yiwu = await host.scenes_of_view("330500"), await host.scenes_of_view("330782")
    assert [view.id for view in huzhou] == ["first", "second"]
    assert yiwu == ()
