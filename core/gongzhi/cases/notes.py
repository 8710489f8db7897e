"""What somebody writes of a case in their own words, such as why they opened it: sealed, for it may name a person."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from gongzhi.cases.records import CaseRecord
from gongzhi.store import SubjectVault, UnitOfWork


async def seal_note(
    uow: UnitOfWork, vault: SubjectVault, case: CaseRecord, text: str, now: datetime
) -> tuple[UUID | None, bytes | None]:
    """The text under the case's subject key, so that erasing that takes it along, or under a key of its own where the
    case has none; with the id of the key. No text gives neither."""
    if not text:
        return None, None
    subject = case.subject or await vault.create(uow, now)
    return subject.id, subject.seal(text)


async def open_note(uow: UnitOfWork, vault: SubjectVault, subject_id: UUID | None, note: bytes | None) -> str:
    """The text again; empty where there was none, or where it is erased."""
    if subject_id is None or note is None:
        return ""
    subject = await vault.open(uow, subject_id)
    return "" if subject is None else str(subject.unseal(note))
