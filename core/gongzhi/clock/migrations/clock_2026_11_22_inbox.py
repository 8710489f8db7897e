"""An index for the inbox: an organ's running clocks, newest first."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000020"
VERSION = "1.38.0"
DESCRIPTION = "an index for the inbox"

SQL = """
CREATE INDEX deadline_running ON deadline (organ_id, started_at DESC, id DESC) WHERE state = 'running';
DROP INDEX deadline_waiting;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_clock", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
