"""One real application behind a real server for all tests of the API, with three small scenes and six people.

Anji (330523) has `lost_elder` and `broken_types`, Deqing (330521) has `well_watch`; both lie in Huzhou (330500).
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn

from gongzhi.app import open_app
from gongzhi.declarations import Command
from gongzhi.scenes.discovery import discover
from gongzhi.settings import Settings
from gongzhi.testing import TestDatabase

from .. import node as wheel
from .support import Api

SCENES = Path(__file__).parent / "scenes"


@pytest.fixture(scope="session")
def api(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The application, serving on a free port of the loopback address until the session ends."""
    with served(database, tmp_path_factory) as application:
        yield application


@pytest.fixture(scope="module")
def own_api(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The same application for one module that puts into it what others would trip over."""
    with served(database, tmp_path_factory) as application:
        yield application


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Node, and a folder where the module's `PACKAGE` is installed from its lock file."""
    folder = tmp_path_factory.mktemp("node")
    wheel.install(request.module.PACKAGE, folder)
    return str(wheel.NODE), folder


@contextmanager
def served(database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The application on a database of its own."""
    name = asyncio.run(database.create(template=database.template))
    home = tmp_path_factory.mktemp("api-home")
    if database.keys is not None:
        shutil.copytree(database.keys, home / "keys")
    sys.path.insert(0, str(SCENES))
    application = Api()
    started, stop = threading.Event(), threading.Event()
    settings = Settings(home=home, database_url=database.url_of(name))
    failures: list[BaseException] = []
    thread = threading.Thread(
        target=lambda: _in_thread(_serve(application, settings, started, stop), failures, started)
    )
    thread.start()
    assert started.wait(60)
    if failures:
        raise failures[0]
    yield application
    stop.set()
    thread.join(30)
    sys.path.remove(str(SCENES))
    asyncio.run(database.drop(name))
    if failures:
        raise failures[0]


def _in_thread(work: Any, failures: list[BaseException], started: threading.Event) -> None:
    try:
        asyncio.run(work)
    except BaseException as error:
        failures.append(error)
    finally:
        started.set()


async def _serve(api: Api, settings: Settings, started: threading.Event, stop: threading.Event) -> None:
    points = [
        EntryPoint(name=scene, value=f"gongzhi_{scene}", group="gongzhi.scenes")
        for scene in ("broken_types", "lost_elder", "well_watch")
    ]
    async with open_app(settings, installed=discover(points)) as app:
        api.host, api.loop = app.host, asyncio.get_running_loop()
        await _populate(api)
        config = uvicorn.Config(app.asgi, port=0, log_level="warning", lifespan="on")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        api.url = f"http://127.0.0.1:{port}"
        started.set()
        await asyncio.to_thread(stop.wait)
        server.should_exit = True
        await serving


async def _populate(api: Api) -> None:
    organs = {
        "hospital": ("hospital", "330523", "county"),
        "police": ("police", "330523", "county"),
        "watchers": ("procuratorate", "330523", "county"),
        "deqing_police": ("police", "330521", "county"),
        "deqing_watchers": ("procuratorate", "330521", "county"),
        "province": ("platform", "330000", "province"),
    }
    people = {
        "doctor": ("hospital", {"handler"}),
        "officer": ("police", {"handler"}),
        "procurator": ("watchers", {"handler"}),
        "deqing_officer": ("deqing_police", {"handler"}),
        "administrator": ("province", {"region_admin"}),
        "auditor": ("province", {"audit_admin"}),
        "security": ("province", {"security_admin"}),
    }
    host, now = api.host, api.host.clock.now()
    ids = {}
    async with host.store.unit_of_work() as uow:
        for name, (type_, region, level) in organs.items():
            organ = await host.directory.organ_add(
                uow,
                name=f"测试{name}",
                name_en=f"Test {name}",
                type=type_,
                level=level,
                region=region,
                valid_from=date(2020, 1, 1),
                code_word="测",
            )
            ids[name] = organ.id
        for login, (organ_name, duties) in people.items():
            person = await host.directory.person_add(uow, name=f"测试员{login}")
            post = await host.directory.post_add(
                uow,
                person_id=person,
                organ_id=ids[organ_name],
                title="科员",
                duties=duties,
                valid_from=date(2020, 1, 1),
            )
            await host.directory.account_add(uow, login=login, post_id=post)
            api.tokens[login] = await host.sign_in.issue_token(uow, login, now, timedelta(days=1))
    actor = await host.sign_in.actor_from_token(api.tokens["administrator"], now)
    for scene, region, police, watchers in (
        ("lost_elder", "330523", "police", "watchers"),
        ("broken_types", "330523", "police", "watchers"),
        ("well_watch", "330521", "deqing_police", "deqing_watchers"),
    ):
        roles = [
            {"role": "police", "region": region, "organ": str(ids[police])},
            {"role": "watcher", "region": region, "organ": str(ids[watchers])},
        ]
        command = Command(
            namespace="administration",
            action="enable_scene",
            input={"scene": scene, "region": region, "roles": roles},
            key=str(uuid4()),
        )
        await host.dispatch.act(actor, command, region)
