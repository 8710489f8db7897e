"""Which subject of which OIDC provider signs in as which account; a subject is a keyed hash."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T09:12:37:415926"
VERSION = "1.38.0"
DESCRIPTION = "external identities"

SQL = """
CREATE TABLE external_identity (
    id uuid PRIMARY KEY,
    provider text NOT NULL,
    subject_key bytea NOT NULL,
    account_id uuid NOT NULL REFERENCES account,
    linked_at timestamptz NOT NULL,
    row_version integer NOT NULL DEFAULT 1,
    UNIQUE (provider, subject_key),
    UNIQUE (provider, account_id)
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
