"""Region views: a new schema with filtered roots over types that were made once.

A view depends only on which scenes (with versions) and namespaces it shows, and is cached by that. Types of a
hidden scene are not in it, so neither introspection nor suggestions nor error texts can name them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import structlog
from graphql import GraphQLField, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, print_schema

from gongzhi.declarations import Namespace
from gongzhi.scenes.loading import SCENE_RAISES
from gongzhi_graphql.documents import DocumentCache
from gongzhi_graphql.namespaces import Part, edge_part, scene_part
from gongzhi_graphql.roots import CORE_NAMESPACES, written_schema
from gongzhi_graphql.scalars import SCALARS
from gongzhi_graphql.shapes import Unfit

if TYPE_CHECKING:
    from gongzhi.host import SceneView

log = structlog.get_logger()

Key = tuple[tuple[str, str], ...]
Fail = Callable[[str, str, str], None]


@dataclass(frozen=True, kw_only=True)
class View:
    """One region view. `scenes` by id, in order; `detail_types` names the type of each scene's case data."""

    schema: GraphQLSchema
    scenes: Mapping[str, SceneView]
    detail_types: Mapping[str, str]
    documents: DocumentCache = field(default_factory=DocumentCache)

    @cached_property
    def sdl(self) -> str:
        """The view in the schema definition language, ending in a newline."""
        return print_schema(self.schema) + "\n"


class Composer:
    """Makes views. `fail(scene_id, version, reason)` is told of each scene whose types can't be made."""

    def __init__(self, namespaces: Sequence[Namespace], fail: Fail, *, views: int = 64) -> None:
        self._fail = fail
        self._written = written_schema()
        self._base = self._written._schema
        self._edges = list(self._edge_parts(namespaces))
        self._parts: dict[tuple[str, str], Part | None] = {}
        self._views: OrderedDict[tuple[Key, frozenset[str]], View] = OrderedDict()
        self._most = views

    def view(self, scenes: Iterable[SceneView], shown: frozenset[str] = frozenset()) -> View:
        """The view of these scenes (sorted by id) and of the edges' namespaces named in `shown`."""
        found = tuple(scenes)
        key = (tuple((scene.id, scene.version) for scene in found), shown)
        if key in self._views:
            self._views.move_to_end(key)
            return self._views[key]
        view = self._views[key] = self._compose(found, shown)
        if len(self._views) > self._most:
            self._views.popitem(last=False)
        return view

    def _edge_parts(self, namespaces: Sequence[Namespace]) -> Iterator[Part]:
        """One part an id: core and an edge may each bring commands and queries of one namespace."""
        by_id: dict[str, list[Namespace]] = {}
        for namespace in namespaces:
            if namespace.id not in CORE_NAMESPACES:
                by_id.setdefault(namespace.id, []).append(namespace)
        for same in by_id.values():
            whole = Namespace(
                id=same[0].id,
                title=same[0].title,
                commands=[command for namespace in same for command in namespace.commands],
                queries=[query for namespace in same for query in namespace.queries],
            )
            try:
                yield edge_part(whole, self._written)
            except Unfit as error:
                log.error("namespace left out of the API", namespace=whole.id, reason=str(error))

    def _compose(self, scenes: tuple[SceneView, ...], shown: frozenset[str]) -> View:
        assembly = _Assembly(self._base)
        for edge in self._edges:
            if edge.id in shown:
                assembly.add(edge)
        kept: dict[str, SceneView] = {}
        for scene in scenes:
            part = self._part(scene)
            if part is None:
                continue
            try:
                assembly.add(part)
            except Unfit as clash:
                self._refuse(scene, clash)
                continue
            kept[scene.id] = scene
        return View(schema=assembly.schema(), scenes=kept, detail_types=assembly.details)

    def _part(self, scene: SceneView) -> Part | None:
        key = (scene.id, scene.version)
        if key not in self._parts:
            try:
                self._parts[key] = scene_part(scene, self._written)
            # Whatever a scene's schemas or types raise is the scene's fault and takes only this scene away.
            except SCENE_RAISES as error:
                self._refuse(scene, error)
        return self._parts[key]

    def _refuse(self, scene: SceneView, error: BaseException) -> None:
        self._parts[(scene.id, scene.version)] = None
        self._fail(scene.id, scene.version, f"GraphQL types: {error}")


class _Assembly:
    """Parts put together; a name that is taken is `Unfit`, naming both origins."""

    def __init__(self, base: GraphQLSchema) -> None:
        assert base.query_type and base.mutation_type
        self.base = base
        self.types: list[GraphQLNamedType] = []
        self.queries: dict[str, GraphQLField] = dict(base.query_type.fields)
        self.mutations: dict[str, GraphQLField] = dict(base.mutation_type.fields)
        self.details: dict[str, str] = {}
        self._types = dict.fromkeys([*base.type_map, *SCALARS], "core")
        self._fields = dict.fromkeys([*self.queries, *self.mutations], "core")

    def add(self, part: Part) -> None:
        """Add a part, or nothing of it. Raises `Unfit`."""
        for name in part.types:
            if name in self._types:
                raise Unfit(part.origin, f"the type {name} is already that of {self._types[name]}")
        if part.field_name in self._fields:
            taken = self._fields[part.field_name]
            raise Unfit(part.origin, f"the root field {part.field_name} is already that of {taken}")
        self._types.update(dict.fromkeys(part.types, part.origin))
        self._fields[part.field_name] = part.origin
        if part.query:
            self.queries[part.field_name] = part.query
        if part.mutation:
            self.mutations[part.field_name] = part.mutation
        if part.detail:
            self.types.append(part.detail)
            self.details[part.id] = part.detail.name

    def schema(self) -> GraphQLSchema:
        # Each part was validated when it was made, and their names differ: validating the whole again costs
        # more than building it.
        written = [t for name in ("CaseDetail", "Case", "Letter", "Organ") if (t := self.base.get_type(name))]
        return GraphQLSchema(
            query=_root(self.base.query_type, self.queries),
            mutation=_root(self.base.mutation_type, self.mutations),
            subscription=self.base.subscription_type,
            types=[*written, *self.types],
            directives=self.base.directives,
            assume_valid=True,
        )


def _root(of: GraphQLObjectType | None, fields: dict[str, GraphQLField]) -> GraphQLObjectType:
    assert of is not None
    return GraphQLObjectType(of.name, fields, description=of.description)
