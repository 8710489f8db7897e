"""The scene host: what is installed, in which state it is and why, and the scene that an act needs.

Scenes load when first needed. One broken scene never stops the host or another scene.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import structlog

from gongzhi import __version__
from gongzhi.errors import SceneFault, SceneIncompatible
from gongzhi.scenes.discovery import Installed, discover
from gongzhi.scenes.loading import SCENE_RAISES, LoadedScene, load
from gongzhi.scenes.manifest import Manifest, ManifestError, unmet

log = structlog.get_logger()

State = Literal["compatible", "loaded", "failed"]


@dataclass(frozen=True, kw_only=True)
class SceneState:
    """Where a scene stands, with the reason an administrator reads when it failed."""

    id: str
    version: str
    state: State
    reason: str = ""


class SceneHost:
    """All installed scenes. Thread-safe: the worker and the web process load through the same object."""

    def __init__(self, installed: list[Installed] | None = None) -> None:
        self._installed = {s.id: s for s in (discover() if installed is None else installed)}
        self._loaded: dict[str, LoadedScene] = {}
        self._failed: dict[str, str] = {}
        self._lock = threading.RLock()
        versions = {manifest.id: manifest.version for manifest in self.manifests()}
        for scene in self._installed.values():
            problem = unmet(scene.manifest, __version__, versions) if scene.manifest else scene.problem
            if problem:
                self._failed[scene.id] = problem
        for scene_id, reason in self._failed.items():
            log.warning("scene skipped", scene=scene_id, reason=reason)

    def manifests(self) -> list[Manifest]:
        """Manifests of all scenes whose manifest could be read, sorted by id."""
        return [s.manifest for s in self._installed.values() if s.manifest is not None]

    def states(self) -> list[SceneState]:
        """The state of every installed scene, sorted by id."""
        return [self._state(scene) for scene in self._installed.values()]

    @property
    def failures(self) -> int:
        """How many scenes have failed so far; views that were made when it was less may show one that has."""
        return len(self._failed)

    def scene(self, scene_id: str, version: str | None = None) -> LoadedScene:
        """The loaded scene; loads it now if need be.

        Raises `SceneIncompatible` when it is not installed in that version or doesn't fit this core,
        `SceneFault` when it fails to load.
        """
        installed = self._installed.get(scene_id)
        if installed is None or installed.manifest is None:
            reason = self._failed.get(scene_id, "not installed")
            raise SceneIncompatible(where=f"/{scene_id}", scene=scene_id, problem=reason)
        manifest = installed.manifest
        if version is not None and version != manifest.version:
            raise SceneIncompatible(
                where=f"/{scene_id}", scene=scene_id, problem=f"version {version} is not installed"
            )
        with self._lock:
            if scene_id in self._loaded and scene_id not in self._failed:
                return self._loaded[scene_id]
            if scene_id in self._failed:
                raise SceneFault(where=f"/{scene_id}", scene=scene_id, version=manifest.version)
            try:
                self._loaded[scene_id] = load(installed)
            except SCENE_RAISES as error:
                # Other than a `ManifestError` it is what a scene's declarations did that nobody thought of.
                kind = "" if isinstance(error, ManifestError) else f"{type(error).__name__}: "
                self.fail(scene_id, manifest.version, f"{kind}{error}")
                raise SceneFault(where=f"/{scene_id}", scene=scene_id, version=manifest.version) from error
            return self._loaded[scene_id]

    def fail(self, scene_id: str, version: str, reason: str) -> None:
        """Record that a scene can't be used, and why; its acts are refused from now on."""
        self._failed[scene_id] = reason
        log.error("scene failed", scene=scene_id, version=version, reason=reason)

    def fail_app(self, app: str, reason: str) -> None:
        """Record a migration that failed; `app` is the Piccolo app's name, the scene's id."""
        self.fail(app, "", reason)

    def _state(self, scene: Installed) -> SceneState:
        version = scene.manifest.version if scene.manifest else ""
        if scene.id in self._failed:
            return SceneState(id=scene.id, version=version, state="failed", reason=self._failed[scene.id])
        state: State = "loaded" if scene.id in self._loaded else "compatible"
        return SceneState(id=scene.id, version=version, state=state)
