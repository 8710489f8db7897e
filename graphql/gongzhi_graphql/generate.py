"""GraphQL types made from the shapes of a scene's or an edge's JSON Schemas.

Resolvers read the masked data by key. Masking may put a text where the schema has another kind of value; such
a value is shown as null, and `masked` tells the client why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
    GraphQLUnionType,
)

from gongzhi_graphql.scalars import SCALARS
from gongzhi_graphql.shapes import Property, Shape, Unfit

_LEAVES: dict[str, GraphQLScalarType] = {
    **SCALARS,
    "String": GraphQLString,
    "Int": GraphQLInt,
    "Boolean": GraphQLBoolean,
    "Float": GraphQLFloat,
}
_PYTHON: dict[str, type | tuple[type, ...]] = {"Int": int, "Fen": int, "Boolean": bool, "Float": (int, float)}


class TypeMaker:
    """Makes the types of one namespace, each named with its prefix.

    An object is named by its path, `MinorProtectionReportChildInput`. An enum is named by its property, as in
    `MinorProtectionSituations`, and shared by all that have the same values; the first takes the name,
    another gets its path. `x-gongzhi-name` shares any type. One name for two shapes is `Unfit`.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.types: dict[str, GraphQLNamedType] = {}
        self._shapes: dict[str, Shape] = {}
        self._reserved = {prefix + "Query", prefix + "Mutation"}

    def output(
        self, shape: Shape, fields: Mapping[str, GraphQLField] | None = None, interfaces: Iterable[Any] = ()
    ) -> Any:
        """The nullable output type of a shape; `fields` and `interfaces` are added to an object."""
        if shape.kind == "scalar":
            return _LEAVES[shape.scalar]
        if shape.kind == "enum":
            return self._enum(shape)
        if shape.kind == "list":
            assert shape.item is not None
            inner = self.output(shape.item)
            return GraphQLList(inner if shape.item.nullable else GraphQLNonNull(inner))
        if shape.kind == "choice":
            return self._union(shape)
        return self._object(shape, fields or {}, tuple(interfaces))

    def input(self, shape: Shape) -> Any:
        """The nullable input type of a shape."""
        if shape.kind == "scalar":
            return _LEAVES[shape.scalar]
        if shape.kind == "enum":
            return self._enum(shape)
        if shape.kind == "list":
            assert shape.item is not None
            inner = self.input(shape.item)
            return GraphQLList(inner if shape.item.nullable else GraphQLNonNull(inner))
        if shape.kind == "choice":
            return self._one_of(shape)
        return self._input_object(shape)

    def _enum(self, shape: Shape) -> Any:
        def make(name: str) -> GraphQLEnumType:
            values = {
                key: GraphQLEnumValue(constant, description=text or None)
                for key, (constant, text) in shape.values.items()
            }
            return GraphQLEnumType(name, values, description=shape.description or None)

        return self._once(shape, "", make, short=bool(shape.key) and self._is_free(shape))

    def _is_free(self, shape: Shape) -> bool:
        name = self.prefix + shape.key
        taken = self._shapes.get(name)
        return name not in self._reserved and (taken is None or _outline(taken) == _outline(shape))

    def _object(
        self, shape: Shape, fields: Mapping[str, GraphQLField], interfaces: tuple[GraphQLInterfaceType, ...]
    ) -> Any:
        def make(name: str) -> GraphQLObjectType:
            generated = {p.key: self._field(p) for p in shape.properties}
            for key in generated.keys() & fields.keys():
                raise Unfit(shape.place, f"{name}.{key} is declared by the schema and by the scene's types")
            return GraphQLObjectType(
                name, {**fields, **generated}, interfaces=interfaces, description=shape.description or None
            )

        return self._once(shape, "", make)

    def _field(self, property_: Property) -> GraphQLField:
        type_ = self.output(property_.shape)
        always = property_.required and not property_.withheld and not property_.shape.nullable
        return GraphQLField(
            GraphQLNonNull(type_) if always else type_,
            resolve=_reader(property_.key, property_.shape),
            description=property_.description or None,
        )

    def _union(self, shape: Shape) -> Any:
        def make(name: str) -> GraphQLUnionType:
            members = [self.output(option) for option in shape.options]
            names: list[str] = [member.name for member in members]

            def resolve_type(value: Any, _info: Any, _type: Any) -> str:
                return names[_option(value, shape.options)]

            return GraphQLUnionType(
                name, members, resolve_type=resolve_type, description=shape.description or None
            )

        return self._once(shape, "", make)

    def _input_object(self, shape: Shape) -> Any:
        def make(name: str) -> GraphQLInputObjectType:
            fields = {p.key: self._input_field(p) for p in shape.properties}
            never_null = {p.key for p in shape.properties if not p.shape.nullable}

            def out(value: dict[str, Any]) -> dict[str, Any]:
                # GraphQL lets a client send null for what it leaves out; JSON Schema tells the two apart.
                return {k: v for k, v in value.items() if v is not None or k not in never_null}

            return GraphQLInputObjectType(name, fields, description=shape.description or None, out_type=out)

        return self._once(shape, "Input", make)

    def _input_field(self, property_: Property) -> GraphQLInputField:
        type_ = self.input(property_.shape)
        required = property_.required and not property_.shape.nullable
        return GraphQLInputField(
            GraphQLNonNull(type_) if required else type_, description=property_.description or None
        )

    def _one_of(self, shape: Shape) -> Any:
        def make(name: str) -> GraphQLInputObjectType:
            fields = {}
            for option in shape.options:
                key = option.name.removeprefix(shape.name)
                fields[key[:1].lower() + key[1:]] = GraphQLInputField(self.input(option))
            return GraphQLInputObjectType(
                name,
                fields,
                description=shape.description or None,
                out_type=lambda value: next(iter(value.values())),
                is_one_of=True,
            )

        return self._once(shape, "Input", make)

    def _once(self, shape: Shape, suffix: str, make: Callable[[str], Any], *, short: bool = False) -> Any:
        name = self.prefix + (shape.key if short else shape.name + suffix)
        if name in self._reserved:
            raise Unfit(shape.place, f"the name {name} is taken by the namespace's roots")
        if name not in self.types:
            self._shapes[name] = shape
            made = make(name)
            if name in self.types:
                raise Unfit(shape.place, f"{name} is a type of its own part; give one of them x-gongzhi-name")
            self.types[name] = made
        elif _outline(self._shapes[name]) != _outline(shape):
            raise Unfit(shape.place, f"{name} is already the type of {self._shapes[name].place}")
        return self.types[name]


