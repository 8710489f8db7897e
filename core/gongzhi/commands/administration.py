"""The namespace `administration`: which scene runs where, with which configuration and organs, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import product
from uuid import uuid4

import orjson

from gongzhi.cases.scope import Trail
from gongzhi.commands.bindings import bind, check_bound, unmanned_roles
from gongzhi.commands.forms import EFFECTIVE, ENABLE_SCHEMA, INSTALLED, OF_REGION
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Json, QueryDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace
from gongzhi.errors import GongzhiError, IntakeClash, SceneNotEnabled
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Target, decide
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import bump_generation, enabled_beside, enablement_of
from gongzhi.scenes.hooks import doors_meet
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.scenes.schemas import EMPTY, validator
from gongzhi.store import Store, UnitOfWork


class AdministrationCommands:
    """What a provincial administrator does. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree, scenes: SceneHost) -> None:
        self._store, self._tree, self._scenes = store, tree, scenes

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        enable = CommandDeclaration(
            name="enable_scene",
            title=Text(zh="启用或变更场景", en="Enable or change a scene"),
            input_schema=ENABLE_SCHEMA,
        )
        return CoreNamespace(
            id="administration",
            title=Text(zh="场景管理", en="Administration"),
            duties=frozenset({"region_admin"}),
            commands={
                "enable_scene": CoreCommand(
                    declaration=enable, check=validator(ENABLE_SCHEMA), handle=self.enable_scene
                )
            },
            queries=[
                QueryDeclaration(
                    name="installed_scenes",
                    title=Text(zh="已安装的场景及其状态", en="Installed scenes, their state and its reason"),
                    input_schema=EMPTY,
                    output_schema=INSTALLED,
                    read=self.installed_scenes,
                ),
                QueryDeclaration(
                    name="effective_configuration",
                    title=Text(
                        zh="某地的生效配置及其来源", en="What holds in a region, and where it comes from"
                    ),
                    input_schema=OF_REGION,
                    output_schema=EFFECTIVE,
                    read=self.effective_configuration,
                ),
            ],
        )

    async def installed_scenes(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """Every installed scene with its state and, where it failed, the reason."""
        self._may_administer(actor, region, "installed_scenes", "")
        return {
            "scenes": [
                {"id": state.id, "version": state.version, "state": state.state, "reason": state.reason}
                for state in self._scenes.states()
            ]
        }

    async def effective_configuration(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """State, configuration and roles of a scene in a region, each with the region that decides it.

        Raises `SceneNotEnabled`, `NoSuchRegion`, `SceneIncompatible`.
        """
        where = value["region"]
        self._may_administer(actor, where, "effective_configuration", value["scene"])
        scene = self._scenes.scene(value["scene"])
        defaults = scene.manifest.configuration.get("properties", {})
        async with self._store.unit_of_work() as uow:
            held = await enablement_of(uow, self._tree, scene.id, where, defaults)
            if held is None:
                raise SceneNotEnabled(where="/region")
            ids = [binding.organ_id for binding in held.bindings.values()]
            rows = await uow.fetch("SELECT id, name FROM organ WHERE id = ANY($1)", ids)
        names = {row["id"]: row["name"] for row in rows}
        return {
            "state": held.state,
            "version": held.version,
            "decided_by": held.decided_by,
            "fields": [
                {"name": field.name, "value": _told(field.value), "decided_by": field.region or ""}
                for field in held.config
            ],
            "roles": [
                {
                    "role": role,
                    "organ": str(binding.organ_id),
                    "organ_name": names[binding.organ_id],
                    "department": binding.department,
                    "decided_by": binding.region,
                }
                for role, binding in sorted(held.bindings.items())
            ],
        }

    def _may_administer(self, actor: Actor, region: str, action: str, scene: str) -> None:
        verdict = decide(actor, "administer", Target(scene=scene, action=action, region=region), self._tree)
        if not verdict.allowed:
            raise verdict.refusal(Text(zh="管理场景", en="administer scenes"))

    async def enable_scene(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Set a scene's state, configuration and role bindings for a region and all below it.

        What the input leaves out stays as it is; a scene that is new here is enabled, with nothing configured.
        Refused until every role to be bound has an organ in every division that would take new cases. Where an organ
        has nobody yet to sign for letters it is enabled, and `unmanned` says so.
        """
        value = command.input
        where: str = value["region"]
        self._tree.get(where)
        trail.region = where
        self._may_administer(actor, where, "enable_scene", value["scene"])
        scene = self._scenes.scene(value["scene"])
        trail.version = scene.version
        # First, since it locks: two that enable at once would not see each other's rows.
        await bump_generation(uow)
        await uow.execute(
            "INSERT INTO scene_version (scene, version, manifest_hash, registered_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            scene.id,
            scene.version,
            scene.manifest_hash,
            now,
        )
        known = await uow.fetchrow(
            "SELECT * FROM enablement WHERE scene = $1 AND region = $2 FOR UPDATE", scene.id, where
        )
        row = {
            "scene": scene.id,
            "version": scene.version,
            "region": where,
            "state": value.get("state", known["state"] if known else "enabled"),
            "config": value.get("config", known["config"] if known else {}),
        }
        scene.check_config(row["config"])  # the stored one too: it may be an older version's
        if known is None:
            await uow.insert("enablement", {"id": uuid4(), **row})
        else:
            await uow.update("enablement", known, **row)
        await bind(uow, self._tree, scene, where, value["roles"], now)
        output: dict[str, Json] = {"scene": scene.id, "version": scene.version, "region": where}
        if row["state"] == "enabled":
            await check_bound(uow, self._tree, scene, where, now)
            await self._check_doors(uow, scene, where)
            if unmanned := await unmanned_roles(uow, self._tree, scene, where, now):
                output["unmanned"] = unmanned
        return ActResult(case_id=None, output=output)

    async def _check_doors(self, uow: UnitOfWork, scene: LoadedScene, where: str) -> None:
        """No intake may hide, or be hidden by, that of a scene beside it. Raises `IntakeClash`."""
        for other in sorted(await enabled_beside(uow, self._tree, scene.id, where)):
            try:
                theirs = self._scenes.scene(other).intakes
            except GongzhiError:
                continue  # a scene that doesn't load has no doors
            for mine, their in product(scene.intakes, theirs):
                if mine.method == their.method and doors_meet(mine.path, their.path):
                    raise IntakeClash(
                        where="/scene", first=other, second=scene.id, method=mine.method, path=mine.path
                    )


def _told(value: Json) -> str:
    """A configured value as it would be written in JSON; a text without its quotes."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
