"""Migrations run once, all or nothing, and a scene's fault stays the scene's."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

import pytest

from gongzhi.errors import MigrationFailed, StoreUnavailable
from gongzhi.store import Store, migrate
from gongzhi.testing import TestDatabase

CORE_APPS = {
    entry.name for entry in entry_points(group="gongzhi.migrations") if entry.module.startswith("gongzhi.")
}


@pytest.fixture
async def empty(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Store]:
    """A store on a database without any table."""
    name = await database.create()
    opened = await Store.open(home=tmp_path / "home", database_url=database.url_of(name), pool_size=4)
    try:
        yield opened
    finally:
        await opened.close()
        await database.drop(name)


class Site:
    """A folder of installed packages, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, *, app: str | None = None, needs: str = "", **migrations: str) -> None:
        """Install a scene's distribution; `migrations` are the bodies of functions `create` by file name."""
        package = self.folder / name
        (package / "migrations").mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('scene code is not needed for its tables')")
        (package / "piccolo_app.py").write_text(app if app is not None else app_module(name, needs))
        for number, (file, body) in enumerate(migrations.items()):
            text = MIGRATION.format(id=f"2026-11-22T00:00:00:{number:06}", app=name, body=body)
            (package / "migrations" / f"{file}.py").write_text(text)
        info = self.folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[gongzhi.migrations]\n{name} = {name}.piccolo_app\n")


def app_module(name: str, needs: str) -> str:
    return dedent(f"""
        from pathlib import Path
        from piccolo.conf.apps import AppConfig
        APP_CONFIG = AppConfig(
            app_name="{name}",
            migrations_folder_path=str(Path(__file__).parent / "migrations"),
            migration_dependencies={[needs] if needs else []},
        )
    """)


MIGRATION = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "{id}"
VERSION = "1.38.0"
DESCRIPTION = "test"

async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="{app}", description=DESCRIPTION)

    async def create():
        {body}

    manager.add_raw(create)
    return manager
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return Site(folder)


def sql(text: str) -> str:
    return f"await Table.raw({text!r})"


async def applied(store: Store) -> set[str]:
    async with store.unit_of_work() as uow:
        return {row["app_name"] for row in await uow.fetch("SELECT app_name FROM migration")}


async def exists(store: Store, table: str) -> bool:
    async with store.unit_of_work() as uow:
        return bool(await uow.fetchval("SELECT to_regclass($1) IS NOT NULL", table))


async def test_every_room_gets_its_tables(empty: Store) -> None:
    await empty.migrate()
    assert await applied(empty) == CORE_APPS
    assert empty.migration_faults == {}
    for table in ("idempotency", "organ", "cases", "letter", "deadline", "enablement", "audit_pending"):
        assert await exists(empty, table)


