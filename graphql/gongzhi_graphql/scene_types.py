"""A scene's own Strawberry types (its hook `gongzhi_types`): their fields, guarded, under its own names."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import strawberry
import structlog
from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    default_field_resolver,
    is_specified_scalar_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from gongzhi.errors import GongzhiError, SceneFault
from gongzhi.scenes.loading import SCENE_RAISES
from gongzhi_graphql.context import Context, Fault
from gongzhi_graphql.shapes import Unfit

if TYPE_CHECKING:
    from gongzhi.host import SceneView

log = structlog.get_logger()


def scene_fields(
    scene: SceneView, written: strawberry.Schema, prefix: str
) -> tuple[dict[str, dict[str, GraphQLField]], Mapping[str, GraphQLNamedType]]:
    """Fields by the generated type that they extend, and the scene's own types that those fields lead to.

    Each of its types must have the scene's prefix. Raises `Unfit`, or what Strawberry makes of a wrong type.
    """
    if not scene.types:
        return {}, {}
    if unknown := set(scene.types) - {"Case"}:
        raise Unfit("gongzhi_types", f"there is no generated type {sorted(unknown)[0]} to extend")
    converter = _converter(written)
    known = set(converter.type_map)
    fields: dict[str, dict[str, GraphQLField]] = {}
    for target, class_ in scene.types.items():
        definition = getattr(class_, "__strawberry_definition__", None)
        if definition is None:
            raise Unfit("gongzhi_types", f"{class_.__name__} is no @strawberry.type")
        made = converter.from_object(definition)
        fields[target] = {name: _guarded(scene, field) for name, field in made.fields.items()}
        known.add(made.name)
    types = {
        name: concrete.implementation
        for name, concrete in converter.type_map.items()
        if name not in known
        and isinstance(concrete.implementation, GraphQLNamedType)
        and not is_specified_scalar_type(concrete.implementation)
    }
    for name, type_ in types.items():
        if not name.startswith(prefix):
            raise Unfit("gongzhi_types", f"the type {name} must be named {prefix}…")
        if isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                field.resolve = _guarded(scene, field).resolve
    return fields, types


def _converter(written: strawberry.Schema) -> GraphQLCoreConverter:
    # A converter of its own: Strawberry silently merges same-named types within one.
    converter = GraphQLCoreConverter(
        written.config,
        scalar_overrides={},
        scalar_map=written.config.scalar_map,
        get_fields=written.get_fields,
    )
    converter.type_map = dict(written.schema_converter.type_map)
    return converter


def _guarded(scene: SceneView, field: GraphQLField) -> GraphQLField:
    """The field with every exception of the scene's resolver turned into the scene's fault."""
    resolve = field.resolve or default_field_resolver

    def fault(error: BaseException, context: Context) -> SceneFault:
        context.faults.add(Fault(namespace=scene.id, version=scene.version, code=SceneFault.code))
        log.error("scene resolver failed", scene=scene.id, version=scene.version, error=type(error).__name__)
        return SceneFault(where=f"/{scene.id}", scene=scene.id, version=scene.version)

    async def finish(value: Any, context: Context) -> Any:
        try:
            return await value
        except GongzhiError:
            raise
        except SCENE_RAISES as error:
            raise fault(error, context) from error

    def guarded(source: Any, info: Any, **args: Any) -> Any:
        try:
            value = resolve(source, info, **args)
        except GongzhiError:
            raise
        except SCENE_RAISES as error:
            raise fault(error, info.context) from error
        return finish(value, info.context) if inspect.isawaitable(value) else value

    return GraphQLField(
        field.type,
        args=field.args,
        resolve=guarded,
        description=field.description,
        deprecation_reason=field.deprecation_reason,
    )
