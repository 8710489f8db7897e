"""Scenes as values, for tests of the composer: no disk, no store."""

from __future__ import annotations

from typing import Any

from gongzhi.declarations import CommandDeclaration, Namespace, Text
from gongzhi.host import SceneView

CASE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["about"],
    "properties": {
        "about": {"type": "string", "title": "情况", "x-gongzhi-title-en": "About"},
        "urgency": {"oneOf": [{"const": "CALM", "title": "一般"}, {"const": "URGENT", "title": "紧急"}]},
    },
}


def text(words: str) -> Text:
    return Text(zh=words, en=words)


def scene(
    scene_id: str,
    *,
    version: str = "1.0.0",
    case: Any = None,
    inputs: dict[str, Any] | None = None,
    types: dict[str, type] | None = None,
) -> SceneView:
    """A scene with one action an input."""
    commands = [
        CommandDeclaration(name=name, title=text(name), input_schema=schema, opens_case=True)
        for name, schema in (inputs or {"report": case or CASE}).items()
    ]
    return SceneView(
        id=scene_id,
        version=version,
        title=text(scene_id),
        summary=text(scene_id),
        namespace=Namespace(id=scene_id, title=text(scene_id), commands=commands),
        case_schema=case or CASE,
        types=types or {},
    )


def schema(**properties: Any) -> dict[str, Any]:
    """An object schema with these properties, none required."""
    return {"type": "object", "additionalProperties": False, "properties": properties}