async def test_migrating_again_changes_nothing(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    async with store.unit_of_work() as uow:
        before = await uow.fetch("SELECT * FROM migration ORDER BY id")
    await store.migrate()
    async with store.unit_of_work() as uow:
        assert await uow.fetch("SELECT * FROM migration ORDER BY id") == before
    assert capfd.readouterr() == ("", "")


def _waiting_process(script: str, home: Path, url: str) -> subprocess.Popen[str]:
    """A process that goes on when it is given a line."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", script, home, url], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


async def test_two_processes_may_migrate_at_once(database: TestDatabase, tmp_path: Path) -> None:
    name = await database.create()
    script = dedent("""
        import asyncio, pathlib, sys
        from gongzhi.store import Store
        async def main():
            store = await Store.open(home=pathlib.Path(sys.argv[1]), database_url=sys.argv[2], pool_size=2)
            sys.stdin.readline()
            await store.migrate()
            await store.close()
        asyncio.run(main())
    """)
    processes = [_waiting_process(script, tmp_path / "home", database.url_of(name)) for _ in range(3)]
    try:
        answers = await asyncio.gather(
            *(asyncio.to_thread(process.communicate, "go\n") for process in processes)
        )
        assert answers == [("", "")] * 3
        store = await Store.open(home=tmp_path / "home", database_url=database.url_of(name), pool_size=2)
        async with store.unit_of_work() as uow:
            rows = await uow.fetch("SELECT app_name, name FROM migration")
        await store.close()
        assert {row["app_name"] for row in rows} == CORE_APPS
        assert len({tuple(row.values()) for row in rows}) == len(rows)
    finally:
        await database.drop(name)


async def test_a_scene_gets_its_tables_without_its_code_being_run(empty: Store, site: Site) -> None:
    site.install(
        "scene_good",
        needs="gongzhi.cases.piccolo_app",
        first=sql("CREATE SCHEMA s; CREATE TABLE s.t (a int)"),
    )
    await empty.migrate()
    assert empty.migration_faults == {}
    assert await exists(empty, "s.t")
    assert "scene_good" not in sys.modules


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"app": "raise RuntimeError('no')"}, "RuntimeError: no"),
        ({"app": "import nowhere"}, "ModuleNotFoundError: No module named 'nowhere'"),
        ({"app": "APP_CONFIG = 1"}, "TypeError: APP_CONFIG is not a Piccolo AppConfig"),
        ({"app": "raise SystemExit(1)"}, "SystemExit: 1"),
        ({"app": app_module("gongzhi_cases", "")}, "another app is named gongzhi_cases"),
        ({"app": "x"}, "NameError: name 'x' is not defined"),
        ({"needs": "nowhere.piccolo_app"}, "depends on nowhere.piccolo_app, which is not installed"),
        ({"needs": "scene_broken.piccolo_app"}, "circle scene_broken → scene_broken"),
        (
            {"first": sql("CREATE TABLE half (a int); CREATE TABLE half (a int)")},
            'relation "half" already exists',
        ),
        ({"first": sql("CREATE TABLE half (a int)"), "second": "raise ValueError('no')"}, "ValueError: no"),
    ],
)
async def test_a_broken_scene_is_reported_and_stops_nobody_else(
    empty: Store, site: Site, broken: dict[str, str], problem: str
) -> None:
    site.install("scene_broken", **broken)
    site.install("scene_good", first=sql("CREATE TABLE good (a int)"))
    site.install("scene_needy", needs="scene_broken.piccolo_app", first=sql("CREATE TABLE needy (a int)"))

    await empty.migrate()

    assert set(empty.migration_faults) == {"scene_broken", "scene_needy"}
    assert problem in empty.migration_faults["scene_broken"]
    assert "scene_broken" in empty.migration_faults["scene_needy"]
    assert await exists(empty, "good")
    assert not await exists(empty, "needy")
    assert CORE_APPS | {"scene_good"} <= await applied(empty)
    # Each migration is all or nothing: of two, the first stays when the second fails.
    assert await exists(empty, "half") == ("second" in broken)


async def test_a_mended_scene_goes_on_where_it_failed(empty: Store, site: Site) -> None:
    site.install("scene_new", first=sql("CREATE TABLE one (a int)"), second="raise ValueError('no')")
    await empty.migrate()
    file = site.folder / "scene_new" / "migrations" / "second.py"
    file.write_text(file.read_text().replace("raise ValueError('no')", sql("ALTER TABLE one ADD b int")))
    await empty.migrate()
    assert empty.migration_faults == {}
    async with empty.unit_of_work() as uow:
        assert list(await uow.fetch("SELECT * FROM one")) == []
        assert (
            await uow.fetchval("SELECT count(*) FROM information_schema.columns WHERE table_name = 'one'")
            == 2
        )


async def test_files_of_two_scenes_may_share_a_name(empty: Store, site: Site) -> None:
    path = list(sys.path)
    site.install("scene_a", first=sql("CREATE TABLE a (a int)"))
    site.install("scene_b", first=sql("CREATE TABLE b (a int)"))
    await empty.migrate()
    assert (await exists(empty, "a"), await exists(empty, "b")) == (True, True)
    assert sys.path == path
    assert "first" not in sys.modules


async def test_piccolo_made_migrations_work_in_a_scene(empty: Store, site: Site) -> None:
    """Those that `piccolo migrations new --auto` writes, including one that looks earlier migrations up."""
    site.install("scene_auto")
    folder = site.folder / "scene_auto" / "migrations"
    head = dedent("""
        from piccolo.apps.migrations.auto.migration_manager import MigrationManager
        from piccolo.columns.column_types import Varchar
        VERSION = "1.38.0"
        DESCRIPTION = ""
        async def forwards():
            manager = MigrationManager(migration_id=ID, app_name="scene_auto", description=DESCRIPTION)
    """)
    (folder / "auto_one.py").write_text(
        f'ID = "2026-11-22T00:00:00:000001"\n{head}'
        + "    manager.add_table(class_name='Note', tablename='note', columns=None)\n"
        + "    manager.add_column(table_class_name='Note', tablename='note', column_name='text', "
        + "db_column_name='text', column_class_name='Varchar', column_class=Varchar, params={'length': 20})\n"
        + "    return manager\n"
    )
    (folder / "auto_two.py").write_text(
        f'ID = "2026-11-22T00:00:00:000002"\n{head}'
        + "    async def look():\n"
        + "        Note = await manager.get_table_from_snapshot(table_class_name='Note', app_name=None)\n"
        + "        await Note.insert(Note(text='hello'))\n"
        + "    manager.add_raw(look)\n"
        + "    return manager\n"
    )
    await empty.migrate()
    assert empty.migration_faults == {}
    async with empty.unit_of_work() as uow:
        assert [row["text"] for row in await uow.fetch("SELECT text FROM note")] == ["hello"]
    assert not {"auto_one", "auto_two"} & set(sys.modules)


async def test_a_migration_may_ask_for_no_transaction(empty: Store, site: Site) -> None:
    site.install("scene_index", first=sql("CREATE TABLE many (a int)"), second="")
    file = site.folder / "scene_index" / "migrations" / "second.py"
    file.write_text(
        file.read_text()
        .replace("description=DESCRIPTION", "description=DESCRIPTION, wrap_in_transaction=False")
        .replace("        \n", f"        {sql('CREATE INDEX CONCURRENTLY many_a ON many (a)')}\n")
    )
    await asyncio.wait_for(empty.migrate(), timeout=30)
    assert empty.migration_faults == {}
    assert await exists(empty, "many_a")


async def test_a_database_from_a_newer_version_is_refused(store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.execute("INSERT INTO migration (name, app_name) VALUES ('2099-01-01', 'gongzhi_cases')")
    with pytest.raises(MigrationFailed, match=r"gongzhi_cases.*2099-01-01"):
        await store.migrate()


async def test_waiting_for_another_process_has_an_end(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "LOCK_PATIENCE_SECONDS", 0.3)
    async with empty.engine.connection() as other:
        await other.execute("SELECT pg_advisory_lock($1)", migrate.LOCK)
        with pytest.raises(StoreUnavailable, match="another process"):
            await empty.migrate()
    await empty.migrate()
    assert await applied(empty) == CORE_APPS
