"""The first tables of the cases room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE cases (
    id uuid PRIMARY KEY,
    scene text NOT NULL,
    version text NOT NULL,
    region text NOT NULL,
    title jsonb NOT NULL,
    state text[] NOT NULL,
    data jsonb NOT NULL,
    personal bytea,
    subject_id uuid,
    minor boolean NOT NULL,
    sealed_at timestamptz,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    row_version integer NOT NULL
);
CREATE INDEX cases_region ON cases (region text_pattern_ops, updated_at DESC, id);
CREATE INDEX cases_running ON cases (scene, region text_pattern_ops) WHERE sealed_at IS NULL;
CREATE TABLE case_organ (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    organ_id uuid NOT NULL REFERENCES organ,
    role text NOT NULL,
    department text NOT NULL DEFAULT '',
    since timestamptz NOT NULL,
    until timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX case_organ_part ON case_organ (case_id, organ_id, role) WHERE until IS NULL;
CREATE INDEX case_organ_organ ON case_organ (organ_id, case_id) WHERE until IS NULL;
CREATE TABLE case_event (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    seq integer NOT NULL,
    action text NOT NULL,
    actor_id uuid NOT NULL,
    organ_id uuid,
    role text NOT NULL,
    at timestamptz NOT NULL,
    state_from text[] NOT NULL,
    state_to text[] NOT NULL,
    leaf_hash bytea NOT NULL,
    UNIQUE (case_id, seq)
);
CREATE TABLE case_unique (
    scene text NOT NULL,
    key_hash bytea NOT NULL,
    case_id uuid NOT NULL REFERENCES cases,
    PRIMARY KEY (scene, key_hash)
);
CREATE TABLE case_search (
    case_id uuid PRIMARY KEY REFERENCES cases,
    tokens tsvector NOT NULL
);
CREATE INDEX case_search_tokens ON case_search USING gin (tokens);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
