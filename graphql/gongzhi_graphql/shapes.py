"""What a JSON Schema says about one place, read once for input and output types alike.

A place is a scalar, an enum, an object, a list, or one of several objects. Names of properties stay as the
schema has them: a form's data is the mutation's input, and a JSON pointer names the same field everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gongzhi_graphql.names import is_name, pascal
from gongzhi_graphql.scalars import SCALARS

Schema = Mapping[str, Any]

_INT32 = 2**31 - 1
_FORMATS = {"date": "Date", "date-time": "DateTime"}
_WITHHOLDING = ("x-gongzhi-personal", "x-gongzhi-mask", "x-gongzhi-readers")


class Unfit(ValueError):
    """A schema that has no GraphQL form; says where and why."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property of an object; `required` by the schema, `withheld` when some actors may get null for it."""

    key: str
    shape: Shape
    required: bool
    withheld: bool
    description: str


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One place of a schema; `key` is the property it belongs to, in PascalCase. `kind` decides which of
    the other fields speak:

    `scalar` (`scalar`), `enum` (`values`: name → constant and description), `object` (`properties`),
    `list` (`item`), `choice` (`options`: objects). `name` is the type's name without
    the prefix.
    """

    kind: str
    name: str
    key: str
    place: str
    nullable: bool = False
    description: str = ""
    scalar: str = ""
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()
    item: Shape | None = None
    options: tuple[Shape, ...] = ()


def shape_of(schema: Schema, name: str, place: str, key: str = "") -> Shape:
    """Read `schema`, whose `$ref`s are resolved. Raises `Unfit`."""
    if "x-gongzhi-name" in schema:
        name = key = pascal(schema["x-gongzhi-name"])
    alternatives, nullable = _without_null(schema)
    common: dict[str, Any] = {
        "name": name,
        "key": key,
        "place": place,
        "nullable": nullable,
        "description": _describe(schema),
    }
    if scalar := schema.get("x-gongzhi-scalar"):
        if scalar not in SCALARS:
            raise Unfit(place, f"there is no scalar {scalar}")
        return Shape(kind="scalar", scalar=scalar, **common)
    if len(alternatives) == 1 and "const" not in alternatives[0]:
        inner = shape_of({**schema, **alternatives[0], "oneOf": None, "anyOf": None}, name, place, key)
        return replace(inner, nullable=nullable or inner.nullable)
    if alternatives:
        return _alternatives(alternatives, common)
    if is_name(str(schema.get("const", ""))) and isinstance(schema["const"], str):
        return _enum([schema], common)
    if "enum" in schema:
        return _enum([{"const": value} for value in schema["enum"] if value is not None], common)
    return _plain(schema, common)


def _without_null(schema: Schema) -> tuple[list[Schema], bool]:
    every = [option for key in ("oneOf", "anyOf") for option in schema.get(key) or ()]
    options = [option for option in every if not _only_validates(option, schema)]
    left = [option for option in options if option.get("type") != "null"]
    type_ = schema.get("type")
    return left, len(left) < len(options) or (isinstance(type_, list) and "null" in type_)


def _only_validates(option: Schema, schema: Schema) -> bool:
    # {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]} restricts an object that is described beside it.
    return "properties" in schema and "const" not in option and "type" not in option


def _alternatives(options: list[Schema], common: dict[str, Any]) -> Shape:
    if all("const" in option for option in options):
        return _enum(options, common)
    if all("properties" in option for option in options):
        shapes = [
            shape_of(option, common["name"] + _option_name(option, common["place"]), common["place"])
            for option in options
        ]
        return Shape(kind="choice", options=tuple(shapes), **common)
    raise Unfit(
        common["place"], "oneOf needs constants only or objects only; else set x-gongzhi-scalar: JSON"
    )


def _option_name(option: Schema, place: str) -> str:
    constants = [p["const"] for p in option["properties"].values() if isinstance(p.get("const"), str)]
    name = pascal(option.get("x-gongzhi-name") or (constants[0].lower() if constants else ""))
    if not is_name(name):
        raise Unfit(place, "each object of a oneOf needs a constant property or x-gongzhi-name")
    return name


def _enum(options: list[Schema], common: dict[str, Any]) -> Shape:
    constants = [option["const"] for option in options]
    if all(isinstance(c, int) for c in constants):
        return Shape(kind="scalar", scalar="Boolean" if isinstance(constants[0], bool) else "Int", **common)
    values: dict[str, tuple[str, str]] = {}
    for option, constant in zip(options, constants, strict=True):
        name = option.get("x-gongzhi-name", constant)
        if not isinstance(constant, str) or not isinstance(name, str) or not is_name(name):
            raise Unfit(common["place"], f"{constant!r} needs an ASCII name (x-gongzhi-name)")
        if name in values:
            raise Unfit(common["place"], f"{name} stands twice")
        values[name] = (constant, _describe(option))
    return Shape(kind="enum", values=values, **common)


def _plain(schema: Schema, common: dict[str, Any]) -> Shape:
    type_ = schema.get("type")
    if isinstance(type_, list):
        types = [t for t in type_ if t != "null"]
        type_ = types[0] if len(types) == 1 else None
    if type_ == "object" and schema.get("properties"):
        return Shape(kind="object", properties=tuple(_properties(schema, common)), **common)
    if type_ == "array" and "items" in schema:
        item = shape_of(schema["items"], common["name"], f"{common['place']}/items", common["key"])
        return Shape(kind="list", item=item, **common)
    return Shape(kind="scalar", scalar=_scalar(schema, type_, common["place"]), **common)


def _properties(schema: Schema, common: dict[str, Any]) -> Iterator[Property]:
    required = schema.get("required", ())
    for key, value in schema["properties"].items():
        place = f"{common['place']}/{key}"
        if not is_name(key):
            raise Unfit(place, "the property's name is no GraphQL name")
        yield Property(
            key=key,
            shape=shape_of(value, common["name"] + pascal(key), place, pascal(key)),
            required=key in required,
            withheld=_is_withheld(value),
            description=_describe(value),
        )


def _is_withheld(schema: Schema) -> bool:
    return schema.get("x-gongzhi-level", "L1") != "L1" or any(mark in schema for mark in _WITHHOLDING)


def _scalar(schema: Schema, type_: str | None, place: str) -> str:
    if type_ == "string":
        return _FORMATS.get(schema.get("format", ""), "String")
    if type_ == "integer":
        if schema.get("maximum", 0) > _INT32 or schema.get("minimum", 0) < -_INT32:
            raise Unfit(place, "GraphQL's Int has 32 bits: set x-gongzhi-scalar to Fen")
        return "Int"
    return {"boolean": "Boolean", "number": "Float"}.get(type_ or "", "JSON")


def _describe(schema: Schema) -> str:
    title, english = schema.get("title", ""), schema.get("x-gongzhi-title-en", "")
    head = f"{title} ({english})" if title and english else title or english
    return "\n\n".join(part for part in (head, schema.get("description", "")) if part)
