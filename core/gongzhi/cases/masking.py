"""What a role sees of a case's data, from the schema's annotations; fails closed.

A role may see a field in clear when it is among the field's readers (where any are named) and its reading level
reaches the field's. Of that, what lies above its everyday level stays masked until the reader has said why they
want to see it. Everything else is masked whatever is said, hidden fields as null.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gongzhi.declarations import Json

LEVELS: Final = ("L1", "L2", "L3", "L4")
"""Of sensitivity, the lowest first (DB33/T 2351: 不敏感, 低敏感, 较敏感, 敏感)."""

WITH_REASON: Final = "L3"
"""From this level on a field is shown only to who says why, unless the role's work is with it every day."""

WHOLE: Final = ""
"""The JSON pointer (RFC 6901) of the whole document: a reveal of it covers every field."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How far a role sees: up to `reads` where it has said why, up to `at_once` without; `revealed` are the JSON
    pointers that it has said why for."""

    role: str
    reads: str
    at_once: str
    revealed: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class MaskedView:
    """The data as a role sees it, and the JSON pointers of what is masked.

    `revealable` are those of them that the role may see in clear once it says why, each with its level.
    """

    data: dict[str, Json]
    masked: tuple[str, ...]
    revealable: Mapping[str, str]


def masked_view(
    schema: Mapping[str, Any], data: Mapping[str, Json], sight: Sight, *, minor: bool
) -> MaskedView:
    """What `sight` shows of the data. Properties without a schema are left out.

    In a scene about minors (`minor`) what is personal and states no level counts as L3.
    """
    masking = _Masking(sight)
    shown: dict[str, Json] = {}
    for name, part in schema.get("properties", {}).items():
        if name in data:
            unstated = WITH_REASON if minor and part.get("x-gongzhi-personal") else "L1"
            shown[name] = masking.value(part, data[name], f"/{name}", unstated)
    return MaskedView(data=shown, masked=tuple(masking.masked), revealable=masking.revealable)


def above(level: str, other: str) -> bool:
    """Whether `level` is more sensitive than `other`."""
    return LEVELS.index(level) > LEVELS.index(other)


def covers(pointers: Collection[str], path: str) -> bool:
    """Whether one of `pointers` names `path` or something that it lies in."""
    return any(path == pointer or path.startswith(f"{pointer}/") for pointer in pointers)


@dataclass
class _Masking:
    sight: Sight
    masked: list[str] = field(default_factory=list)
    revealable: dict[str, str] = field(default_factory=dict)

    def value(self, schema: Mapping[str, Any], value: Json, path: str, unstated: str) -> Json:
        sight = self.sight
        readers = schema.get("x-gongzhi-readers")
        holds_more = "properties" in schema or isinstance(schema.get("items"), Mapping)
        level = schema.get("x-gongzhi-level", "L1" if holds_more else unstated)
        if readers is not None and sight.role not in readers:
            self.masked.append(path)
            return None
        if above(level, sight.reads):
            self.masked.append(path)
            return mask(value, schema.get("x-gongzhi-mask", "hidden"))
        if above(level, sight.at_once) and not covers(sight.revealed, path):
            self.masked.append(path)
            self.revealable[path] = level
            return mask(value, schema.get("x-gongzhi-mask", "hidden"))
        if isinstance(value, Mapping) and "properties" in schema:
            parts = schema["properties"]
            return {
                name: self.value(part, value[name], f"{path}/{name}", unstated)
                for name, part in parts.items()
                if name in value
            }
        if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            return [
                self.value(schema["items"], item, f"{path}/{i}", unstated) for i, item in enumerate(value)
            ]
        return value


def mask(value: Json, kind: str) -> Json:
    """A value masked for show: `name` keeps the first character, `id_number` the first six, `phone` the ends;
    everything else is null."""
    if not isinstance(value, str) or not value:
        return None
    if kind == "name":
        return value[0] + "*" * max(1, len(value) - 1)
    if kind == "id_number":
        return value[:6] + "*" * max(1, len(value) - 6)
    if kind == "phone" and len(value) > 7:
        return value[:3] + "*" * (len(value) - 7) + value[-4:]
    return None


def personal_names(schema: Mapping[str, Any]) -> frozenset[str]:
    """The top-level properties that are stored encrypted."""
    return frozenset(
        name for name, part in schema.get("properties", {}).items() if part.get("x-gongzhi-personal")
    )
