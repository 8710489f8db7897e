"""The first tables of the scenes room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE scene_version (
    scene text NOT NULL,
    version text NOT NULL,
    manifest_hash bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    PRIMARY KEY (scene, version)
);
CREATE TABLE enablement (
    id uuid PRIMARY KEY,
    scene text NOT NULL,
    version text NOT NULL,
    region text NOT NULL,
    state text NOT NULL CHECK (state IN ('enabled', 'closing', 'read_only', 'retired')),
    config jsonb NOT NULL,
    row_version integer NOT NULL DEFAULT 1,
    UNIQUE (scene, region)
);
CREATE TABLE role_binding (
    id uuid PRIMARY KEY,
    scene text NOT NULL,
    region text NOT NULL,
    role text NOT NULL,
    organ_id uuid NOT NULL REFERENCES organ,
    department text NOT NULL DEFAULT '',
    row_version integer NOT NULL DEFAULT 1,
    UNIQUE (scene, region, role)
);
CREATE TABLE generation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    value bigint NOT NULL
);
INSERT INTO generation (value) VALUES (1);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_scenes", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
