"""Everything settled about an act before its rule runs: who, in which role, on which case, where, by which version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from gongzhi.cases.finding import CaseFinder
from gongzhi.cases.records import CaseRecord, load_case
from gongzhi.cases.targets import openers_of, target_of
from gongzhi.declarations import Command, Json, Text
from gongzhi.errors import InvalidInput, NoSuchThing, RowChanged, SceneNotEnabled, SceneReadOnly
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import Actor
from gongzhi.identity.codes import division_code
from gongzhi.identity.policy import Target, decide, is_platform_service
from gongzhi.identity.region_successors import present_divisions
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import WORKING, Enablement, enablement_of
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.scenes.schemas import pointer
from gongzhi.scenes.workflow import ActionSpec
from gongzhi.store import SubjectVault, UnitOfWork


@dataclass(kw_only=True)
class Trail:
    """What the audit leaf will say, filled in as the act proceeds, so that a refusal tells as much as is known.

    `code` is what an act that is done says of itself, such as the level and the reason of a reveal.
    """

    version: str = ""
    code: str = ""
    region: str = ""
    case_id: UUID | None = None
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Everything settled about an act before its rule runs.

    `region` is the competent one after the act; it differs from the case's where the act passes the case on.
    """

    actor: Actor
    scene: LoadedScene
    spec: ActionSpec
    action: str
    role: str
    region: str
    enablement: Enablement | None
    case: CaseRecord | None
    input: Mapping[str, Json]
    now: datetime


