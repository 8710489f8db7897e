"""Nudging (催办): a supervisor reminds the organ that must act, and decides nothing.

A nudge is a notice. It changes no state, no data, no letter and no clock; the case's row only counts one more event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from gongzhi.cases.finding import Found
from gongzhi.cases.notes import open_note, seal_note
from gongzhi.cases.shaping import Names
from gongzhi.cases.views import NudgeView
from gongzhi.clock import LEGAL_ZONE, HolidayCalendar
from gongzhi.declarations import Text
from gongzhi.errors import NoSuchThing, NothingToNudge, NudgedAlready
from gongzhi.identity.actors import Actor
from gongzhi.store import SubjectVault, UnitOfWork

NUDGE: Final = "nudge"
"""The kind of the notice, and the name of the event in the timeline."""

TITLE: Final = Text(zh="催办", en="Nudge")

_LETTERS = """
SELECT id AS letter_id, NULL::uuid AS deadline_id, to_organ AS organ_id, to_department AS department FROM letter
WHERE case_id = $1 AND copy_of IS NULL AND to_organ <> $2
    AND (state = 'delivered' OR (state = 'signed' AND kind = ANY($3))) AND ($4::uuid IS NULL OR id = $4)
"""
_CLOCKS = """
SELECT NULL::uuid AS letter_id, d.id AS deadline_id, p.organ_id, p.department
FROM deadline d JOIN case_organ p
    ON p.case_id = d.case_id AND p.organ_id = d.organ_id AND p.role = d.role AND p.until IS NULL
WHERE d.case_id = $1 AND d.organ_id <> $2 AND d.state IN ('running', 'overdue') AND ($3::uuid IS NULL OR d.id = $3)
"""


@dataclass(frozen=True, kw_only=True)
class Nudged:
    """Whom a nudge reaches, and over what."""

    organ_id: UUID
    department: str
    letter_id: UUID | None
    deadline_id: UUID | None


async def who_must_act(
    uow: UnitOfWork, found: Found, actor: Actor, letter: UUID | None = None, clock: UUID | None = None
) -> list[Nudged]:
    """The organs, other than the actor's, that have a letter to sign for or answer or a clock running or overdue; of
    the whole case, or of that letter or clock; nobody in a case that is closed. One entry an organ and department,
    letters before clocks."""
    scene, case = found.scene, found.case
    if case.row["closed_at"] is not None:
        return []
    answered = [spec.answers for spec in scene.workflow.file.actions.values() if spec.answers is not None]
    rows = []
    if clock is None:
        rows += await uow.fetch(
            f"{_LETTERS} ORDER BY accepted_at, id", case.id, actor.organ.id, answered, letter
        )
    if letter is None:
        rows += await uow.fetch(f"{_CLOCKS} ORDER BY d.due_at, d.id", case.id, actor.organ.id, clock)
    reached: dict[tuple[UUID, str], Nudged] = {}
    for row in rows:
        reached.setdefault((row["organ_id"], row["department"]), Nudged(**row))
    return list(reached.values())


async def not_yet_told(
    uow: UnitOfWork, calendar: HolidayCalendar, found: Found, due: Sequence[Nudged], now: datetime
) -> list[Nudged]:
    """Those of `due` whom nobody has nudged since the working day began that it is, or that was the last."""
    told = await uow.fetch(
        "SELECT organ_id, department FROM notice WHERE case_id = $1 AND kind = $2 AND at >= $3",
        found.case.id,
        NUDGE,
        _working_day_began(calendar, now),
    )
    return [one for one in due if {"organ_id": one.organ_id, "department": one.department} not in told]


def next_nudges_at(calendar: HolidayCalendar, now: datetime) -> datetime:
    """When the next working day begins: who was nudged today may be nudged again from then."""
    return _began(calendar.first_working_day(now.astimezone(LEGAL_ZONE).date()))


async def nudge(
    uow: UnitOfWork,
    vault: SubjectVault,
    calendar: HolidayCalendar,
    found: Found,
    actor: Actor,
    *,
    letter: UUID | None,
    clock: UUID | None,
    reason: str,
    now: datetime,
) -> int:
    """Tell those who must act, once a working day each; answers the number of the event in the case's timeline.

    Raises `NoSuchThing` for a letter or clock of another case, `NothingToNudge` where nobody has anything to do, and
    `NudgedAlready` where all of them were told since the last working day began.
    """
    case = found.case
    for table, wanted in (("letter", letter), ("deadline", clock)):
        if wanted is not None and not await uow.fetchval(
            f"SELECT 1 FROM {table} WHERE id = $1 AND case_id = $2", wanted, case.id
        ):
            raise NoSuchThing(where=f"/{table}")
    due = await who_must_act(uow, found, actor, letter, clock)
    if not due:
        raise NothingToNudge(where="/case")
    left = await not_yet_told(uow, calendar, found, due, now)
    if not left:
        raise NudgedAlready(where="/case")
    subject_id, note = await seal_note(uow, vault, case, reason, now)
    await uow.insert(
        "notice",
        *(
            {
                "id": uuid4(),
                "organ_id": one.organ_id,
                "department": one.department,
                "kind": NUDGE,
                "case_id": case.id,
                "letter_id": one.letter_id,
                "deadline_id": one.deadline_id,
                "from_organ": actor.organ.id,
                "note": note,
                "subject_id": subject_id,
                "at": now,
            }
            for one in left
        ),
    )
    # The row's version is the timeline's number: an event that left it out would take the number of the next act.
    after = await uow.update("cases", case.row)
    number: int = after["row_version"]
    return number


async def nudge_views(
    uow: UnitOfWork, vault: SubjectVault, actor: Actor, found: Found, *, supervises: bool
) -> Sequence[NudgeView]:
    """The nudges of a case that the actor's organ sent or got, oldest first, with their reasons in clear; for who
    supervises the case those of the other supervisors too, without the reasons, which were not written to them.

    An organ in a part that the actor may not learn of, such as a reporter, is hidden here too.
    """
    rows = await uow.fetch(
        "SELECT * FROM (SELECT n.*, coalesce(l.role, d.role) AS role,"
        " (n.organ_id = $3 AND n.department IN ('', $4)) OR n.from_organ = $3 AS own"
        " FROM notice n LEFT JOIN letter l ON l.id = n.letter_id LEFT JOIN deadline d ON d.id = n.deadline_id"
        " WHERE n.case_id = $1 AND n.kind = $2) nudges WHERE own OR $5 ORDER BY at, id",
        found.case.id,
        NUDGE,
        actor.organ.id,
        actor.department,
        supervises,
    )
    names = await Names.load(uow, [row[side] for row in rows for side in ("from_organ", "organ_id")])
    return [
        NudgeView(
            id=row["id"],
            at=row["at"],
            from_organ=names.of(row["from_organ"]),
            to_organ=names.playing(row["role"], row["organ_id"], found.scene, found.verdict.roles),
            letter_id=row["letter_id"],
            deadline_id=row["deadline_id"],
            reason=await open_note(uow, vault, row["subject_id"], row["note"]) if row["own"] else None,
        )
        for row in rows
    ]


def _working_day_began(calendar: HolidayCalendar, now: datetime) -> datetime:
    """The first instant of the working day that it is or, on a day off, of the last one before."""
    on: date = now.astimezone(LEGAL_ZONE).date()
    while not calendar.day(on).working:
        on -= timedelta(days=1)
    return _began(on)


def _began(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=LEGAL_ZONE)
