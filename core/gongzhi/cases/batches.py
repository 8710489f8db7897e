"""Letters and clocks by id, looked up in batches and shaped for their reader; titles from each case's own version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from gongzhi.cases.shaping import Names, deadline_view, letter_view, scene_of, text
from gongzhi.cases.views import CaseSummary, DeadlineView, LetterView
from gongzhi.declarations import Text
from gongzhi.identity.actors import Actor
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import working
from gongzhi.scenes.host import SceneHost
from gongzhi.store import UnitOfWork

_LETTER = ", ".join(
    f"l.{name}"
    for name in [
        "id",
        "case_id",
        "kind",
        "number",
        "title",
        "from_organ",
        "from_role",
        "to_organ",
        "to_department",
        "role",
        "copy_of",
        "basis",
        "document_sha256",
        "state",
        "reply_by",
        "accepted_at",
        "delivered_at",
        "signed_at",
        "replied_at",
    ]
)
"""A letter's columns without what it says, which is sealed and long."""


async def letter_views(
    scenes: SceneHost,
    tree: RegionTree,
    uow: UnitOfWork,
    actor: Actor,
    ids: list[UUID],
    roles: Collection[str] | None = None,
) -> dict[UUID, LetterView]:
    """Letters by id, in the order of `ids`, as a reader with `roles` sees them; None means those in each case."""
    rows = await uow.fetch(
        f"SELECT {_LETTER}, c.title AS case_title, c.scene, c.version, c.region"
        " FROM letter l JOIN cases c ON c.id = l.case_id"
        " WHERE l.id = ANY($1) ORDER BY array_position($1, l.id)",
        ids,
    )
    evidence = await uow.fetch(
        "SELECT * FROM evidence WHERE letter_id = ANY($1) ORDER BY at,"
        " array_position(ARRAY['accepted', 'delivered', 'signed', 'replied', 'withdrawn'], step), id",
        ids,
    )
    names = await Names.load(uow, [row[side] for row in rows for side in ("from_organ", "to_organ")])
    viewers = await _viewers(uow, actor, rows, roles)
    at_work = await working(uow, tree, {(row["scene"], row["region"]) for row in rows})
    views = {}
    for row in rows:
        attested = [item for item in evidence if item["letter_id"] == row["id"]]
        views[row["id"]] = letter_view(
            scene_of(scenes, row),
            names,
            actor,
            row,
            attested,
            viewers[row["case_id"]],
            at_work=(row["scene"], row["region"]) in at_work,
        )
    return views


async def deadline_views(
    scenes: SceneHost, uow: UnitOfWork, actor: Actor, ids: list[UUID], roles: Collection[str] | None = None
) -> dict[UUID, DeadlineView]:
    """Clocks by id, oldest first; `roles` as in `letter_views`."""
    rows = await uow.fetch(
        "SELECT d.*, c.scene, c.version FROM deadline d JOIN cases c ON c.id = d.case_id"
        " WHERE d.id = ANY($1) ORDER BY d.started_at, d.id",
        ids,
    )
    names = await Names.load(uow, [row["organ_id"] for row in rows])
    viewers = await _viewers(uow, actor, rows, roles)
    return {
        row["id"]: deadline_view(scene_of(scenes, row), names, row, viewers[row["case_id"]]) for row in rows
    }


def summary_of(scenes: SceneHost, tree: RegionTree, row: Mapping[str, Any]) -> CaseSummary:
    """A case in a list."""
    scene = scene_of(scenes, row)
    # A broken scene hides its wording, not the fact that its cases exist.
    title = scene.title if scene else Text(zh=row["scene"], en=row["scene"])
    state = tuple(scene.workflow.state_view(leaf) for leaf in row["state"]) if scene else ()
    return CaseSummary(
        id=row["id"],
        scene=row["scene"],
        scene_title=title,
        version=row["version"],
        region=row["region"],
        region_name=tree.get(row["region"]).name,
        title=text(row["title"]),
        state=state,
        next_due_at=row["next_due_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        closed_at=row["closed_at"],
        row_version=row["row_version"],
    )


async def _viewers(
    uow: UnitOfWork, actor: Actor, rows: Iterable[Mapping[str, Any]], roles: Collection[str] | None
) -> dict[UUID, Collection[str]]:
    """By case, the roles under which the actor reads it: `roles`, or those that their organ plays there."""
    case_ids = list({row["case_id"] for row in rows})
    if roles is not None:
        return dict.fromkeys(case_ids, roles)
    held = await uow.fetch(
        "SELECT case_id, role FROM case_organ"
        " WHERE case_id = ANY($1) AND organ_id = $2 AND department IN ('', $3) AND until IS NULL",
        case_ids,
        actor.organ.id,
        actor.department,
    )
    return {case_id: {row["role"] for row in held if row["case_id"] == case_id} for case_id in case_ids}
