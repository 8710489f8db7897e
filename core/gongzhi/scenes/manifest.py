"""The manifest of a scene (`scene.json`) as typed values; reading one never imports scene code."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from gongzhi.declarations import Text

Level = Literal["L1", "L2", "L3", "L4"]
LevelAtOnce = Literal["L2", "L3", "L4"]


class TitleStruct(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    zh: str
    en: str

    @property
    def text(self) -> Text:
        return Text(zh=self.zh, en=self.en)


class Owner(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    contact: str


class Routing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the competent region is found: the first of `by` (JSON pointers into the opening input) that is present,
    lifted to `level`."""

    by: list[str]
    level: Literal["province", "city", "county"]
    explanation: TitleStruct


class Role(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part that an organ plays in a case. A bound role is tied to one organ per region by an administrator; an
    unbound one is taken by the acting organ when its type fits. It reads fields up to `reads`: those up to
    `reads_at_once` as they stand, those above once the reader has said why. Where `known_to` names roles, only these
    learn which organ
    plays it (a reporter's protection). `line_above` lets the organs of its types read, in this role, the cases in which an
    organ of their line (条线) below them plays it."""

    title: TitleStruct
    organ_types: list[str]
    department: str = ""
    bound: bool = True
    reads: Level = "L1"
    reads_at_once: LevelAtOnce = "L2"
    reads_sealed: bool = False
    line_above: bool = False
    known_to: list[str] = []

    def hidden_from(self, own: str, viewers: Collection[str]) -> bool:
        """Whether somebody with the roles `viewers` may not learn which organ plays this role, named `own`."""
        return bool(self.known_to) and not {own, *self.known_to} & set(viewers)


class Manifest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a scene says about itself.

    `emergency_role` is the one under which somebody not entitled reads a case in an emergency (紧急查阅), for its organ
    types only; `inquiry_role` that of an organ to which a sealed case is opened by law (依法开放). Without them neither
    is possible. Both are roles in name: nobody is bound to them, and no action is theirs.
    """

    id: str
    version: str
    archetype: str
    title: TitleStruct
    summary: TitleStruct
    requires_core: str
    case_schema: str
    routing: Routing
    roles: dict[str, Role]
    owner: Owner
    configuration: dict[str, Any]
    requires_scenes: dict[str, str] = {}
    permissions: list[str] = []
    minor: bool = False
    supervisors: list[str] = []
    emergency_role: str = ""
    inquiry_role: str = ""
    indicators: list[Any] = []
    boundaries: list[Any] = []
    quality: list[Any] = []
    schema: str = msgspec.field(default="", name="$schema")

    @property
    def guest_roles(self) -> frozenset[str]:
        """The roles that nobody plays in a case: `emergency_role` and `inquiry_role`, where there are any."""
        return frozenset({self.emergency_role, self.inquiry_role} - {""})


class ManifestError(Exception):
    """A manifest that can't be used; the message is the reason an administrator reads."""


def read_manifest(folder: Path) -> Manifest:
    """Read and check `<folder>/scene.json`.

    Raises `ManifestError` when it is missing, not of the format, or names no valid version.
    """
    path = folder / "scene.json"
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        Version(manifest.version)
        for wanted in (manifest.requires_core, *manifest.requires_scenes.values()):
            SpecifierSet(wanted)
    except FileNotFoundError as error:
        raise ManifestError("scene.json is missing") from error
    except (msgspec.MsgspecError, InvalidVersion, InvalidSpecifier, UnicodeDecodeError) as error:
        raise ManifestError(f"scene.json: {error}") from error
    fields = manifest.configuration.get("properties", {})
    if not isinstance(fields, dict) or not all(isinstance(field, dict) for field in fields.values()):
        raise ManifestError("scene.json: configuration.properties is no object of schema objects")
    for guest in manifest.guest_roles:
        if guest not in manifest.roles or manifest.roles[guest].bound:
            raise ManifestError(f"scene.json: {guest!r} is to be one of the roles, and not bound")
    if not manifest.id.isidentifier() or manifest.id.lower() != manifest.id:
        raise ManifestError("scene.json: id must be a lower-case identifier")
    return manifest


def unmet(manifest: Manifest, core: str, scenes: Mapping[str, str]) -> str:
    """What the scene needs (PEP 440) and this core or the installed scenes, id → version, are not; '' for nothing."""
    if not SpecifierSet(manifest.requires_core).contains(core, prereleases=True):
        return f"needs core {manifest.requires_core}, this is {core}"
    for scene, wanted in manifest.requires_scenes.items():
        if scene not in scenes:
            return f"needs the scene {scene} {wanted}, which is not installed"
        if not SpecifierSet(wanted).contains(scenes[scene], prereleases=True):
            return f"needs the scene {scene} {wanted}, {scenes[scene]} is installed"
    return ""
