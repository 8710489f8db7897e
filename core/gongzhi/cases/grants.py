"""Grants: the right to read one case for a time. By breaking the glass (紧急查阅) or by the opening of a sealed case by law
(依法开放); who gets one, who is told, how it ends.

A grant reads and nothing more, under a role that the scene keeps for it: what that role may not see stays hidden, and
sealed cases open to no emergency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from gongzhi.cases.finding import Found
from gongzhi.cases.notes import seal_note
from gongzhi.cases.records import CaseRecord
from gongzhi.cases.targets import supervisors_of, target_of
from gongzhi.declarations import Text
from gongzhi.identity.acting import legal_day, people_of
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Verdict, decide, grants_held
from gongzhi.identity.regions import RegionTree
from gongzhi.messaging.outbox import promise
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import SubjectVault, UnitOfWork

Kind = Literal["break_glass", "unsealing"]

EMERGENCIES: Final = {
    "danger_to_life": Text(zh="生命安全正受威胁", en="Danger to life"),
    "missing_minor": Text(zh="查找失踪的未成年人", en="A minor is missing"),
    "urgent_care": Text(zh="紧急救治", en="Urgent medical care"),
    "urgent_placement": Text(zh="紧急安置或临时监护", en="Urgent placement or guardianship"),
}
"""Why the glass may be broken, by code; the code goes into the audit log."""

GROUNDS: Final = {
    "judicial": Text(
        zh="司法机关为办案需要（刑事诉讼法第二百八十六条第二款）",
        en="A judicial organ needs it for a case (Criminal Procedure Law, art. 286(2))",
    ),
    "statutory": Text(
        zh="有关单位根据国家规定进行查询（刑事诉讼法第二百八十六条第二款）",
        en="An organ inquires as the State provides (Criminal Procedure Law, art. 286(2))",
    ),
}
"""The two grounds on which a sealed case is opened; there is no third."""

REVIEWS: Final = {
    "justified": Text(zh="理由成立", en="Justified"),
    "not_justified": Text(zh="理由不成立", en="Not justified"),
}
"""What a supervisor finds of a broken glass."""

LAPSE: Final = "access.lapse"
"""The topic of a grant's end."""

_STANDING: Final = "valid_from <= ${0} AND (valid_to IS NULL OR ${0} < valid_to)"
"""That an organ is there on a day."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """To whom a case is opened: one account of an organ, or an organ and its department ('' for all of it)."""

    organ_id: UUID
    department: str = ""
    account_id: UUID | None = None


async def grant(
    uow: UnitOfWork,
    vault: SubjectVault,
    case: CaseRecord,
    *,
    kind: Kind,
    role: str,
    to: Holder,
    reason: str,
    note: str,
    given_by: UUID,
    now: datetime,
    until: datetime,
    request_number: str = "",
) -> UUID:
    """Open the case to the holder until then, and promise its end. Answers the grant's id."""
    subject_id, sealed_note = await seal_note(uow, vault, case, note, now)
    (row,) = await uow.insert(
        "case_grant",
        {
            "id": uuid4(),
            "case_id": case.id,
            "kind": kind,
            "role": role,
            "organ_id": to.organ_id,
            "department": to.department,
            "account_id": to.account_id,
            "sealed": kind == "unsealing",
            "reason": reason,
            "request_number": request_number,
            "note": sealed_note,
            "subject_id": subject_id,
            "given_by": given_by,
            "at": now,
            "until": until,
        },
    )
    await promise(uow, LAPSE, [{"grant": str(row["id"])}], now=now, at=until)
    grant_id: UUID = row["id"]
    return grant_id


async def notify(
    uow: UnitOfWork, kind: Kind, case_id: UUID, told: Sequence[Holder], *, now: datetime
) -> None:
    """Put a notice of the grant on the desks of those who have to know."""
    await uow.insert(
        "notice",
        *(
            {
                "id": uuid4(),
                "organ_id": holder.organ_id,
                "department": holder.department,
                "kind": kind,
                "case_id": case_id,
                "at": now,
            }
            for holder in told
        ),
    )


