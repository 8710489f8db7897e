"""When somebody vouched for a link: one that nobody vouched for stops at an administrator's account.

Null in the rows that are there already, whose hashes in the audit log stay as they are.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T12:55:10:204718"
VERSION = "1.38.0"
DESCRIPTION = "vouched identities"

SQL = "ALTER TABLE external_identity ADD COLUMN vouched_at timestamptz"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
