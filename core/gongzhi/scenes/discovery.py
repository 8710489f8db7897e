"""Which scenes are installed: entry points and manifests only, no scene module is imported."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from gongzhi.scenes.manifest import Manifest, ManifestError, read_manifest

GROUP = "gongzhi.scenes"


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A scene found on this machine. Exactly one of `manifest` and `problem` is set."""

    id: str
    module: str
    folder: Path | None
    manifest: Manifest | None
    problem: str = ""

    @property
    def manifest_hash(self) -> bytes:
        """SHA-256 of scene.json as it stands on disk."""
        assert self.folder is not None
        return hashlib.sha256((self.folder / "scene.json").read_bytes()).digest()


def discover(points: list[EntryPoint] | None = None) -> list[Installed]:
    """All installed scenes, sorted by id; a broken one carries its `problem`.

    The entry point's value names a top-level package, whose folder `find_spec` finds without importing it.
    """
    found = {point.name: _look(point) for point in (entry_points(group=GROUP) if points is None else points)}
    return [found[name] for name in sorted(found)]


def _look(point: EntryPoint) -> Installed:
    folder = _package_folder(point.module)
    if folder is None:
        return Installed(
            id=point.name, module=point.module, folder=None, manifest=None, problem="package not found"
        )
    try:
        manifest = read_manifest(folder)
        if manifest.id != point.name:
            raise ManifestError(f"scene.json says id {manifest.id!r}, the entry point {point.name!r}")
    except ManifestError as error:
        return Installed(id=point.name, module=point.module, folder=folder, manifest=None, problem=str(error))
    return Installed(id=point.name, module=point.module, folder=folder, manifest=manifest)


def _package_folder(module: str) -> Path | None:
    # A dotted module would make find_spec import its parent, so only top-level packages are scenes.
    if "." in module:
        return None
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])
