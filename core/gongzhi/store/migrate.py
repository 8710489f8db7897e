"""Runs the migrations of every app that announces itself in the entry point group `gongzhi.migrations`.

Piccolo's migration managers do the work. Ours is the order, one advisory lock for many processes, one
transaction for a migration together with its record, and that a scene's fault stays the scene's.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint, entry_points
from itertools import accumulate
from pathlib import Path
from types import ModuleType

import structlog
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.apps.migrations.tables import Migration
from piccolo.conf.apps import AppConfig

from gongzhi.declarations import Text
from gongzhi.errors import MigrationFailed, StoreUnavailable
from gongzhi.store import piccolo_conf
from gongzhi.store.engine import StoreEngine, engine_in_use
from gongzhi.store.faults import connection_faults, store_faults

GROUP = "gongzhi.migrations"
CORE = "gongzhi"
LOCK = 0x676F6E677A6869  # "gongzhi"
LOCK_PATIENCE_SECONDS = 120

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class App:
    """An app as its entry point announces it: `module` is its name, `loaded` the module, `core` says it is ours."""

    config: AppConfig
    core: bool
    module: str
    loaded: ModuleType


async def migrate(engine: StoreEngine, home: Path) -> dict[str, str]:
    """Bring all apps up to date and answer the faults of scenes by app name; nothing to do is quick.

    Raises:
        MigrationFailed: an app of the core failed.
        StoreUnavailable: the database went away, or another process migrates for longer than two minutes.
    """
    apps, faults = _discover()
    with store_faults(home), engine_in_use(engine):
        async with _alone(engine, home):
            if not await Migration.table_exists().run():
                await Migration.create_table()
            for name in _in_order(apps, faults):
                await _bring_up_to_date(engine, name, apps, faults)
    engine.forget_columns()
    for name, problem in faults.items():
        log.warning("scene_tables_not_migrated", app=name, problem=problem)
    return faults


def _discover() -> tuple[dict[str, App], dict[str, str]]:
    """Apps that could be imported by app name, and what was wrong with the others by entry point name."""
    apps: dict[str, App] = {}
    faults: dict[str, str] = {}
    # Ours come first, so that a scene can't take the name of one of them.
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (not _is_core(entry), entry.name)):
        core = _is_core(entry)
        try:
            loaded = _load_alone(entry)
            config = loaded.APP_CONFIG
            if not isinstance(config, AppConfig):
                raise TypeError("APP_CONFIG is not a Piccolo AppConfig")
            if config.app_name in apps:
                raise ValueError(f"another app is named {config.app_name}")
        except (Exception, SystemExit) as error:  # a scene's module may raise anything at import
            if core:
                raise _failed(entry.name, "", error) from error
            faults[entry.name] = _words(error)
        else:
            apps[config.app_name] = App(config=config, core=core, module=entry.module, loaded=loaded)
    return apps, faults


def _load_alone(entry: EntryPoint) -> ModuleType:
    """The app's module without the packages around it: tables need none of a room's or a scene's code."""
    locations: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    for name in accumulate(entry.module.split("."), "{}.{}".format):
        spec = PathFinder.find_spec(name, locations)
        if spec is None:
            break  # an import hook finds it, or nothing does
        locations = spec.submodule_search_locations
    if spec is None or spec.loader is None:
        return import_module(entry.module)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_core(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == CORE


def _in_order(apps: Mapping[str, App], faults: dict[str, str]) -> list[str]:
    """App names, each after those it depends on; what depends on something absent or on itself is a fault."""
    by_module = {app.module: name for name, app in apps.items()}
    for name, app in apps.items():
        absent = [module for module in app.config.migration_dependencies if module not in by_module]
        if absent:
            _fault(
                name, app, faults, "", LookupError(f"depends on {', '.join(absent)}, which is not installed")
            )
    while True:
        graph = {
            name: [by_module[module] for module in app.config.migration_dependencies]
            for name, app in apps.items()
            if name not in faults
        }
        try:
            return [name for name in TopologicalSorter(graph).static_order() if name not in faults]
        except CycleError as error:
            for name in dict.fromkeys(error.args[1]):
                _fault(name, apps[name], faults, "", ValueError(f"circle {' → '.join(error.args[1])}"))


async def _bring_up_to_date(
    engine: StoreEngine, name: str, apps: Mapping[str, App], faults: dict[str, str]
) -> None:
    app = apps[name]
    migration = ""
    try:
        broken = [n for n, a in apps.items() if n in faults and a.module in app.config.migration_dependencies]
        if broken:
            raise LookupError(f"depends on {', '.join(broken)}, which failed")
        modules = _load_migrations(app.config)
        ran = set(await Migration.get_migrations_which_ran(name))
        if unknown := sorted(ran - modules.keys()):
            raise LookupError(f"the database is newer: it has {', '.join(unknown)}")
        for migration in sorted(modules.keys() - ran):
            await _apply(engine, app, apps, migration, modules[migration])
    except (Exception, SystemExit) as error:  # a scene's migration may raise anything
        _fault(name, app, faults, migration, error)


async def _apply(
    engine: StoreEngine, app: App, apps: Mapping[str, App], migration: str, module: ModuleType
) -> None:
    """Run one migration and record it, together or not at all (unless it asks for no transaction)."""
    manager = await module.forwards()
    runs = isinstance(manager, MigrationManager) and not manager.fake
    together = engine.transaction() if not runs or manager.wrap_in_transaction else contextlib.nullcontext()
    async with together:
        if runs:
            with _quiet(), _known_to_piccolo(app, apps):
                await manager.run()
        await Migration.insert(Migration(name=migration, app_name=app.config.app_name)).run()


def _load_migrations(config: AppConfig) -> dict[str, ModuleType]:
    """Migration modules by id, each under a module name of its own: files of two apps may share a name."""
    modules: dict[str, ModuleType] = {}
    for path in _files(config):
        name = f"gongzhi_migrations.{config.app_name}.{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path.name} is no Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        migration = getattr(module, "ID", None)
        if migration in modules:
            raise ValueError(f"two migrations have the id {migration}")
        if migration:
            modules[migration] = module
    return modules


def _files(config: AppConfig) -> list[Path]:
    folder = Path(config.resolved_migrations_folder_path)
    return sorted(file for file in folder.glob("*.py") if file.name != "__init__.py")


@contextlib.asynccontextmanager
async def _alone(engine: StoreEngine, home: Path) -> AsyncIterator[None]:
    """Hold the advisory lock. Trying again, unlike waiting, never blocks a concurrent index of the holder."""
    with connection_faults(home):
        connection = await engine.running_pool.acquire()
    try:
        attempts = LOCK_PATIENCE_SECONDS * 10
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            attempts -= 1
            if attempts == 0:
                raise StoreUnavailable(
                    home=home, problem=Text(zh="另一进程正在升级数据库", en="another process is migrating it")
                )
            await asyncio.sleep(0.1)
        yield
    finally:
        # The pool's reset releases the lock.
        await engine.running_pool.release(connection)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Piccolo prints what it does; we log instead. Migrations run before anything else does."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _known_to_piccolo(app: App, apps: Mapping[str, App]) -> Iterator[None]:
    """Let Piccolo look up an app's earlier migrations, and take back what it imports by bare file name."""
    path = list(sys.path)
    names = [file.stem for file in _files(app.config)]
    namesakes = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    ours = {other.module: other.loaded for other in apps.values() if other.module not in sys.modules}
    piccolo_conf.APP_REGISTRY.apps = [app.module]
    sys.modules.update(ours)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in (*ours, *names):
            sys.modules.pop(name, None)
        sys.modules.update(namesakes)


def _fault(name: str, app: App, faults: dict[str, str], migration: str, error: BaseException) -> None:
    """Keep a scene's fault; raise the core's."""
    if app.core:
        raise _failed(name, migration, error) from error
    faults[name] = _words(error)


def _failed(app: str, migration: str, error: BaseException) -> MigrationFailed:
    return MigrationFailed(app=app, migration=migration, problem=_words(error))


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