async def supervisors_of_case(
    uow: UnitOfWork,
    tree: RegionTree,
    scene: LoadedScene,
    case: CaseRecord,
    now: datetime,
    *,
    apart_from: UUID,
) -> list[Holder]:
    """Who watches over the case: the supervising organs in it, or else the nearest one of its region or above, where
    somebody can review now: in the very department that plays the part where one does, for the notice is theirs alone.

    Where there is nobody in any of them it waits on the desk of the nearest all the same: an emergency does not. Neither
    organs that have ended nor the one `apart_from`, which does not watch over itself; empty where none is left.
    """
    roles = {
        name: role
        for name, role in scene.manifest.roles.items()
        if name not in scene.manifest.guest_roles and set(role.organ_types) & set(scene.manifest.supervisors)
    }
    held = [organ for organ in case.organs if organ.role in roles and organ.organ_id != apart_from]
    rows = await uow.fetch(
        f"SELECT id FROM organ WHERE id = ANY($1) AND {_STANDING.format(2)}",
        [organ.organ_id for organ in held],
        legal_day(now),
    )
    standing = {row["id"] for row in rows}
    inside = [
        Holder(organ_id=organ.organ_id, department=organ.department)
        for organ in held
        if organ.organ_id in standing
    ]
    lineage = [region.code for region in tree.ancestors(case.row["region"])]
    rows = await uow.fetch(
        f"SELECT id FROM organ WHERE type = ANY($1) AND region = ANY($2) AND {_STANDING.format(3)} AND id <> $4"
        " ORDER BY array_position($2, region), id",
        scene.manifest.supervisors,
        lineage,
        legal_day(now),
        apart_from,
    )
    above = [Holder(organ_id=row["id"]) for row in rows]
    able = await _able(uow, tree, scene, case, [*inside, *above], now)
    return (
        [holder for holder in inside if holder in able]
        or [holder for holder in above if holder in able][:1]
        or inside
        or above[:1]
    )


async def _able(
    uow: UnitOfWork,
    tree: RegionTree,
    scene: LoadedScene,
    case: CaseRecord,
    holders: Sequence[Holder],
    now: datetime,
) -> set[Holder]:
    """Those of the holders on whose desk somebody works now who may review."""
    target = target_of(scene, case, "read", None)
    desks = {
        (actor.organ.id, desk)
        for actor in await people_of(uow, {holder.organ_id for holder in holders}, now)
        if watches_over(scene, decide(actor, "read", target, tree))
        for desk in ("", actor.department)
    }
    return {holder for holder in holders if (holder.organ_id, holder.department) in desks}


def watches_over(scene: LoadedScene, verdict: Verdict) -> bool:
    """Whether somebody who may read a case reads it as a supervisor, involved in it or above."""
    return bool({supervisor.role for supervisor in supervisors_of(scene)} & set(verdict.roles))


def open_until(actor: Actor, found: Found) -> datetime | None:
    """When the case closes again to an actor who reads it by a grant alone; None for who reads it by their office."""
    held = grants_held(actor, target_of(found.scene, found.case, "read", None))
    if not set(found.verdict.roles) <= {grant.role for grant in held}:
        return None
    return max(grant.until for grant in held)


async def broken_in_a_day(uow: UnitOfWork, account_id: UUID, now: datetime) -> list[datetime]:
    """When the account broke the glass within the last day, oldest first."""
    rows = await uow.fetch(
        "SELECT at FROM case_grant WHERE kind = 'break_glass' AND account_id = $1 AND at > $2 ORDER BY at",
        account_id,
        now - timedelta(days=1),
    )
    return [row["at"] for row in rows]


@dataclass(frozen=True, kw_only=True)
class BrokenGlass:
    """A breaking of the glass as a supervisor, or with `case_id` None a security administrator, sees it."""

    id: UUID
    at: datetime
    until: datetime
    region: str
    scene: str
    by_organ: str
    by_login: str
    reason: str
    note: str
    review: str | None
    case_id: UUID | None


def broken_glass(row: Mapping[str, Any], note: str, *, names_case: bool) -> BrokenGlass:
    """From a row of `case_grant` joined with its case, organ and account."""
    return BrokenGlass(
        id=row["id"],
        at=row["at"],
        until=row["until"],
        region=row["region"],
        scene=row["scene"],
        by_organ=row["organ_name"],
        by_login=row["login"],
        reason=row["reason"],
        note=note,
        review=row["review"],
        case_id=row["case_id"] if names_case else None,
    )
