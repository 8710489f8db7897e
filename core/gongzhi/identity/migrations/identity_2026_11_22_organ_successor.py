"""Successors of organs (继受单位), each with its date and document."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T09:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "organ successors"

SQL = """
CREATE TABLE organ_successor (
    id uuid PRIMARY KEY,
    organ_id uuid NOT NULL UNIQUE REFERENCES organ,
    successor_id uuid NOT NULL REFERENCES organ CHECK (successor_id <> organ_id),
    since date NOT NULL,
    document text NOT NULL,
    recorded_at timestamptz NOT NULL,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX organ_successor_of ON organ_successor (successor_id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
