"""The first tables of the clock room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE deadline (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL,
    organ_id uuid REFERENCES organ,
    role text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'met', 'overdue', 'cancelled')),
    started_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    met_at timestamptz,
    reminded_at timestamptz,
    explanation jsonb NOT NULL,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX deadline_case ON deadline (case_id);
CREATE INDEX deadline_waiting ON deadline (organ_id) WHERE state = 'running';
CREATE INDEX deadline_due ON deadline (due_at) WHERE state = 'running';
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_clock", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
