"""The first tables of the store room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE idempotency (
    actor_id uuid NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (actor_id, key)
);
CREATE INDEX idempotency_at ON idempotency (at);
CREATE TABLE subject_key (
    subject_id uuid PRIMARY KEY,
    wrapped_key bytea,
    created_at timestamptz NOT NULL,
    erased_at timestamptz
);
CREATE TABLE key_fingerprint (
    name text PRIMARY KEY,
    fingerprint bytea NOT NULL
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_store", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
