"""Registered apps, what people let them do, and the codes and tokens that come of it; secrets as SHA-256 only."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000010"
VERSION = "1.38.0"
DESCRIPTION = "registered apps"

SQL = """
CREATE TABLE app (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_en text NOT NULL,
    organ_id uuid NOT NULL REFERENCES organ,
    kind text NOT NULL CHECK (kind IN ('public', 'confidential')),
    redirect_uris text[] NOT NULL,
    origins text[] NOT NULL,
    scopes text[] NOT NULL,
    secret_hash bytea CHECK ((secret_hash IS NOT NULL) = (kind = 'confidential')),
    practice_hash bytea NOT NULL UNIQUE,
    registered_at timestamptz NOT NULL,
    disabled_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX app_origins ON app USING gin (origins);
CREATE TABLE app_grant (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL REFERENCES app,
    account_id uuid NOT NULL REFERENCES account,
    scopes text[] NOT NULL,
    granted_at timestamptz NOT NULL,
    revoked_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX app_grant_live ON app_grant (account_id, app_id) WHERE revoked_at IS NULL;
CREATE TABLE app_code (
    code_hash bytea PRIMARY KEY,
    family uuid NOT NULL UNIQUE,
    grant_id uuid NOT NULL REFERENCES app_grant,
    scopes text[] NOT NULL,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX app_code_expiry ON app_code (expires_at);
CREATE TABLE app_token (
    token_hash bytea PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
    family uuid NOT NULL,
    began_at timestamptz NOT NULL,
    grant_id uuid NOT NULL REFERENCES app_grant,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    replaced_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX app_token_family ON app_token (family);
CREATE INDEX app_token_grant ON app_token (grant_id);
CREATE INDEX app_token_expiry ON app_token (expires_at);
CREATE TABLE app_use (
    grant_id uuid PRIMARY KEY REFERENCES app_grant,
    at timestamptz NOT NULL
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
