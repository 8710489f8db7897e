"""Failed attempts to sign in, counted per login and per client address; keys are keyed hashes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "sign-in attempts"

SQL = """
CREATE TABLE sign_in_attempt (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    started_at timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_started ON sign_in_attempt (started_at);
CREATE INDEX web_session_account ON web_session (account_id);
CREATE INDEX web_session_expiry ON web_session (expires_at);
CREATE INDEX access_token_account ON access_token (account_id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_identity", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
