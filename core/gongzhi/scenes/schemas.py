"""A scene's JSON Schemas: references inlined, input validated, annotations read.

Refusals name the place, the rule that was broken and what it allows, never the value that broke it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs

from gongzhi.declarations import Json, Text
from gongzhi.errors import GongzhiError, ImpossibleDate, InvalidInput, UnknownField
from gongzhi.plurals import counted
from gongzhi.scenes.manifest import ManifestError

EMPTY: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
"""The schema of an action that asks nothing."""


def load_schema(folder: Path, name: str) -> dict[str, Any]:
    """Read `<folder>/<name>` with every `$ref` (`#/…` or `other.json#/…`) replaced by what it names.

    Raises `ManifestError` for a missing file, bad JSON, a dangling or circular reference.
    """
    path = folder / name
    files: dict[Path, Any] = {}

    def read(file: Path) -> Any:
        if file not in files:
            try:
                files[file] = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ManifestError(f"{name}: {error}") from error
        return files[file]

    def inline(node: Any, file: Path, trail: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [inline(item, file, trail) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" not in node:
            return {key: inline(value, file, trail) for key, value in node.items() if key != "$defs"}
        target, _, pointer = node["$ref"].partition("#")
        other = (file.parent / target) if target else file
        mark = f"{other}#{pointer}"
        if mark in trail:
            raise ManifestError(f"{name}: {node['$ref']} refers to itself")
        found = read(other)
        for step in pointer.strip("/").split("/") if pointer.strip("/") else []:
            if not isinstance(found, dict) or step not in found:
                raise ManifestError(f"{name}: {node['$ref']} names nothing")
            found = found[step]
        rest = {key: value for key, value in node.items() if key != "$ref"}
        return {**inline(found, other, (*trail, mark)), **inline(rest, file, trail)}

    schema = inline(read(path), path, ())
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ManifestError(f"{name}: the schema of an input or a case is an object")
    return schema


def check_case_schema(schema: Mapping[str, Any]) -> None:
    """Hold a case's schema against what masking and search make of it.

    An indexed field is found by everybody who may list the case, so nothing that some of them may not read is indexed.

    Raises `ManifestError`.
    """
    validator(schema)
    properties = schema.get("properties", {})
    for name, part in properties.items():
        if not isinstance(part, dict):
            raise ManifestError(f"case schema: {name!r} is no schema object")
        for node in _nodes(part):
            level = node.get("x-gongzhi-level", "L1")
            if level not in _LEVELS:
                raise ManifestError(f"case schema: {name!r} has x-gongzhi-level {level!r}, not L1 to L4")
            if node.get("x-gongzhi-index") and node is not part:
                raise ManifestError(f"case schema: x-gongzhi-index stands inside {name!r}, not at it")
            hidden = level in ("L3", "L4") and f"x-gongzhi-level {level}"
            hidden = hidden or next((mark for mark in _NOT_FOR_ALL if node.get(mark)), "")
            if part.get("x-gongzhi-index") and hidden:
                raise ManifestError(
                    f"case schema: {name!r} has x-gongzhi-index and {hidden}; search would tell"
                )


_LEVELS = ("L1", "L2", "L3", "L4")
_NOT_FOR_ALL = ("x-gongzhi-readers", "x-gongzhi-personal")


def _nodes(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and every schema object in it."""
    if isinstance(schema, dict):
        yield schema
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inside:
        yield from _nodes(part)


def validator(schema: Mapping[str, Any]) -> Callable[[Json], None]:
    """A function that raises `InvalidInput`, `UnknownField` or `ImpossibleDate` for a value that does not fit.

    Raises `ManifestError` when the schema itself is wrong.
    """
    try:
        compiled = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)
    except ValueError as error:
        raise ManifestError(f"schema: {error}") from error

    def check(value: Json) -> None:
        if compiled.is_valid(value):
            return
        refusals = [_refusal(schema, error) for error in compiled.iter_errors(value)]
        raise min(refusals, key=lambda refusal: _ORDER.index(type(refusal)))

    return check


_ORDER: list[type[GongzhiError]] = [UnknownField, ImpossibleDate, InvalidInput]

_KINDS: dict[str, tuple[str, str]] = {
    "string": ("文本", "a text"),
    "integer": ("整数", "an integer"),
    "number": ("数字", "a number"),
    "boolean": ("true 或 false", "true or false"),
    "array": ("列表", "a list"),
    "object": ("对象", "an object"),
    "null": ("null", "null"),
}
_PROBLEMS: dict[str, tuple[str, str]] = {
    "required": ("缺少必填项", "a required field is missing"),
    "maxLength": ("最多 {limit} 个字符", "it has at most {characters}"),
    "minLength": ("至少 {limit} 个字符", "it has at least {characters}"),
    "pattern": ("格式不对，应符合 {pattern}", "the form is wrong, it has to match {pattern}"),
    "format": ("格式不对，应为 {format}", "the form is wrong, it has to be a {format}"),
    "minimum": ("不能小于 {limit}", "it can't be below {limit}"),
    "maximum": ("不能大于 {limit}", "it can't be above {limit}"),
    "maxItems": ("最多 {limit} 项", "it has at most {items}"),
    "minItems": ("至少 {limit} 项", "it has at least {items}"),
    "uniqueItems": ("项目不能重复", "no item may stand twice"),
}
_MOST_CHOICES = 10


