"""Titles of coded values, read from the schemas, so that a card says what a form says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any


@lru_cache(maxsize=1)
def _fields() -> Mapping[str, Any]:
    path = Path(__file__).parent / "schemas" / "parts.json"
    fields: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    return fields


def choices(field: str) -> Sequence[tuple[str, str, str]]:
    """The choices of a coded field: value, Chinese title, English title. `child/sex` names a nested field."""
    name, _, inner = field.partition("/")
    schema = _fields()[name]
    schema = schema["properties"][inner] if inner else schema.get("items", schema)
    return [(one["const"], one["title"], one["x-gongzhi-title-en"]) for one in schema["oneOf"]]
