"""The first tables of the audit room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

# A bundle's rows are never changed: each batch adds one that begins with item `first` of bundle `index`, so a
# trickle of entries does not rewrite bundles over and over. EXTERNAL, because hashes do not compress.
SQL = """
CREATE TABLE audit_pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    leaf bytea NOT NULL CHECK (octet_length(leaf) <= 65535)
);
CREATE TABLE audit_tile (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, index)
);
ALTER TABLE audit_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TABLE audit_bundle (
    index bigint NOT NULL,
    first smallint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (index, first)
);
ALTER TABLE audit_bundle ALTER COLUMN entries SET STORAGE EXTERNAL;
CREATE TABLE audit_position (
    leaf_hash bytea PRIMARY KEY,
    index bigint NOT NULL
);
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    size bigint NOT NULL,
    root bytea NOT NULL,
    checkpoint text NOT NULL,
    at timestamptz NOT NULL
);
CREATE TABLE audit_counter (
    hour timestamptz NOT NULL,
    code text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, code)
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_audit", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
