"""A case as the policy sees it: who is involved, who may act, who supervises."""

from __future__ import annotations

from uuid import UUID

from gongzhi.cases.records import CaseRecord
from gongzhi.errors import GongzhiError
from gongzhi.identity.policy import LinePart, RoleByType, SceneReaders, Target
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.scenes.workflow import ActionSpec


def target_of(scene: LoadedScene, case: CaseRecord, action: str, spec: ActionSpec | None) -> Target:
    """A case as the policy sees it."""
    roles = scene.manifest.roles
    held: dict[UUID, list[tuple[str, str]]] = {}
    for organ in case.organs:
        held.setdefault(organ.organ_id, []).append((organ.role, organ.department))
    return Target(
        scene=scene.id,
        action=action,
        region=case.row["region"],
        organs=held,
        action_roles=frozenset(spec.by) if spec else frozenset(),
        supervisors=supervisors_of(scene),
        line_readers=line_readers_of(scene),
        line_parts=[
            LinePart(role=organ.role, line=organ.line, level=organ.level, region=organ.region)
            for organ in case.organs
        ],
        withheld=bool(case.state & scene.workflow.unsupervised),
        sealed=case.row["sealed_at"] is not None,
        sealed_readers=frozenset(name for name, role in roles.items() if role.reads_sealed),
        sealers=sealers_of(scene),
        grants=case.grants,
    )


def sealers_of(scene: LoadedScene) -> frozenset[str]:
    """The roles that take an action by which a case is sealed."""
    return frozenset(role for action in scene.workflow.actions.values() if action.seals for role in action.by)


def supervisors_of(scene: LoadedScene) -> frozenset[RoleByType]:
    """The roles under which organs of the scene's supervising types read the cases of their subtree."""
    return frozenset(
        RoleByType(role=name, organ_type=organ_type, department=role.department)
        for name, role in scene.manifest.roles.items()
        for organ_type in role.organ_types
        if organ_type in scene.manifest.supervisors and name not in scene.manifest.guest_roles
    )


def line_readers_of(scene: LoadedScene) -> frozenset[RoleByType]:
    """The roles that are read from above in their line, by the organ types that play them."""
    return frozenset(
        RoleByType(role=name, organ_type=organ_type, department=role.department)
        for name, role in scene.manifest.roles.items()
        if role.line_above
        for organ_type in role.organ_types
    )


def openers_of(scene: LoadedScene, spec: ActionSpec) -> frozenset[RoleByType]:
    """The unbound roles under which organs of fitting types may open a case by this action."""
    roles = scene.manifest.roles
    return frozenset(
        RoleByType(role=role, organ_type=organ_type, department=roles[role].department)
        for role in spec.by
        if role != "platform" and not roles[role].bound
        for organ_type in roles[role].organ_types
    )


def readers_of(scenes: SceneHost) -> list[SceneReaders]:
    """Who reads the cases of each scene that loads, for the policy as an SQL condition."""
    return [
        SceneReaders(
            scene=scene.id,
            version=scene.version,
            supervisors=supervisors_of(scene),
            line_readers=line_readers_of(scene),
            unsupervised=scene.workflow.unsupervised,
            sealed_readers=frozenset(
                name for name, role in scene.manifest.roles.items() if role.reads_sealed
            ),
        )
        for scene in loaded(scenes)
    ]


def loaded(scenes: SceneHost) -> list[LoadedScene]:
    """Every installed scene that loads."""
    found = []
    for manifest in scenes.manifests():
        try:
            found.append(scenes.scene(manifest.id))
        except GongzhiError:
            continue
    return found
