"""Deputyships (AB角): who acts in the place of an absent colleague, and for how long."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T11:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "deputyships"

SQL = """
CREATE TABLE deputyship (
    id uuid PRIMARY KEY,
    post_id uuid NOT NULL REFERENCES post,
    deputy_post_id uuid NOT NULL REFERENCES post CHECK (deputy_post_id <> post_id),
    valid_from date NOT NULL,
    valid_to date NOT NULL CHECK (valid_to > valid_from),
    reason text NOT NULL,
    decided_by uuid REFERENCES account,
    decided_at timestamptz NOT NULL,
    ended_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX deputyship_post ON deputyship (post_id);
CREATE INDEX deputyship_deputy ON deputyship (deputy_post_id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
