"""The first tables of the identity room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE organ (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_en text NOT NULL,
    type text NOT NULL,
    line text NOT NULL,
    level text NOT NULL,
    region text NOT NULL,
    uscc text UNIQUE,
    code_word text NOT NULL DEFAULT '',
    valid_from date NOT NULL,
    valid_to date,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX organ_region ON organ (region text_pattern_ops, type);
CREATE TABLE person (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    row_version integer NOT NULL DEFAULT 1
);
CREATE TABLE post (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    organ_id uuid NOT NULL REFERENCES organ,
    department text NOT NULL DEFAULT '',
    title text NOT NULL,
    duties text[] NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX post_person ON post (person_id);
CREATE TABLE account (
    id uuid PRIMARY KEY,
    login text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('person', 'service')),
    person_id uuid REFERENCES person,
    post_id uuid REFERENCES post,
    organ_id uuid REFERENCES organ,
    password_hash text,
    language text NOT NULL DEFAULT 'zh',
    demo boolean NOT NULL DEFAULT false,
    failed_attempts integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    disabled_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE TABLE web_session (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES account,
    csrf text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE TABLE access_token (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES account,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
