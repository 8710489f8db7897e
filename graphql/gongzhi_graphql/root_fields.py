"""The fields of a namespace's roots: a scene's or an edge's declared queries and commands, and a scene's cases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
)

from gongzhi.declarations import Command, CommandDeclaration, Namespace, QueryDeclaration, Text
from gongzhi.scenes.enablement import enablement_of
from gongzhi_graphql.basics import Action
from gongzhi_graphql.casework import ActResult, Case, CaseConnection, case_data
from gongzhi_graphql.context import Context
from gongzhi_graphql.generate import TypeMaker
from gongzhi_graphql.names import local_id, pascal
from gongzhi_graphql.shapes import Unfit, shape_of

if TYPE_CHECKING:
    from gongzhi.host import SceneView


@dataclass
class Building:
    """A namespace whose fields and types are being made."""

    namespace: Namespace
    base: GraphQLSchema
    maker: TypeMaker
    queries: dict[str, GraphQLField] = field(default_factory=dict)
    mutations: dict[str, GraphQLField] = field(default_factory=dict)

    def add(self, fields: dict[str, GraphQLField], name: str, made: GraphQLField) -> None:
        if name in fields:
            raise Unfit(self.namespace.id, f"two declarations make the field {name}")
        fields[name] = made


def query_field(building: Building, query: QueryDeclaration) -> GraphQLField:
    shape = shape_of(query.output_schema, pascal(query.name), f"{query.name}/output")
    args = _input_args(building, query.input_schema, query.name, "Query")

    async def resolve(_source: Any, info: Any, input: Mapping[str, Any] | None = None) -> Any:
        context: Context = info.context
        context.spend_read()
        return await context.host.query(
            context.actor, building.namespace.id, query, context.region, input or {}
        )

    type_ = building.maker.output(shape)
    return GraphQLField(
        type_ if shape.nullable else GraphQLNonNull(type_),
        args=args,
        resolve=resolve,
        description=both(query.title),
    )


def command_field(building: Building, command: CommandDeclaration) -> GraphQLField:
    args: dict[str, GraphQLArgument] = {}
    if command.acts_on_case:
        args["case"] = GraphQLArgument(GraphQLID if command.opens_case else GraphQLNonNull(GraphQLID))
    args |= _input_args(building, command.input_schema, command.name, "")
    args["key"] = GraphQLArgument(GraphQLNonNull(GraphQLString), description="幂等键。The idempotency key.")
    if command.acts_on_case:
        args["rowVersion"] = GraphQLArgument(
            GraphQLInt, description="所见的版本。The version you saw; the act is refused when it has changed."
        )
    return GraphQLField(
        _written(building.base, "ActResult"),
        args=args,
        resolve=_acting(building.namespace.id, command.name),
        description=both(command.title),
    )


def _acting(namespace: str, action: str) -> Callable[..., Awaitable[ActResult]]:
    async def resolve(
        _source: Any,
        info: Any,
        key: str,
        case: str | None = None,
        input: Mapping[str, Any] | None = None,
        rowVersion: int | None = None,
    ) -> ActResult:
        context: Context = info.context
        command = Command(
            namespace=namespace,
            action=action,
            input=input or {},
            key=key,
            case_id=local_id("Case", case) if case else None,
            row_version=rowVersion,
        )
        return ActResult.of(await context.act(command))

    return resolve


def _input_args(building: Building, schema: Any, name: str, kind: str) -> dict[str, GraphQLArgument]:
    if not schema.get("properties"):
        return {}
    shape = shape_of(schema, pascal(name) + kind, name)
    type_ = building.maker.input(shape)
    required = any(p.required for p in shape.properties)
    return {"input": GraphQLArgument(GraphQLNonNull(type_) if required else type_)}


def scene_queries(building: Building, scene: SceneView, detail: GraphQLObjectType) -> None:
    base = building.base
    page_args = {
        "first": GraphQLArgument(GraphQLNonNull(GraphQLInt), default_value=20),
        "after": GraphQLArgument(GraphQLString),
        "search": GraphQLArgument(GraphQLString),
        "open": GraphQLArgument(GraphQLBoolean),
    }

    async def cases(
        _source: Any, info: Any, first: int, after: Any = None, search: Any = None, open: Any = None
    ) -> CaseConnection:
        context: Context = info.context
        page = await context.cases(first=first, after=after, scene=scene.id, search=search, open_=open)
        connection = CaseConnection.showing(page, lambda case: Case.of(case, context))
        connection.counting = lambda: context.case_count(scene=scene.id, search=search, open_=open)
        return connection

    async def case(_source: Any, info: Any, id: str) -> Any:
        context: Context = info.context
        view = await context.open_case(local_id("Case", id))
        return case_data(view, context) if view.scene == scene.id else None

    async def forms(_source: Any, info: Any) -> list[Action]:
        context: Context = info.context
        context.spend_read()
        host = context.host
        async with host.store.unit_of_work() as uow:
            enabled = await enablement_of(uow, host.tree, scene.id, context.region, {})
        if enabled is None or enabled.state != "enabled":
            return []
        offered = host.reading.openable(context.actor, host.scenes.scene(scene.id, enabled.version))
        return [Action.of(action, context) for action in offered]

    building.add(
        building.queries,
        "cases",
        GraphQLField(GraphQLNonNull(_written(base, "CaseConnection")), args=page_args, resolve=cases),
    )
    building.add(
        building.queries,
        "case",
        GraphQLField(detail, args={"id": GraphQLArgument(GraphQLNonNull(GraphQLID))}, resolve=case),
    )
    actions = GraphQLList(GraphQLNonNull(_written(base, "Action")))
    building.add(
        building.queries,
        "forms",
        GraphQLField(
            GraphQLNonNull(actions),
            resolve=forms,
            description="可发起的事项。Actions that open a case and that you may take here.",
        ),
    )


def _written(base: GraphQLSchema, name: str) -> GraphQLObjectType:
    type_ = base.get_type(name)
    assert isinstance(type_, GraphQLObjectType)
    return type_


def both(text: Text) -> str:
    """A text in both languages, for descriptions."""
    return f"{text.zh} ({text.en})"
