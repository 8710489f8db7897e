"""Reveals: who has said why they want to see which masked fields of a case, and until when they are shown them.

A reveal is one person's, for one case, and lapses by itself. It never shows what the person's role hides.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from gongzhi.cases.masking import WHOLE, Sight, above, masked_view
from gongzhi.cases.notes import seal_note
from gongzhi.cases.records import CaseRecord
from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NothingToReveal
from gongzhi.identity.actors import Actor
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import SubjectVault, UnitOfWork

REASONS: Final = {
    "handling": Text(zh="办理本案", en="Handling this case"),
    "verification": Text(zh="核实情况", en="Verification"),
    "supervision": Text(zh="法律监督", en="Legal supervision"),
    "statutory_inquiry": Text(zh="依法查询", en="Inquiry provided for by law"),
    "quality_review": Text(zh="案件评查", en="Review of how cases were handled"),
}
"""Why masked fields may be asked for, by code; the code goes into the audit log."""

_NOT_REVEALABLE: Final = Text(
    zh="不是您说明理由后可以显示的字段", en="it is no field that is shown to you once you say why"
)


@dataclass(frozen=True, kw_only=True)
class Revealed:
    """What a person is shown of a case for now: JSON pointers, and when the first of them is masked again."""

    fields: tuple[str, ...] = ()
    until: datetime | None = None


def reading_role(scene: LoadedScene, roles: Collection[str]) -> str:
    """Of several roles the one that reads most decides; each of them alone would be allowed to."""
    known = scene.manifest.roles
    return max(sorted(roles), key=lambda name: (known[name].reads, known[name].reads_at_once))


def sight_of(scene: LoadedScene, role: str, revealed: Revealed) -> Sight:
    """How far a role of the scene sees a case of which so much is revealed."""
    spec = scene.manifest.roles[role]
    return Sight(role=role, reads=spec.reads, at_once=spec.reads_at_once, revealed=revealed.fields)


def documents_masked(scene: LoadedScene, role: str, revealed: Revealed) -> bool:
    """Whether a document made for the role may hold more than its reader is shown of the case now."""
    spec = scene.manifest.roles[role]
    return above(spec.reads, spec.reads_at_once) and WHOLE not in revealed.fields


async def revealed_to(uow: UnitOfWork, actor: Actor, case_id: UUID, now: datetime) -> Revealed:
    """What the actor is shown of the case for now; a reveal is the person's own, and not for an app in their name."""
    if actor.scopes is not None:
        return Revealed()
    rows = await uow.fetch(
        "SELECT fields, until FROM reveal WHERE case_id = $1 AND account_id = $2 AND until > $3",
        case_id,
        actor.account_id,
        now,
    )
    return Revealed(
        fields=tuple(sorted({pointer for row in rows for pointer in row["fields"]})),
        until=min((row["until"] for row in rows), default=None),
    )


async def reveal(
    uow: UnitOfWork,
    vault: SubjectVault,
    actor: Actor,
    scene: LoadedScene,
    case: CaseRecord,
    role: str,
    *,
    fields: Collection[str],
    reason: str,
    note: str,
    now: datetime,
    until: datetime,
) -> str:
    """Show `fields`, JSON pointers, to the actor until then; none means all that the role may see. Answers the highest
    level among them.

    Raises `NothingToReveal` where nothing is masked that a reason would show, `InvalidInput` for a field that no reason
    shows to this role.
    """
    sight = sight_of(scene, role, Revealed())
    masked = masked_view(scene.case_schema, case.data, sight, minor=scene.manifest.minor).revealable
    for place, pointer in enumerate(fields):
        if pointer not in masked:
            raise InvalidInput(where=f"/fields/{place}", problem=_NOT_REVEALABLE)
    if not masked:
        raise NothingToReveal()
    level = max(masked[pointer] for pointer in fields or masked)
    subject_id, sealed = await seal_note(uow, vault, case, note, now)
    await uow.insert(
        "reveal",
        {
            "id": uuid4(),
            "case_id": case.id,
            "account_id": actor.account_id,
            "organ_id": actor.organ.id,
            "role": role,
            "fields": sorted(set(fields)) or [WHOLE],
            "level": level,
            "reason": reason,
            "note": sealed,
            "subject_id": subject_id,
            "at": now,
            "until": until,
        },
    )
    return level
