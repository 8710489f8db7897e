"""Letters by number, and notices of access to a case."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000131"
VERSION = "1.38.0"
DESCRIPTION = "letters by number"

SQL = """
CREATE INDEX letter_number ON letter (number) WHERE number IS NOT NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_messaging", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