def kind_expected(*names: str) -> Text:
    """Says which JSON types, by the names that a schema gives them, were expected."""
    kinds = [_KINDS.get(name, (name, name)) for name in names]
    zh, en = "、".join(zh for zh, _ in kinds), " or ".join(en for _, en in kinds)
    return Text(zh=f"类型不对，应为{zh}", en=f"the type is wrong, {en} is expected")


def choice_expected(choices: Sequence[Json]) -> Text:
    """Says which values may be chosen; of many only the first."""
    told = [one if isinstance(one, str) else json.dumps(one) for one in choices[:_MOST_CHOICES]]
    more = len(choices) > _MOST_CHOICES
    zh = "、".join(told) + (f" 等 {len(choices)} 项" if more else "")
    en = ", ".join(told) + (f" … ({len(choices)} in all)" if more else "")
    return Text(zh=f"不是可选值之一：{zh}", en=f"it is none of the choices: {en}")


def _refusal(schema: Mapping[str, Any], error: jsonschema_rs.ValidationError) -> InvalidInput:
    where = "/" + "/".join(str(step) for step in error.instance_path)
    keyword = error.kind.name if error.kind else ""
    details = error.kind.as_dict() if error.kind else {}
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        field = str(details["unexpected"][0])[:100]
        return UnknownField(where=f"{where.rstrip('/')}/{field}", field=field)
    if keyword == "format" and details["format"] in ("date", "date-time"):
        return ImpossibleDate(where=where, problem=details["format"])
    if keyword == "required":
        where = f"{where.rstrip('/')}/{details['property']}"
    return InvalidInput(where=where, problem=_problem(schema, error, keyword, details))


def _problem(
    schema: Mapping[str, Any], error: jsonschema_rs.ValidationError, keyword: str, details: Mapping[str, Any]
) -> Text:
    if keyword == "type":
        return kind_expected(*details["types"])
    if keyword in ("enum", "oneOf") and (choices := _choices(schema, error.schema_path)):
        return choice_expected(choices)
    zh, en = _PROBLEMS.get(keyword, (f"不符合规则 {keyword}", f"it breaks the rule {keyword}"))
    if isinstance(limit := details.get("limit"), int):
        details = {
            **details,
            "characters": counted(limit, "character", "characters"),
            "items": counted(limit, "item", "items"),
        }
    return Text(zh=zh.format(**details), en=en.format(**details))


def _choices(schema: Any, path: Sequence[str | int]) -> list[Json]:
    """The constants of the `enum` or `oneOf` at a place of the schema; empty when they aren't constants."""
    for step in path:
        schema = schema[step]
    choices = [one.get("const") if path[-1] == "oneOf" else one for one in schema]
    return [] if None in choices else choices


DEEPEST = 100
"""Levels of nesting that a stored value may have; Python's own limit lies above, orjson's too."""

_UNSTORABLE_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_UNSTORABLE = Text(zh="含有不可保存的字符", en="it has a character that cannot be stored")
_FLOAT = Text(zh="请用整数或文本", en="use an integer or a text")
_TOO_LARGE = Text(zh="整数超出范围", en="the integer is out of range")
_TOO_DEEP = Text(zh="嵌套过深", en="it is nested too deep")


def clean_text(value: Json, where: str = "", depth: int = 0) -> None:
    """Refuse what PostgreSQL and canonical JSON can't hold: NUL characters, lone surrogates, floats, huge integers.

    Raises `InvalidInput` with the JSON pointer; a bad field name is placed at the object that has it.
    """
    if depth > DEEPEST:
        raise InvalidInput(where=where or "/", problem=_TOO_DEEP)
    if isinstance(value, str):
        if _UNSTORABLE_CHARACTER.search(value):
            raise InvalidInput(where=where or "/", problem=_UNSTORABLE)
    elif isinstance(value, float):
        raise InvalidInput(where=where or "/", problem=_FLOAT)
    elif isinstance(value, int) and abs(value) > 2**53 - 1:
        raise InvalidInput(where=where or "/", problem=_TOO_LARGE)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            clean_text(key, where, depth)
            clean_text(item, f"{where}/{key}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            clean_text(item, f"{where}/{index}", depth + 1)


def pointer(value: Json, path: str) -> Json:
    """The value that a JSON pointer names, or None when there is none."""
    for step in path.strip("/").split("/"):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value
