"""The ledger of clocks that run on cases: rows started, met, cancelled. How a due date is counted is `due`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gongzhi.clock.deadline import DueDate
from gongzhi.store import UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Start:
    """A clock to start: `organ_id` and `role` are whose duty it is."""

    kind: str
    organ_id: UUID | None
    role: str
    due: DueDate


async def start(
    uow: UnitOfWork, case_id: UUID, starts: Sequence[Start], *, now: datetime
) -> list[dict[str, Any]]:
    """Start clocks on a case; returns the stored rows."""
    if not starts:
        return []
    return await uow.insert(
        "deadline",
        *(
            {
                "id": uuid4(),
                "case_id": case_id,
                "kind": clock.kind,
                "organ_id": clock.organ_id,
                "role": clock.role,
                "state": "running",
                "started_at": now,
                "due_at": clock.due.due_at,
                "explanation": clock.due.as_json(),
            }
            for clock in starts
        ),
    )


async def meet(uow: UnitOfWork, case_id: UUID, kinds: Sequence[str], *, now: datetime) -> None:
    """What the clocks of these kinds waited for has happened; one that was overdue keeps its late `met_at`."""
    for row in await _open(uow, case_id, kinds):
        await uow.update("deadline", row, state="met", met_at=now)


async def cancel(uow: UnitOfWork, case_id: UUID, kinds: Sequence[str]) -> None:
    """The clocks of these kinds no longer apply."""
    for row in await _open(uow, case_id, kinds):
        await uow.update("deadline", row, state="cancelled")


async def cancel_all(uow: UnitOfWork, case_id: UUID) -> None:
    """The case is closed: no clock of it runs on. One that ran out before stays overdue, for that is what happened."""
    rows = await uow.fetch(
        "SELECT * FROM deadline WHERE case_id = $1 AND state = 'running' FOR UPDATE", case_id
    )
    for row in rows:
        await uow.update("deadline", row, state="cancelled")


async def _open(uow: UnitOfWork, case_id: UUID, kinds: Sequence[str]) -> list[dict[str, Any]]:
    if not kinds:
        return []
    return await uow.fetch(
        "SELECT * FROM deadline WHERE case_id = $1 AND kind = ANY($2) AND state IN ('running', 'overdue')"
        " FOR UPDATE",
        case_id,
        list(kinds),
    )
