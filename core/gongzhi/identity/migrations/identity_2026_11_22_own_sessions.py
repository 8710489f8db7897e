"""A session can be named to its owner, by an id that opens nothing, and by the kind of browser that it began in."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T13:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "own sessions"

SQL = """
ALTER TABLE web_session
    ADD COLUMN id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    ADD COLUMN client text NOT NULL DEFAULT '';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def alter() -> None:
        await Table.raw(SQL)

    manager.add_raw(alter)
    return manager
