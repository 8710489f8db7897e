"""One entry of the audit log: who did what where, and which rows it changed; never personal data.

Here is the shape (`Leaf` as rooms give it, `Entry` as the log holds it) and the sealing between them. Actors
and organs become pseudonyms, rows and input become keyed hashes; ids of cases and rows are random and stay.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, Protocol
from uuid import UUID

import msgspec
import orjson

from gongzhi.audit.canonical import canonical
from gongzhi.audit.faults import invalid
from gongzhi.audit.tiles import MAX_ENTRY_BYTES
from gongzhi.declarations import Json
from gongzhi.errors import InvalidInput
from gongzhi.identity.actors import InPlaceOf

VERSION = 1
MAX_ROWS = 256
"""Row changes in one entry: 256 stay below 65,535 bytes; an act that changes more takes several entries."""

Outcome = Literal["done", "refused", "fault", "read"]


class ChangedRow(Protocol):
    """A row that the unit of work wrote, as stored before and after; None where there was no row."""

    @property
    def table(self) -> str: ...
    @property
    def id(self) -> UUID: ...
    @property
    def before(self) -> Mapping[str, Json] | None: ...
    @property
    def after(self) -> Mapping[str, Json] | None: ...


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """What a room wants remembered. `at` is aware UTC; `code` is the error's, empty when all went well.

    `version` is the scene's; `input_hash` hashes the input as received, any digest; `app` acted in the actor's name.
    With `in_place_of` the actor acted as the deputy (代) of another account.
    """

    at: datetime
    actor: UUID | None
    organ: UUID | None
    namespace: str
    version: str
    action: str
    region: str
    case_id: UUID | None
    outcome: Outcome
    code: str = ""
    rows: tuple[ChangedRow, ...] = ()
    input_hash: bytes | None = None
    app: UUID | None = None
    in_place_of: InPlaceOf | None = None


class RowHashes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A changed row in an entry: keyed hashes in hex, None where there was no row."""

    table: str
    id: UUID
    before: str | None
    after: str | None


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry as the log holds it; field for field the JSON of the audit log's reference page."""

    v: Literal[1]
    nonce: str
    at: str
    actor: str | None
    organ: str | None
    app: str | None = None
    in_place_of: str | None = None
    deputyship: UUID | None = None
    namespace: str
    version: str
    action: str
    region: str
    case: UUID | None
    outcome: Outcome
    code: str
    input: str | None
    rows: list[RowHashes]
    mac: str


@dataclass(frozen=True, kw_only=True)
class Sealer:
    """Turns leaves into entries with two secrets of the key folder, 32 bytes each."""

    row_key: bytes
    pseudonym_key: bytes

    def seal(self, leaf: Leaf) -> list[bytes]:
        """The entries for a leaf, at least one; only the first of several carries the input's hash."""
        if leaf.at.tzinfo is None:
            raise invalid("/at", zh="时间缺少时区", en="the time has no zone")
        return [self._entry(part) for part in _parts(leaf)]

    def pseudonym(self, kind: Literal["actor", "organ", "app"], who: UUID) -> str:
        """The name that `who` has in this log, 32 hex digits; only who holds the key can recompute it."""
        return self._keyed(self.pseudonym_key, kind, who.bytes)[:32]

    def row_hash(self, table: str, row: Mapping[str, Json]) -> str:
        """The keyed hash of a row as stored, hex.

        Columns that are null are left out, so that a migration which adds a nullable column changes no hash.
        """
        filled = {column: value for column, value in row.items() if value is not None}
        return self._keyed(self.row_key, "row", canonical({"row": filled, "table": table}))

    def wrote(self, entry: bytes) -> bool:
        """Whether this platform made the entry: a row put into the queue by hand has no valid MAC."""
        try:
            fields = orjson.loads(entry)
            mac = fields.pop("mac")
            return canonical({**fields, "mac": mac}) == entry and hmac.compare_digest(mac, self._mac(fields))
        except (ValueError, TypeError, KeyError, AttributeError, InvalidInput):
            return False

    def _entry(self, leaf: Leaf) -> bytes:
        digest = leaf.input_hash
        fields: dict[str, Json] = {
            "v": VERSION,
            "nonce": os.urandom(16).hex(),
            "at": leaf.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "actor": None if leaf.actor is None else self.pseudonym("actor", leaf.actor),
            "organ": None if leaf.organ is None else self.pseudonym("organ", leaf.organ),
            "namespace": leaf.namespace,
            "version": leaf.version,
            "action": leaf.action,
            "region": leaf.region,
            "case": leaf.case_id,
            "outcome": leaf.outcome,
            "code": leaf.code,
            "input": None if digest is None else self._keyed(self.pseudonym_key, "input", digest),
            "rows": [self._row(change) for change in leaf.rows],
        }
        if leaf.app is not None:
            fields["app"] = self.pseudonym("app", leaf.app)
        if leaf.in_place_of is not None:
            fields["in_place_of"] = self.pseudonym("actor", leaf.in_place_of.account_id)
            fields["deputyship"] = leaf.in_place_of.deputyship_id
        entry = canonical({**fields, "mac": self._mac(fields)})
        if len(entry) > MAX_ENTRY_BYTES:
            raise invalid("/", zh="审计条目超过 65535 字节", en="the audit entry is over 65,535 bytes")
        return entry

    def _row(self, change: ChangedRow) -> dict[str, Json]:
        def hashed(row: Mapping[str, Json] | None) -> str | None:
            return None if row is None else self.row_hash(change.table, row)

        return {
            "table": change.table,
            "id": change.id,
            "before": hashed(change.before),
            "after": hashed(change.after),
        }

    def _mac(self, fields: Mapping[str, Json]) -> str:
        return self._keyed(self.row_key, "leaf", canonical(fields))

    @staticmethod
    def _keyed(key: bytes, purpose: str, message: bytes) -> str:
        return hmac.digest(key, b"gongzhi " + purpose.encode() + b"\n" + message, sha256).hex()


def read_entry(entry: bytes) -> Entry | None:
    """The entry's fields; None if it is not an entry of ours."""
    try:
        return msgspec.json.decode(entry, type=Entry)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None


def _parts(leaf: Leaf) -> Iterator[Leaf]:
    yield replace(leaf, rows=leaf.rows[:MAX_ROWS])
    for start in range(MAX_ROWS, len(leaf.rows), MAX_ROWS):
        yield replace(leaf, rows=leaf.rows[start : start + MAX_ROWS], input_hash=None)