def _reader(key: str, shape: Shape) -> Callable[[Any, Any], Any]:
    def resolve(source: Any, _info: Any) -> Any:
        value = source.get(key)
        return value if value is not None and _fits(value, shape) else None

    return resolve


def _fits(value: Any, shape: Shape) -> bool:
    """Whether a value that masking may have replaced can still be shown as `shape`."""
    if shape.kind == "list":
        assert shape.item is not None
        item = shape.item
        return isinstance(value, list) and all((i is None and item.nullable) or _fits(i, item) for i in value)
    if shape.kind == "enum":
        return any(value == constant for constant, _ in shape.values.values())
    if shape.kind in ("object", "choice"):
        return isinstance(value, dict)
    if shape.scalar in _PYTHON:
        return isinstance(value, _PYTHON[shape.scalar])
    return shape.scalar == "JSON" or isinstance(value, str)


def _option(value: Mapping[str, Any], options: tuple[Shape, ...]) -> int:
    """The option that has most of the value's keys and lacks fewest required ones; the first of equals."""

    def score(option: Shape) -> int:
        known = {p.key for p in option.properties}
        constants = {p.key: p.shape for p in option.properties if p.shape.kind == "enum"}
        wrong = sum(key in value and not _fits(value[key], shape) for key, shape in constants.items())
        missing = sum(p.required and p.key not in value for p in option.properties)
        return len(value.keys() - known) + missing + 100 * wrong

    return min(range(len(options)), key=lambda n: score(options[n]))


def _outline(shape: Shape) -> object:
    """What makes two shapes the same type: everything but their places and descriptions."""
    return (
        shape.kind,
        shape.scalar,
        tuple((name, constant) for name, (constant, _) in shape.values.items()),
        tuple((p.key, p.required, p.withheld, p.shape.nullable, _outline(p.shape)) for p in shape.properties),
        tuple(_outline(option) for option in shape.options),
        _outline(shape.item) if shape.item else None,
    )
