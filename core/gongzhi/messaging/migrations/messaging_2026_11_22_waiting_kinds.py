"""Indexes for one kind of the inbox at a time: copies that nobody reads don't stand before what is to be signed for."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T12:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "indexes for one kind of the inbox"

SQL = """
CREATE INDEX letter_to_sign ON letter (to_organ, accepted_at DESC, id DESC)
    WHERE state = 'delivered' AND copy_of IS NULL;
CREATE INDEX letter_to_read ON letter (to_organ, accepted_at DESC, id DESC)
    WHERE state = 'delivered' AND copy_of IS NOT NULL;
DROP INDEX letter_waiting;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_messaging", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
