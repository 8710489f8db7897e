"""Letters (文书) from organ to organ: send, deliver, sign for, answer; each step leaves signed evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import Document, Text
from gongzhi.errors import LetterUnsigned, WrongState
from gongzhi.identity.successors import PREDECESSORS
from gongzhi.messaging.evidence import attest
from gongzhi.messaging.outbox import promise
from gongzhi.store import KeyFolder, UnitOfWork

DELIVER = "letter.deliver"

PATIENCE = timedelta(days=5)
"""How long sealing waits for a signature. A service level of the platform, no statutory figure."""


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """Where a letter goes: the organ and department that play `role` in the case; `basis` says by which rule."""

    organ_id: UUID
    department: str
    role: str
    basis: str


@dataclass(frozen=True, kw_only=True)
class Dispatchable:
    """A letter to be sent with its copies, all in the transaction of the act that sends it.

    `content` is what it says, sealed; None for a letter without a document.
    """

    case_id: UUID
    kind: str
    title: Text
    from_organ: UUID
    from_role: str
    content: bytes | None
    to: Addressee
    copies: Sequence[Addressee]
    reply_by: datetime | None


async def send(
    uow: UnitOfWork,
    keys: KeyFolder,
    letters: Sequence[Dispatchable],
    *,
    now: datetime,
    actor_id: UUID,
) -> list[UUID]:
    """Accept letters and their copies, with evidence, and promise delivery. Returns ids, each original before its
    copies."""
    rows: list[dict[str, Any]] = []
    for letter in letters:
        original = _row(letter, letter.to, None, now)
        rows += [original, *(_row(letter, copy, original["id"], now) for copy in letter.copies)]
    if not rows:
        return []
    stored = await uow.insert("letter", *rows)
    await attest(uow, keys, "accepted", list(stored), at=now, actor_id=actor_id)
    await promise(uow, DELIVER, [{"letter": str(row["id"])} for row in stored], now=now)
    return [row["id"] for row in stored]


async def sign_for(
    uow: UnitOfWork, keys: KeyFolder, letter: Mapping[str, Any], *, now: datetime, actor_id: UUID
) -> dict[str, Any]:
    """Sign for a delivered letter (签收).

    Raises `WrongState` when it isn't delivered yet or was signed for already.
    """
    if letter["state"] != "delivered":
        raise _wrong_state(letter, "签收", "sign for")
    signed = await uow.update("letter", letter, state="signed", signed_at=now)
    await attest(uow, keys, "signed", [signed], at=now, actor_id=actor_id)
    return signed


async def mark_answered(
    uow: UnitOfWork, keys: KeyFolder, letter: Mapping[str, Any], *, now: datetime, actor_id: UUID
) -> dict[str, Any]:
    """Record that a letter was answered (回复).

    Raises `WrongState` when it hasn't been signed for, or was answered before.
    """
    if letter["state"] != "signed":
        raise _wrong_state(letter, "回复", "answer")
    answered = await uow.update("letter", letter, state="replied", replied_at=now)
    await attest(uow, keys, "replied", [answered], at=now, actor_id=actor_id)
    return answered


async def withdraw(
    uow: UnitOfWork,
    keys: KeyFolder,
    case_id: UUID,
    kind: str,
    *,
    sender: UUID,
    states: Sequence[str],
    now: datetime,
    actor_id: UUID,
) -> None:
    """Withdraw (撤回) what an organ, or one whose place it took, has sent of a kind in a case, copies too, as far as it
    is in one of `states`."""
    rows = await uow.fetch(
        "SELECT * FROM letter WHERE case_id = $1 AND kind = $2"
        f" AND from_organ IN (SELECT $3::uuid UNION {PREDECESSORS.format(organ='$3::uuid')})"
        " AND state = ANY($4) ORDER BY id FOR UPDATE",
        case_id,
        kind,
        sender,
        list(states),
    )
    withdrawn = [await uow.update("letter", row, state="withdrawn") for row in rows]
    await attest(uow, keys, "withdrawn", withdrawn, at=now, actor_id=actor_id)


async def refuse_unsigned(uow: UnitOfWork, case_id: UUID, now: datetime) -> None:
    """Sealing takes a case from everybody, so what it still has to tell somebody comes first.

    Raises `LetterUnsigned` for an original that was sent less than `PATIENCE` ago and that nobody has signed for.
    """
    letter = await uow.fetchrow(
        "SELECT title FROM letter WHERE case_id = $1 AND copy_of IS NULL AND state IN ('accepted', 'delivered')"
        " AND accepted_at > $2 ORDER BY accepted_at, id LIMIT 1",
        case_id,
        now - PATIENCE,
    )
    if letter is not None:
        title = letter["title"]
        raise LetterUnsigned(
            where=f"/case/{case_id}", title_zh=title["zh"], title_en=title["en"], days=PATIENCE.days
        )


async def addressed_to(
    uow: UnitOfWork, case_id: UUID, kind: str, organ_id: UUID, role: str
) -> dict[str, Any] | None:
    """The newest original letter of a kind in a case that is addressed to an organ in a role and not withdrawn,
    locked for update."""
    return await uow.fetchrow(
        "SELECT * FROM letter WHERE case_id = $1 AND kind = $2 AND to_organ = $3 AND role = $4 AND copy_of IS NULL"
        " AND state <> 'withdrawn' ORDER BY accepted_at DESC, id DESC LIMIT 1 FOR UPDATE",
        case_id,
        kind,
        organ_id,
        role,
    )


def _row(letter: Dispatchable, to: Addressee, copy_of: UUID | None, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "case_id": letter.case_id,
        "kind": letter.kind,
        "title": {"zh": letter.title.zh, "en": letter.title.en},
        "from_organ": letter.from_organ,
        "from_role": letter.from_role,
        "content": letter.content if copy_of is None else None,
        "to_organ": to.organ_id,
        "to_department": to.department,
        "role": to.role,
        "copy_of": copy_of,
        "basis": to.basis,
        "state": "accepted",
        "reply_by": letter.reply_by if copy_of is None else None,
        "accepted_at": now,
    }


async def number_of(uow: UnitOfWork, letter: Mapping[str, Any], document: Document | None) -> str | None:
    """The document number of a letter, given to its original when the first of the set is delivered.

    Numbers run per sender, kind and year of acceptance in Asia/Shanghai (GB/T 9704-2012). They are given on delivery,
    not in the act, because the counter's lock would let an organ act only as fast as commits follow one another.
    """
    if document is None or document.number is None:
        return None
    original_id = letter["copy_of"] or letter["id"]
    original = await uow.fetchrow("SELECT * FROM letter WHERE id = $1 FOR UPDATE", original_id)
    assert original is not None
    if original["number"] is not None:
        given: str = original["number"]
        return given
    year = original["accepted_at"].astimezone(LEGAL_ZONE).year
    n = await uow.fetchval(
        "INSERT INTO document_number (organ_id, kind, year, last) VALUES ($1, $2, $3, 1)"
        " ON CONFLICT (organ_id, kind, year) DO UPDATE SET last = document_number.last + 1 RETURNING last",
        original["from_organ"],
        document.kind,
        year,
    )
    code = await uow.fetchval("SELECT code_word FROM organ WHERE id = $1", original["from_organ"])
    number = document.number.format(code=code, year=year, n=n)
    if original["id"] != letter["id"]:
        await uow.update("letter", original, number=number)
    return number


_STATES = {
    "accepted": ("待送达", "awaiting delivery"),
    "delivered": ("已送达", "delivered"),
    "signed": ("已签收", "signed for"),
    "replied": ("已回复", "answered"),
    "withdrawn": ("已撤回", "withdrawn"),
}


def _wrong_state(letter: Mapping[str, Any], zh: str, en: str) -> WrongState:
    state_zh, state_en = _STATES[letter["state"]]
    return WrongState(
        where=f"/letter/{letter['id']}",
        state_zh=state_zh,
        state_en=state_en,
        action_zh=zh,
        action_en=en,
    )
