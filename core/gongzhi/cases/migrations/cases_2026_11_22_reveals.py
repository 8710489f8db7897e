"""Who is shown masked fields of which case, why and until when."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000010"
VERSION = "1.38.0"
DESCRIPTION = "reveals"

SQL = """
CREATE TABLE reveal (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    account_id uuid NOT NULL REFERENCES account,
    organ_id uuid NOT NULL REFERENCES organ,
    role text NOT NULL,
    fields text[] NOT NULL,
    level text NOT NULL,
    reason text NOT NULL,
    note bytea,
    subject_id uuid,
    at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX reveal_reader ON reveal (case_id, account_id, until);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
