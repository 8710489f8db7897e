"""Loading one scene: import, hooks checked, workflow compiled, schemas ready; every failure becomes a reason."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gongzhi.declarations import (
    CommandDeclaration,
    Document,
    Fact,
    Intake,
    Json,
    Namespace,
    Rule,
    Text,
)
from gongzhi.scenes.discovery import Installed
from gongzhi.scenes.hooks import SCENE_RAISES, read_hooks
from gongzhi.scenes.manifest import Manifest, ManifestError
from gongzhi.scenes.schemas import EMPTY, check_case_schema, load_schema, validator
from gongzhi.scenes.workflow import Workflow

__all__ = ["SCENE_RAISES", "LoadedScene", "load"]


@dataclass(frozen=True, kw_only=True)
class LoadedScene:
    """A scene version, ready to act. `inputs` has one schema an action, `checks` its compiled validator."""

    manifest: Manifest
    manifest_hash: bytes
    folder: Path
    workflow: Workflow
    case_schema: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]]
    checks: Mapping[str, Callable[[Json], None]]
    check_config: Callable[[Json], None]
    rules: Mapping[str, Rule]
    facts: Mapping[str, Fact]
    intakes: tuple[Intake, ...]
    documents: Mapping[str, Document]
    types: Mapping[str, type] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def title(self) -> Text:
        return self.manifest.title.text

    @property
    def namespace(self) -> Namespace:
        """The scene's actions as commands of its namespace; automatic actions are nobody's to call."""
        return Namespace(
            id=self.id,
            title=self.title,
            commands=[
                CommandDeclaration(
                    name=name,
                    title=spec.title.text,
                    input_schema=self.inputs[name],
                    opens_case=spec.opens_case,
                    acts_on_case=any(t.source is not None for t in spec.transitions),
                )
                for name, spec in self.workflow.file.actions.items()
            ],
        )


def load(installed: Installed) -> LoadedScene:
    """Import the scene's package and read all it declares.

    Raises `ManifestError` with a reason that names the scene; whatever the scene itself raised is its cause.
    """
    manifest, folder = installed.manifest, installed.folder
    assert manifest is not None and folder is not None
    try:
        module = importlib.import_module(installed.module)
    except SCENE_RAISES as error:
        raise ManifestError(f"import failed: {type(error).__name__}: {error}") from error
    hooks = read_hooks(installed.id, module, folder)
    workflow = Workflow.read(manifest.id, _read(folder / "workflow.json"))
    inputs = {
        name: load_schema(folder, spec.input) if spec.input else EMPTY
        for name, spec in workflow.actions.items()
    }
    scene = LoadedScene(
        manifest=manifest,
        manifest_hash=installed.manifest_hash,
        folder=folder,
        workflow=workflow,
        case_schema=load_schema(folder, manifest.case_schema),
        inputs=inputs,
        checks={name: validator(schema) for name, schema in inputs.items()},
        check_config=validator(manifest.configuration),
        rules=hooks.rules,
        facts=hooks.facts,
        intakes=hooks.intakes,
        documents=hooks.documents,
        types=hooks.types,
    )
    _check(scene)
    return scene


def _check(scene: LoadedScene) -> None:
    """Everything that the workflow names must exist, and permissions must cover what is declared."""
    check_case_schema(scene.case_schema)
    manifest = scene.manifest
    for permission, declared in (("facts", scene.facts), ("intakes", scene.intakes)):
        if declared and permission not in manifest.permissions:
            raise ManifestError(f"scene.json does not ask for the permission {permission!r}")
    for name, spec in scene.workflow.actions.items():
        if spec.rule and spec.rule not in scene.rules:
            raise ManifestError(f"action {name!r} names no rule {spec.rule!r}")
        roles = {*spec.by, *spec.involves, *spec.ends, *(letter.to for letter in spec.letters)}
        roles |= {copy.to for letter in spec.letters for copy in letter.copies}
        if unknown := roles - manifest.roles.keys() - {"platform"}:
            raise ManifestError(f"action {name!r} names no role {sorted(unknown)}")
        if missing := set(spec.facts) - scene.facts.keys():
            raise ManifestError(f"action {name!r} names no fact {sorted(missing)}")
        for letter in spec.letters:
            documents = {letter.document, *(copy.document for copy in letter.copies)} - {None}
            if missing_documents := documents - scene.documents.keys():
                raise ManifestError(
                    f"action {name!r} names no document {sorted(map(str, missing_documents))}"
                )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path.name}: {error.strerror}") from error
