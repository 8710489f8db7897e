"""Second factors of accounts: TOTP secrets, sealed, and hashes of recovery codes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T10:04:51:141421"
VERSION = "1.38.0"
DESCRIPTION = "second factors"

SQL = """
CREATE TABLE second_factor (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL UNIQUE REFERENCES account,
    secret bytea NOT NULL,
    last_step bigint NOT NULL,
    recovery bytea[] NOT NULL,
    enrolled_at timestamptz NOT NULL,
    row_version integer NOT NULL DEFAULT 1
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