class Scoping:
    """Finds the scope of a command. One instance serves every request; it keeps no state."""

    def __init__(self, tree: RegionTree, scenes: SceneHost, vault: SubjectVault) -> None:
        self._tree, self._scenes, self._vault = tree, scenes, vault
        self.finder = CaseFinder(tree, scenes, vault)

    async def of(self, uow: UnitOfWork, actor: Actor, command: Command, now: datetime, trail: Trail) -> Scope:
        """Settle who acts in which role, on which case or in which region, by which scene version.

        Raises any `Refused`, or `SceneFault`.
        """
        if command.case_id is not None:
            return await self._of_case(uow, actor, command, now, trail)
        scene = self._scenes.scene(command.namespace)
        trail.version = scene.version
        spec = _action(scene, command.action)
        if not spec.opens_case:
            raise InvalidInput(
                where="/case", problem=Text(zh="此操作需要指明案件", en="this action needs a case")
            )
        scene.checks[command.action](command.input)
        region = self._route(scene, [command.input], actor.organ.region, now)
        trail.region = region
        enablement = await self._open_to_new_cases(uow, scene, region)
        if enablement.version != scene.version:
            scene = self._scenes.scene(scene.id, enablement.version)
            trail.version = scene.version
            spec = _action(scene, command.action)
        bound: dict[UUID, list[tuple[str, str]]] = {}
        for role, binding in enablement.bindings.items():
            bound.setdefault(binding.organ_id, []).append((role, binding.department))
        target = Target(
            scene=scene.id,
            action=command.action,
            region=region,
            organs=bound,
            action_roles=frozenset(spec.by),
            openers=openers_of(scene, spec),
        )
        verdict = decide(actor, "create", target, self._tree)
        if not verdict.allowed or verdict.role is None:
            raise verdict.refusal(spec.title.text)
        return Scope(
            actor=actor,
            scene=scene,
            spec=spec,
            action=command.action,
            role=verdict.role,
            region=region,
            enablement=enablement,
            case=None,
            input=command.input,
            now=now,
        )

    async def _of_case(
        self, uow: UnitOfWork, actor: Actor, command: Command, now: datetime, trail: Trail
    ) -> Scope:
        assert command.case_id is not None
        trail.case_id = command.case_id
        scene, case = await self._found(uow, actor, command.case_id, now)
        trail.region, trail.version = case.row["region"], case.row["version"]
        if case.row["scene"] != command.namespace:
            raise NoSuchThing()
        spec = _action(scene, command.action)
        verdict = decide(actor, "act", target_of(scene, case, command.action, spec), self._tree)
        if not verdict.allowed or verdict.role is None:
            raise verdict.refusal(spec.title.text)
        if command.row_version is not None and command.row_version != case.row["row_version"]:
            raise RowChanged(where="/rowVersion")
        region = case.row["region"]
        if spec.opens_case and all(organ.role in spec.by for organ in case.organs):
            # Nobody but the opener is in it yet, so what it now says decides who is competent.
            scene.checks[command.action](command.input)
            region = self._route(scene, [command.input, case.data], region, now)
        trail.region = region
        passes_on = region != case.row["region"]
        enablement = (
            await self._open_to_new_cases(uow, scene, region)
            if passes_on
            else await self.at_work(uow, scene, region, verdict.role)
        )
        return Scope(
            actor=actor,
            scene=scene,
            spec=spec,
            action=command.action,
            role=verdict.role,
            region=region,
            enablement=enablement,
            case=case,
            input=command.input,
            now=now,
        )

    async def _found(
        self, uow: UnitOfWork, actor: Actor, case_id: UUID, now: datetime
    ) -> tuple[LoadedScene, CaseRecord]:
        """The case, locked, as one that the actor may know of: nothing else may tell that it is there."""
        if is_platform_service(actor):
            case = await load_case(uow, self._vault, case_id, lock=True)
            return self._scenes.scene(case.row["scene"], case.row["version"]), case
        found = await self.finder.find(uow, actor, case_id, at=now, lock=True)
        return found.scene, found.case

    async def at_work(self, uow: UnitOfWork, scene: LoadedScene, region: str, role: str) -> Enablement | None:
        """What holds for a running case of `scene` in `region`.

        An act that passes the case on asks this of no county but the one it passes to. The platform's own acts go on
        for ever: erasing what ran out can't wait for anybody to enable a scene.

        Raises `SceneReadOnly` where the scene no longer takes acts.
        """
        enablement = await enablement_of(uow, self._tree, scene.id, region, _defaults(scene))
        at_work = enablement is not None and enablement.state in WORKING
        if not at_work and role != "platform":
            raise SceneReadOnly(where=f"/region/{region}")
        return enablement

    async def _open_to_new_cases(self, uow: UnitOfWork, scene: LoadedScene, region: str) -> Enablement:
        enablement = await enablement_of(uow, self._tree, scene.id, region, _defaults(scene))
        if enablement is None or enablement.state != "enabled":
            raise SceneNotEnabled(where=f"/region/{region}")
        return enablement

    def _route(
        self, scene: LoadedScene, told: Sequence[Mapping[str, Json]], otherwise: str, now: datetime
    ) -> str:
        """The competent region: what the first routing pointer names in the first of `told` that has it, or else
        `otherwise`, lifted to the scene's level."""
        routing = scene.manifest.routing
        for path in routing.by:
            for value in told:
                code = pointer(value, path)
                if isinstance(code, str) and code:
                    return self._lift(self._present(code, now, path), routing.level, path)
        return self._lift(otherwise, routing.level, routing.by[0] if routing.by else "/")

    def _present(self, code: str, now: datetime, where: str) -> str:
        """The code, or that of the one division that took the place of an abolished one.

        Raises `InvalidInput` that names the choices where it was divided.
        """
        digits = division_code(code)
        held_by = present_divisions(self._tree, digits, legal_day(now))
        if len(held_by) == 1:
            return code if held_by[0].code == digits else held_by[0].code
        names = "、".join(f"{region.name} {region.code}" for region in held_by) or "—"
        raise InvalidInput(
            where=where,
            problem=Text(
                zh=f"区划 {digits} 已撤销，现为：{names}，请选择其一",
                en=f"division {digits} was abolished; choose one of those there now: {names}",
            ),
        )

    def _lift(self, code: str, level: str, where: str) -> str:
        if level == "county" and (county := self._tree.county_of(code)):
            return county.code
        for region in self._tree.ancestors(code):
            if region.level == level:
                return region.code
        raise InvalidInput(
            where=where,
            problem=Text(
                zh="无法由此确定管辖地区，请填写到县（市、区）的区划代码",
                en=f"it names no competent region; give a division code at {level} level",
            ),
        )


def _action(scene: LoadedScene, name: str) -> ActionSpec:
    spec = scene.workflow.actions.get(name)
    if spec is None:
        raise InvalidInput(where="/action", problem=Text(zh="没有此操作", en="there is no such action"))
    return spec


def _defaults(scene: LoadedScene) -> Mapping[str, Any]:
    defaults: Mapping[str, Any] = scene.manifest.configuration.get("properties", {})
    return defaults
