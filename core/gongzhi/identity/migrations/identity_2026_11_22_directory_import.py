"""Departments, organs above organs, staff numbers, and imports that can be undone."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T09:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "directory import"

SQL = """
ALTER TABLE organ ADD COLUMN parent_id uuid REFERENCES organ;
ALTER TABLE person ADD COLUMN staff_code text UNIQUE;
CREATE INDEX post_organ ON post (organ_id);
CREATE INDEX account_person ON account (person_id);
CREATE INDEX account_post ON account (post_id);
CREATE TABLE department (
    id uuid PRIMARY KEY,
    organ_id uuid NOT NULL REFERENCES organ,
    name text NOT NULL,
    code_word text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date,
    row_version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX department_name ON department (organ_id, name) WHERE valid_to IS NULL;
CREATE TABLE directory_import (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id uuid REFERENCES account,
    sha256 bytea NOT NULL,
    added integer NOT NULL,
    changed integer NOT NULL,
    ended integer NOT NULL,
    undone_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE TABLE directory_import_row (
    import_id uuid NOT NULL REFERENCES directory_import,
    table_name text NOT NULL,
    row_id uuid NOT NULL,
    row_version integer NOT NULL,
    before text,
    PRIMARY KEY (import_id, row_id)
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
