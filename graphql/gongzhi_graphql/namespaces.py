"""One namespace of the API: root fields and types, made from what a scene or an edge declares.

Everything made here is prefixed with the namespace's name, so that two namespaces never share a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import strawberry
from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    validate_schema,
)

from gongzhi.declarations import Namespace
from gongzhi_graphql.generate import TypeMaker
from gongzhi_graphql.names import camel, is_name, pascal
from gongzhi_graphql.root_fields import Building, both, command_field, query_field, scene_queries
from gongzhi_graphql.scene_types import scene_fields
from gongzhi_graphql.shapes import Unfit, shape_of

if TYPE_CHECKING:
    from gongzhi.host import SceneView


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one namespace adds to a schema. `origin` names it in errors, `detail` types its cases' data."""

    id: str
    origin: str
    field_name: str
    query: GraphQLField | None
    mutation: GraphQLField | None
    types: Mapping[str, GraphQLNamedType]
    detail: GraphQLObjectType | None = None


def scene_part(scene: SceneView, written: strawberry.Schema) -> Part:
    """The part of a scene. Raises `Unfit`, or whatever the scene's own types raise."""
    building = _begin(scene.namespace, written)
    # The case comes first: its enums have the first claim on their names.
    extra, extra_types = scene_fields(scene, written, building.maker.prefix)
    case = shape_of(scene.case_schema, "Case", "case")
    if case.kind != "object":
        raise Unfit("case", "a case's data is an object with properties")
    interface = building.base.get_type("CaseDetail")
    fields = {"caseId": GraphQLField(GraphQLNonNull(GraphQLID), resolve=lambda source, _info: source.case_id)}
    detail = building.maker.output(case, {**fields, **extra.get("Case", {})}, [interface])
    _declared_fields(building)
    scene_queries(building, scene, detail)
    return _finish(building, f"scene {scene.id} {scene.version}", extra_types, detail)


def edge_part(namespace: Namespace, written: strawberry.Schema) -> Part:
    """The part of an edge's or core's own namespace. Raises `Unfit`."""
    building = _begin(namespace, written)
    _declared_fields(building)
    return _finish(building, f"namespace {namespace.id}", {}, None)


def _begin(namespace: Namespace, written: strawberry.Schema) -> Building:
    prefix = pascal(namespace.id)
    if not is_name(prefix):
        raise Unfit(namespace.id, "the namespace's id is no GraphQL name")
    return Building(namespace, written._schema, TypeMaker(prefix))


def _declared_fields(building: Building) -> None:
    for query in building.namespace.queries:
        building.add(building.queries, camel(query.name), query_field(building, query))
    for command in building.namespace.commands:
        building.add(building.mutations, camel(command.name), command_field(building, command))


def _finish(
    building: Building,
    origin: str,
    extra_types: Mapping[str, GraphQLNamedType],
    detail: GraphQLObjectType | None,
) -> Part:
    prefix, types = building.maker.prefix, dict(building.maker.types)
    roots: dict[str, GraphQLField | None] = {}
    for kind, fields in (("Query", building.queries), ("Mutation", building.mutations)):
        roots[kind] = None
        if fields:
            root = GraphQLObjectType(prefix + kind, fields, description=both(building.namespace.title))
            _claim(types, root)
            roots[kind] = GraphQLField(
                GraphQLNonNull(root), resolve=lambda _source, _info: {}, description=root.description
            )
    for type_ in extra_types.values():
        _claim(types, type_)
    part = Part(
        id=building.namespace.id,
        origin=origin,
        field_name=camel(building.namespace.id),
        query=roots["Query"],
        mutation=roots["Mutation"],
        types=types,
        detail=detail,
    )
    _check(part, building.base)
    return part


def _claim(types: dict[str, GraphQLNamedType], type_: GraphQLNamedType) -> None:
    if type_.name in types:
        raise Unfit(type_.name, "two declarations make this type")
    types[type_.name] = type_


def _check(part: Part, base: GraphQLSchema) -> None:
    """Hold the part against the type system now, so that views need not be validated one by one."""
    query = GraphQLObjectType("Query", {part.field_name: part.query or GraphQLField(GraphQLBoolean)})
    mutation = GraphQLObjectType("Mutation", {part.field_name: part.mutation}) if part.mutation else None
    schema = GraphQLSchema(query, mutation, types=[*part.types.values(), *_interfaces(base)])
    if errors := validate_schema(schema):
        raise Unfit(part.origin, errors[0].message)


def _interfaces(base: GraphQLSchema) -> list[GraphQLNamedType]:
    return [type_ for name in ("CaseDetail", "Case", "Letter") if (type_ := base.get_type(name))]
