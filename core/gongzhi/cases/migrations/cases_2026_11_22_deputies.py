"""The timeline says on the ground of which deputyship (代) somebody acted; null for whoever acted at their own post."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T11:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "deputies"

SQL = "ALTER TABLE case_event ADD COLUMN deputyship_id uuid"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def alter() -> None:
        await Table.raw(SQL)

    manager.add_raw(alter)
    return manager
