"""Indexes for the inbox: only what waits, newest first."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000020"
VERSION = "1.38.0"
DESCRIPTION = "indexes for the inbox"

SQL = """
CREATE INDEX letter_waiting ON letter (to_organ, accepted_at DESC, id DESC) WHERE state = 'delivered';
CREATE INDEX letter_unanswered ON letter (to_organ, accepted_at DESC, id DESC, kind)
    WHERE state = 'signed' AND copy_of IS NULL;
DROP INDEX letter_inbox;
CREATE INDEX notice_unread ON notice (organ_id, at DESC, id DESC) WHERE read_at IS NULL;
DROP INDEX notice_inbox;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_messaging", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
