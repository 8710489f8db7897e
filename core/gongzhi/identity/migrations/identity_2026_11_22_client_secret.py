"""Secrets of service accounts, as hashes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T09:52:11:271828"
VERSION = "1.38.0"
DESCRIPTION = "secrets of service accounts"

SQL = """
CREATE TABLE client_secret (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account,
    secret_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX client_secret_account ON client_secret (account_id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
