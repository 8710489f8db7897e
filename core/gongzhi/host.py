"""The host as edges see it: every room behind one value, and the views of scenes per region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from gongzhi.audit.leaf import Outcome
from gongzhi.audit.log import AuditLog
from gongzhi.cases.reading import Reading
from gongzhi.clock import Clock
from gongzhi.declarations import Json, Namespace, QueryDeclaration, Text
from gongzhi.dispatch import CoreNamespace, Dispatcher
from gongzhi.errors import GongzhiError, NotDelegable, SceneFault, StoreFault
from gongzhi.feed import Feed
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.granting import Granting
from gongzhi.identity.directory import Directory
from gongzhi.identity.oidc.client import RelyingParty
from gongzhi.identity.oidc.external import ExternalSignIn
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sign_in import SignIn
from gongzhi.scenes.delegable import delegable_scopes
from gongzhi.scenes.enablement import Enablement, enablement_of, generation, scenes_in_view
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.scenes.manifest import Manifest
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class SceneView:
    """A scene as a region's API shows it; equal views compare and hash by id and version."""

    id: str
    version: str
    title: Text = field(compare=False)
    summary: Text = field(compare=False)
    namespace: Namespace = field(compare=False)
    case_schema: Mapping[str, Any] = field(compare=False)
    types: Mapping[str, type] = field(compare=False)


EnabledScene: TypeAlias = tuple[LoadedScene, Enablement]

T = TypeVar("T")


class _Remembered(Generic[T]):
    """Values by region, forgotten when their time is over: another generation, or another scene that failed."""

    def __init__(self) -> None:
        self._time = (0, 0)
        self._values: dict[str, T] = {}

    def get(self, time: tuple[int, int], region: str) -> T | None:
        return self._values.get(region) if time == self._time else None

    def put(self, time: tuple[int, int], region: str, value: T) -> T:
        if time != self._time:
            self._time, self._values = time, {}
        self._values[region] = value
        return value


class Host:
    """What the application wires together; edges get it when they are mounted."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        clock: Clock,
        tree: RegionTree,
        directory: Directory,
        sign_in: SignIn,
        external: ExternalSignIn,
        providers: Mapping[str, RelyingParty],
        apps: Granting,
        audit: AuditLog,
        scenes: SceneHost,
        dispatch: Dispatcher,
        reading: Reading,
        feed: Feed,
        core_namespaces: Mapping[str, CoreNamespace],
    ) -> None:
        self.settings, self.store, self.clock, self.tree = settings, store, clock, tree
        self.directory, self.sign_in, self.apps, self.audit = directory, sign_in, apps, audit
        self.external, self.providers = external, providers
        self.scenes, self.dispatch, self.reading, self.feed = scenes, dispatch, reading, feed
        self.namespaces: list[Namespace] = [
            Namespace(
                id=n.id,
                title=n.title,
                commands=[c.declaration for c in n.commands.values()],
                queries=n.queries,
                duties=n.duties,
            )
            for n in core_namespaces.values()
        ]
        self._views: _Remembered[tuple[SceneView, ...]] = _Remembered()
        self._enabled: _Remembered[Sequence[EnabledScene]] = _Remembered()

    async def scenes_of_view(self, region: str) -> tuple[SceneView, ...]:
        """The scenes that a region's view holds, sorted by id; a scene that fails to load is left out.

        Remembered until the generation changes or a scene fails.

        Raises `NoSuchRegion`.
        """
        self.tree.get(region)
        async with self.store.unit_of_work() as uow:
            now = await generation(uow), self.scenes.failures
            known = self._views.get(now, region)
            if known is not None:
                return known
            wanted = await scenes_in_view(uow, self.tree, region)
        views = tuple(view for scene in sorted(wanted) if (view := self._view(scene)) is not None)
        return self._views.put(now, region, views)

    async def enabled_scenes(self, region: str) -> Sequence[EnabledScene]:
        """Scenes that take new cases at this address, with their effective configuration, sorted by id.

        Remembered until the generation changes or a scene fails.

        Raises `NoSuchRegion`.
        """
        self.tree.get(region)
        async with self.store.unit_of_work() as uow:
            now = await generation(uow), self.scenes.failures
            known = self._enabled.get(now, region)
            if known is not None:
                return known
            found = [await self._enabled_scene(uow, manifest, region) for manifest in self.scenes.manifests()]
        return self._enabled.put(now, region, [scene for scene in found if scene is not None])

    async def query(
        self, actor: Actor, namespace: str, asked: QueryDeclaration, region: str, value: Mapping[str, Json]
    ) -> Json:
        """What a query of a namespace answers. A refusal leaves an audit leaf, as that of a command does.

        Raises whatever `asked.read` raises, and `NotDelegable` for an app.
        """
        try:
            if actor.scopes is not None:
                raise NotDelegable()
            return await asked.read(actor, region, value)
        except StoreFault:
            raise
        except GongzhiError as refusal:
            outcome: Outcome = "fault" if isinstance(refusal, SceneFault) else "refused"
            await self.dispatch.record_refusal(
                actor,
                namespace=namespace,
                action=asked.name,
                region=region,
                code=refusal.code,
                outcome=outcome,
            )
            raise

    def delegable_scopes(self) -> Mapping[str, Text]:
        """Every scope that a registered app may have, in words: core's, then those of each scene that loads."""
        return delegable_scopes(self.scenes)

    async def _enabled_scene(self, uow: UnitOfWork, manifest: Manifest, region: str) -> EnabledScene | None:
        defaults = manifest.configuration.get("properties", {})
        enablement = await enablement_of(uow, self.tree, manifest.id, region, defaults)
        if enablement is None or enablement.state != "enabled":
            return None
        try:
            return self.scenes.scene(manifest.id, enablement.version), enablement
        except GongzhiError:
            return None

    def _view(self, scene_id: str) -> SceneView | None:
        try:
            scene = self.scenes.scene(scene_id)
        except GongzhiError:
            return None
        return SceneView(
            id=scene.id,
            version=scene.version,
            title=scene.title,
            summary=scene.manifest.summary.text,
            namespace=scene.namespace,
            case_schema=scene.case_schema,
            types=scene.types,
        )
