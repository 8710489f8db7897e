"""The first tables of the messaging room."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "first tables"

SQL = """
CREATE TABLE document_number (
    organ_id uuid NOT NULL REFERENCES organ,
    kind text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL,
    PRIMARY KEY (organ_id, kind, year)
);
CREATE TABLE letter (
    id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES cases,
    kind text NOT NULL,
    number text,
    title jsonb NOT NULL,
    from_organ uuid NOT NULL REFERENCES organ,
    from_role text NOT NULL,
    to_organ uuid NOT NULL REFERENCES organ,
    to_department text NOT NULL DEFAULT '',
    role text NOT NULL,
    copy_of uuid REFERENCES letter,
    basis text NOT NULL DEFAULT '',
    content bytea,
    document_sha256 bytea,
    state text NOT NULL CHECK (state IN ('accepted', 'delivered', 'signed', 'replied', 'withdrawn')),
    reply_by timestamptz,
    accepted_at timestamptz NOT NULL,
    delivered_at timestamptz,
    signed_at timestamptz,
    replied_at timestamptz,
    row_version integer NOT NULL DEFAULT 1
);
CREATE INDEX letter_case ON letter (case_id);
CREATE INDEX letter_inbox ON letter (to_organ, accepted_at DESC, id);
CREATE TABLE evidence (
    id uuid PRIMARY KEY,
    letter_id uuid NOT NULL REFERENCES letter,
    step text NOT NULL,
    positive boolean NOT NULL,
    at timestamptz NOT NULL,
    actor_id uuid,
    record jsonb NOT NULL,
    signature bytea NOT NULL
);
CREATE INDEX evidence_letter ON evidence (letter_id);
CREATE TABLE notice (
    id uuid PRIMARY KEY,
    organ_id uuid NOT NULL REFERENCES organ,
    department text NOT NULL DEFAULT '',
    kind text NOT NULL,
    case_id uuid NOT NULL REFERENCES cases,
    deadline_id uuid REFERENCES deadline,
    letter_id uuid REFERENCES letter,
    at timestamptz NOT NULL,
    read_at timestamptz
);
CREATE INDEX notice_inbox ON notice (organ_id, at DESC, id);
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    available_at timestamptz NOT NULL,
    leased_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    lost integer NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    dead boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL
);
CREATE INDEX outbox_ready ON outbox (available_at) WHERE NOT dead;
CREATE INDEX outbox_leased ON outbox (leased_until) WHERE NOT dead AND leased_until IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (created_at, id) WHERE dead;
CREATE TABLE inbox (
    message_id uuid PRIMARY KEY,
    done_at timestamptz NOT NULL
);
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_messaging", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
