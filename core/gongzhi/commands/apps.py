"""The namespaces `apps` (the register, for security administrators) and `delegations` (what I let apps do).

Who may act in people's names is a matter of access, and so the security administrator's (GB/T 22239-2019 §8.1.5): a
region's administrator enables scenes and decides nothing about accounts. They register apps of organs of their own
region only, and read no token. A person's own authorisations are the person's to see and take back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from gongzhi.cases.scope import Trail
from gongzhi.commands.app_forms import APP_SCHEMA, APPS, DELEGATION_SCHEMA, DELEGATIONS, REGISTER_SCHEMA
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Json, QueryDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace, Handler
from gongzhi.errors import ActionNotAllowed, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps import delegations, registry
from gongzhi.identity.apps.registry import App, Registration, Secrets
from gongzhi.identity.policy import NO_DUTY, NOT_YOUR_REGION
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.delegable import delegable_scopes
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.schemas import EMPTY, validator
from gongzhi.store import Store, UnitOfWork

DUTY = "security_admin"
ADMINISTER = Text(zh="管理应用登记", en="administer the register of apps")


class AppCommands:
    """The register of apps and what people let them do. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree, scenes: SceneHost) -> None:
        self._store, self._tree, self._scenes = store, tree, scenes

    def apps(self) -> CoreNamespace:
        """The register, shown to security administrators."""
        return CoreNamespace(
            id="apps",
            title=Text(zh="应用登记", en="Registered apps"),
            duties=frozenset({DUTY}),
            commands=dict(
                (
                    _command("register", "登记应用", "Register an app", REGISTER_SCHEMA, self.register),
                    _command("renew", "更换密钥", "Give an app new secrets", APP_SCHEMA, self.renew),
                    _command("revoke", "撤销应用", "Take an app out of use", APP_SCHEMA, self.revoke),
                )
            ),
            queries=[
                QueryDeclaration(
                    name="registered",
                    title=Text(zh="本辖区单位的应用", en="Apps of the organs in your region"),
                    input_schema=EMPTY,
                    output_schema=APPS,
                    read=self.registered,
                )
            ],
        )

    def delegations(self) -> CoreNamespace:
        """A person's own authorisations, shown to everybody."""
        return CoreNamespace(
            id="delegations",
            title=Text(zh="我的授权", en="Apps that act in my name"),
            commands=dict(
                (_command("withdraw", "撤回授权", "Take it back", DELEGATION_SCHEMA, self.withdraw),)
            ),
            queries=[
                QueryDeclaration(
                    name="mine",
                    title=Text(zh="以我的名义办理的应用", en="Apps that act in my name"),
                    input_schema=EMPTY,
                    output_schema=DELEGATIONS,
                    read=self.mine,
                )
            ],
        )

    async def register(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Register an app; its secret and practice key are answered now and never again."""
        value = command.input
        organ_id = UUID(value["organ"].removeprefix("Organ:"))
        where = await uow.fetchval("SELECT region FROM organ WHERE id = $1", organ_id)
        self._may_administer(actor, where)
        trail.region = where
        asked = Registration(
            name=value["name"],
            name_en=value["name_en"],
            organ_id=organ_id,
            kind=value["kind"],
            redirect_uris=value["redirect_uris"],
            origins=value["origins"],
            scopes=value["scopes"],
        )
        app, secrets = await registry.register(uow, asked, delegable_scopes(self._scenes), now)
        return _shown_once(app.id, secrets)

    async def renew(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Give an app a new secret and a new practice key; the old ones are void at once."""
        app = await self._app(uow, actor, command, trail)
        return _shown_once(app.id, await registry.renew(uow, app.id))

    async def revoke(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Take an app out of use for good, with every token and key that it has."""
        app = await self._app(uow, actor, command, trail)
        await registry.revoke(uow, app.id, now)
        return ActResult(case_id=None, output={"app": str(app.id)})

    async def withdraw(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Take back what one let an app do; its tokens are refused from the next request on."""
        grant_id = UUID(command.input["delegation"])
        await delegations.withdraw(uow, actor.account_id, grant_id, now)
        return ActResult(case_id=None, output={"delegation": str(grant_id)})

    async def registered(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """The apps of organs in the actor's region, revoked ones too."""
        self._may_administer(actor, actor.organ.region)
        async with self._store.unit_of_work() as uow:
            apps = await registry.apps_below(uow, self._tree.prefix(actor.organ.region))
        return {"apps": [_row(app) for app in apps]}

    async def mine(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """What the actor lets apps do now."""
        words = delegable_scopes(self._scenes)
        async with self._store.unit_of_work() as uow:
            held = await delegations.delegations_of(uow, actor.account_id)
        return {
            "delegations": [
                {
                    "id": str(one.id),
                    "app": one.app,
                    "app_en": one.app_en,
                    "organ": one.organ,
                    "organ_en": one.organ_en,
                    "granted_at": one.granted_at.isoformat(),
                    "used_at": one.used_at.isoformat() if one.used_at else "",
                    "scopes": [
                        {"scope": scope, "zh": words[scope].zh, "en": words[scope].en}
                        for scope in one.scopes
                        if scope in words
                    ],
                }
                for one in held
            ]
        }

    async def _app(self, uow: UnitOfWork, actor: Actor, command: Command, trail: Trail) -> App:
        app = await registry.find_app(uow, UUID(command.input["app"]))
        self._may_administer(actor, None if app is None else app.region)
        if app is None:
            raise NoSuchThing(where="/app")
        trail.region = app.region
        return app

    def _may_administer(self, actor: Actor, region: str | None) -> None:
        """Raise unless the actor administers security where the app's organ sits; one that is not there is nowhere."""
        reason = None
        if DUTY not in actor.duties:
            reason = NO_DUTY
        elif region is not None and not self._tree.contains(actor.organ.region, region):
            reason = NOT_YOUR_REGION
        if reason is not None:
            raise ActionNotAllowed(action=ADMINISTER, reason_zh=reason.zh, reason_en=reason.en)
        if region is None:
            raise NoSuchThing(where="/organ")


def _command(name: str, zh: str, en: str, schema: dict[str, Any], handle: Handler) -> tuple[str, CoreCommand]:
    declaration = CommandDeclaration(name=name, title=Text(zh=zh, en=en), input_schema=schema)
    return name, CoreCommand(declaration=declaration, check=validator(schema), handle=handle)


def _shown_once(app_id: UUID, secrets: Secrets) -> ActResult:
    once = {"practice_key": secrets.practice_key}
    if secrets.secret is not None:
        once["client_secret"] = secrets.secret
    return ActResult(case_id=None, output={"client_id": str(app_id)}, once=once)


def _row(app: App) -> dict[str, Json]:
    return {
        "client_id": str(app.id),
        "name": app.name.zh,
        "name_en": app.name.en,
        "organ": app.organ.zh,
        "kind": app.kind,
        "redirect_uris": list(app.redirect_uris),
        "origins": list(app.origins),
        "scopes": sorted(app.scopes),
        "registered_at": app.registered_at.isoformat(),
        "revoked": app.disabled_at is not None,
    }
