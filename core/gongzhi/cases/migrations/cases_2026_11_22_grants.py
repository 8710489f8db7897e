"""Rights to read one case for a time: broken glass, and sealed cases opened by law."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000131"
VERSION = "1.38.0"
DESCRIPTION = "grants"

SQL = """
CREATE TABLE case_grant (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL CHECK (kind IN ('break_glass', 'unsealing')),
    role text NOT NULL,
    organ_id uuid NOT NULL REFERENCES organ,
    department text NOT NULL DEFAULT '',
    account_id uuid REFERENCES account,
    sealed boolean NOT NULL,
    reason text NOT NULL,
    request_number text NOT NULL DEFAULT '',
    note bytea,
    subject_id uuid,
    given_by uuid NOT NULL REFERENCES account,
    at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    review text CHECK (review IN ('justified', 'not_justified')),
    reviewed_at timestamptz,
    reviewed_by uuid REFERENCES account,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX case_grant_case ON case_grant (case_id, until);
CREATE INDEX case_grant_account ON case_grant (account_id, at) WHERE account_id IS NOT NULL;
CREATE INDEX case_grant_kind ON case_grant (kind, at DESC, id);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
