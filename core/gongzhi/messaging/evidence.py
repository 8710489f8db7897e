"""Evidence: one signed record for each step in a letter's life, verifiable with the platform's public key alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from gongzhi.store import KeyFolder, UnitOfWork

SIGNING_KEY = "organ_signing"


def record_of(letter: Mapping[str, Any], step: str, at: datetime) -> dict[str, Any]:
    """What is attested: which letter, to which role, which step, when (integer microseconds since 1970, UTC).

    Nothing personal; the document is named by its SHA-256. No organ is named, since evidence goes to readers too from
    whom a reporter may be hidden; the letter's own row, bound by the audit log, says who sent and who got it.
    """
    document = letter["document_sha256"]
    return {
        "letter": str(letter["id"]),
        "kind": letter["kind"],
        "role": letter["role"],
        "copy_of": str(letter["copy_of"]) if letter["copy_of"] else None,
        "document_sha256": document.hex() if document else None,
        "step": step,
        "at_us": int(at.timestamp()) * 1_000_000 + at.microsecond,
    }


async def attest(
    uow: UnitOfWork,
    keys: KeyFolder,
    step: str,
    letters: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    actor_id: UUID | None,
    positive: bool = True,
) -> None:
    """Write one evidence row a letter; the signature is Ed25519 over the record's canonical JSON (RFC 8785)."""
    key = keys.signing_key(SIGNING_KEY)
    rows = []
    for letter in letters:
        record = record_of(letter, step, at)
        rows.append(
            {
                "id": uuid4(),
                "letter_id": letter["id"],
                "step": step,
                "positive": positive,
                "at": at,
                "actor_id": actor_id,
                "record": record,
                "signature": key.sign(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)),
            }
        )
    if rows:
        await uow.insert("evidence", *rows)
