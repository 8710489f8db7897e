"""Notices by which a supervisor nudges (催办) the organ that must act: who does, and why, sealed."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000021"
VERSION = "1.38.0"
DESCRIPTION = "nudges"

SQL = """
ALTER TABLE notice ADD COLUMN from_organ uuid REFERENCES organ, ADD COLUMN note bytea, ADD COLUMN subject_id uuid;
CREATE INDEX notice_nudge ON notice (case_id, organ_id, at) WHERE kind = 'nudge';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_messaging", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
