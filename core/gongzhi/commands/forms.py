"""JSON Schemas of the administration's commands and queries; data, no behaviour."""

from __future__ import annotations

from typing import Any

_DIVISION = {
    "type": "string",
    "pattern": "^[0-9]{6}$",
    "title": "行政区划代码",
    "x-gongzhi-title-en": "Division code",
}
_SCENE = {"type": "string", "maxLength": 60, "title": "场景", "x-gongzhi-title-en": "Scene"}
UUID_FIELD = {"type": "string", "format": "uuid", "title": "编号", "x-gongzhi-title-en": "Id"}


def text_of(zh: str, en: str) -> dict[str, Any]:
    """A text of at most 2,000 characters, titled in both languages."""
    return {"type": "string", "maxLength": 2000, "title": zh, "x-gongzhi-title-en": en}


def object_of(**properties: Any) -> dict[str, Any]:
    """An object that has exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def list_of(zh: str, en: str, items: dict[str, Any]) -> dict[str, Any]:
    """A list, titled in both languages."""
    return {"type": "array", "title": zh, "x-gongzhi-title-en": en, "items": items}


ENABLE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["scene", "region", "roles"],
    "properties": {
        "scene": _SCENE,
        "region": _DIVISION,
        "state": {
            "title": "状态",
            "x-gongzhi-title-en": "State",
            "oneOf": [
                {"const": "enabled", "title": "启用", "x-gongzhi-title-en": "Enabled"},
                {"const": "closing", "title": "不再新收", "x-gongzhi-title-en": "Closing: no new cases"},
                {"const": "read_only", "title": "只读", "x-gongzhi-title-en": "Read-only"},
                {"const": "retired", "title": "停用", "x-gongzhi-title-en": "Retired"},
            ],
        },
        "config": {"type": "object", "title": "配置", "x-gongzhi-title-en": "Configuration"},
        "roles": {
            "type": "array",
            "maxItems": 500,
            "title": "角色绑定",
            "x-gongzhi-title-en": "Role bindings",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["role", "organ", "region"],
                "properties": {
                    "role": {
                        "type": "string",
                        "maxLength": 60,
                        "title": "角色",
                        "x-gongzhi-title-en": "Role",
                    },
                    "region": _DIVISION,
                    "organ": {
                        "type": "string",
                        "pattern": "^(Organ:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
                        "title": "单位",
                        "x-gongzhi-title-en": "Organ",
                    },
                    "department": {
                        "type": "string",
                        "maxLength": 60,
                        "title": "部门",
                        "x-gongzhi-title-en": "Department",
                    },
                },
            },
        },
    },
}

OF_REGION = object_of(scene=_SCENE, region=_DIVISION)
"""Which scene, and where."""

INSTALLED = object_of(
    scenes=list_of(
        "场景",
        "Scenes",
        object_of(
            id=_SCENE,
            version=text_of("版本", "Version"),
            state=text_of("状态", "State"),
            reason=text_of("原因", "Reason"),
        ),
    )
)
"""Installed scenes."""

EFFECTIVE = object_of(
    state=text_of("状态", "State"),
    version=text_of("版本", "Version"),
    decided_by=text_of("由哪一级决定", "Region that decides the state"),
    fields=list_of(
        "配置项",
        "Fields",
        object_of(
            name=text_of("名称", "Name"),
            value=text_of("值", "Value"),
            decided_by=text_of("来源地区（空为默认值）", "Region it comes from, empty for the default"),
        ),
    ),
    roles=list_of(
        "角色",
        "Roles",
        object_of(
            role=text_of("角色", "Role"),
            organ=UUID_FIELD,
            organ_name=text_of("单位", "Organ"),
            department=text_of("部门", "Department"),
            decided_by=text_of("来源地区", "Region it comes from"),
        ),
    ),
)
"""What holds for a scene in a region."""
