"""Exports of the case list: who took what out, and how much of it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000030"
VERSION = "1.38.0"
DESCRIPTION = "exports"

SQL = """
CREATE TABLE case_export (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account,
    organ_id uuid NOT NULL REFERENCES organ,
    region text NOT NULL,
    scene text NOT NULL,
    form text NOT NULL,
    filter_hash bytea NOT NULL,
    rows integer NOT NULL DEFAULT 0,
    outcome text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX case_export_running ON case_export (account_id, started_at) WHERE ended_at IS NULL;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
