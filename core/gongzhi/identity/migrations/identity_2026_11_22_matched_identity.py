"""Which links came about by an agreed claim, and so stop at an administrator's account."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T12:55:10:204718"
VERSION = "1.38.0"
DESCRIPTION = "matched identities"

SQL = "ALTER TABLE external_identity ADD COLUMN matched boolean NOT NULL DEFAULT false"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
