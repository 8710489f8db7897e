"""Rows into views: names of organs looked up once a page, titles taken from the case's own scene version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from gongzhi.cases.views import DeadlineView, EventView, EvidenceView, LetterView, OrganView
from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError
from gongzhi.identity.actors import HANDLING_DUTIES, Actor
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import UnitOfWork

PLATFORM = Text(zh="平台", en="Platform")

_OF_CORE = {"nudge": Text(zh="催办", en="Nudge")}
"""Events that are no scene's actions."""

HIDDEN = OrganView(
    id=UUID(int=0), name=Text(zh="（报告单位已隐去）", en="(hidden)"), type="hidden", region=""
)
"""What is shown in place of an organ whose part in the case the reader may not learn."""


def is_hidden(scene: LoadedScene | None, role: str, viewers: Collection[str]) -> bool:
    """Whether readers with the roles `viewers` may not learn which organ plays `role`.

    Hiding goes by the role, never by the organ: the same organ may report in one part and be notified in
    another, and hiding it everywhere would give it away. A role that no manifest explains, be it that the scene
    is broken or that the role is not in it, is hidden from all but those who play it.
    """
    spec = scene.manifest.roles.get(role) if scene else None
    return role not in viewers if spec is None else spec.hidden_from(role, viewers)


class Names:
    """Organs by id, for one page of views."""

    def __init__(self, organs: Mapping[UUID, OrganView]) -> None:
        self._organs = organs

    @classmethod
    async def load(cls, uow: UnitOfWork, ids: Iterable[UUID | None]) -> Names:
        """Look up every organ named, in one query."""
        wanted = list({organ_id for organ_id in ids if organ_id is not None})
        rows = await uow.fetch("SELECT id, name, name_en, type, region FROM organ WHERE id = ANY($1)", wanted)
        return cls({row["id"]: organ_view(row) for row in rows})

    def of(self, organ_id: UUID) -> OrganView:
        """The organ with this id, which `load` was given."""
        return self._organs[organ_id]

    def playing(
        self, role: str, organ_id: UUID, scene: LoadedScene | None, viewers: Collection[str]
    ) -> OrganView:
        """The organ as readers with the roles `viewers` see it in `role`: `HIDDEN` where they may not know it."""
        return HIDDEN if is_hidden(scene, role, viewers) else self._organs[organ_id]


def text(value: Mapping[str, str]) -> Text:
    """A stored bilingual text."""
    return Text(zh=value["zh"], en=value["en"])


def organ_view(row: Mapping[str, Any]) -> OrganView:
    """An organ's row."""
    return OrganView(
        id=row["id"], name=Text(zh=row["name"], en=row["name_en"]), type=row["type"], region=row["region"]
    )


def role_title(scene: LoadedScene | None, role: str) -> Text:
    """How the scene calls a role."""
    if scene is not None and role in scene.manifest.roles:
        return scene.manifest.roles[role].title.text
    return PLATFORM if role == "platform" else Text(zh=role, en=role)


def event_view(
    scene: LoadedScene, names: Names, row: Mapping[str, Any], viewers: Collection[str]
) -> EventView:
    """A timeline entry; `organ` is None where the platform acted."""
    spec = scene.workflow.actions.get(row["action"])
    organ_id = row["organ_id"]
    return EventView(
        id=row["id"],
        seq=row["seq"],
        action=row["action"],
        title=spec.title.text
        if spec
        else _OF_CORE.get(row["action"], Text(zh=row["action"], en=row["action"])),
        at=row["at"],
        organ=names.playing(row["role"], organ_id, scene, viewers) if organ_id else None,
        role=role_title(scene, row["role"]),
        state=tuple(scene.workflow.state_view(leaf) for leaf in row["state_to"]),
        leaf_hash=row["leaf_hash"].hex(),
        by_deputy=row["deputyship_id"] is not None,
    )


def letter_view(
    scene: LoadedScene | None,
    names: Names,
    actor: Actor,
    row: Mapping[str, Any],
    evidence: Sequence[Mapping[str, Any]],
    viewers: Collection[str],
    *,
    at_work: bool,
) -> LetterView:
    """A letter; `may_sign` is whether this actor may sign for it now, which needs a scene that is `at_work` there."""
    addressed = row["to_organ"] == actor.organ.id and row["to_department"] in ("", actor.department)
    addressee = names.playing(row["role"], row["to_organ"], scene, viewers)
    sender = names.playing(row["from_role"], row["from_organ"], scene, viewers)
    return LetterView(
        id=row["id"],
        case_id=row["case_id"],
        case_title=text(row["case_title"]),
        kind=row["kind"],
        # The number holds the sender's code word (机关代字), so it goes where the sender goes.
        number=None if sender is HIDDEN else row["number"],
        title=text(row["title"]),
        from_organ=sender,
        to_organ=addressee,
        to_department="" if addressee is HIDDEN else row["to_department"],
        role=role_title(scene, row["role"]),
        copy_of=row["copy_of"],
        basis=row["basis"],
        state=row["state"],
        reply_by=row["reply_by"],
        accepted_at=row["accepted_at"],
        delivered_at=row["delivered_at"],
        signed_at=row["signed_at"],
        replied_at=row["replied_at"],
        has_document=row["document_sha256"] is not None,
        may_sign=at_work
        and addressed
        and row["state"] == "delivered"
        and bool(actor.duties & HANDLING_DUTIES),
        evidence=[
            EvidenceView(
                id=item["id"],
                step=item["step"],
                positive=item["positive"],
                at=item["at"],
                record=item["record"],
                signature=item["signature"].hex(),
            )
            for item in evidence
        ],
    )


def deadline_view(
    scene: LoadedScene | None, names: Names, row: Mapping[str, Any], viewers: Collection[str]
) -> DeadlineView:
    """A clock, explained as it was when it started; `organ` is None where it is on nobody in particular."""
    organ_id, explained = row["organ_id"], row["explanation"]
    spec = scene.workflow.deadlines.get(row["kind"]) if scene else None
    unnamed = Text(zh=row["kind"], en=row["kind"])
    return DeadlineView(
        id=row["id"],
        kind=row["kind"],
        title=spec.title.text if spec else unnamed,
        state=row["state"],
        organ=names.playing(row["role"], organ_id, scene, viewers) if organ_id else None,
        started_at=row["started_at"],
        due_at=row["due_at"],
        met_at=row["met_at"],
        explanation=text(explained),
        article=text(explained["article"]),
        source=explained["source"],
    )


def scene_of(scenes: SceneHost, row: Mapping[str, Any]) -> LoadedScene | None:
    """The scene version of a row, or None when it can't be used: a list must not end at one broken scene."""
    try:
        return scenes.scene(row["scene"], row["version"])
    except GongzhiError:
        return None
