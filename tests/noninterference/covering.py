"""Which fields of a schema were asked for, and which ever had something to show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    parse,
)

from .asking import Place


@dataclass
class Coverage:
    """Counts by type and field: `asked` how often a reply came to a document with it, `shown` how often it was not null."""

    asked: Counter[Place] = field(default_factory=Counter)
    shown: Counter[Place] = field(default_factory=Counter)

    def count(self, schema: GraphQLSchema, document: str, data: Any) -> None:
        """Count one reply's data; what lies below null or an empty list was asked for, and not shown."""
        (operation,) = [d for d in _parsed(document).definitions if isinstance(d, OperationDefinitionNode)]
        root = schema.get_root_type(operation.operation)
        assert root is not None
        self._count(schema, root, operation.selection_set, data)

    def _count(
        self, schema: GraphQLSchema, type_: GraphQLObjectType, selection: SelectionSetNode, data: Any
    ) -> None:
        if isinstance(data, list):
            for item in data or [None]:
                self._count(schema, type_, selection, item)
            return
        for node in selection.selections:
            if isinstance(node, InlineFragmentNode):
                assert node.type_condition is not None
                member = schema.get_type(node.type_condition.name.value)
                assert isinstance(member, GraphQLObjectType)
                matches = data is None or data["__typename"] == member.name
                self._count(schema, member, node.selection_set, data if matches else None)
            elif isinstance(node, FieldNode) and not node.name.value.startswith("__"):
                place, below = (type_.name, node.name.value), None if data is None else data[node.name.value]
                self.asked[place] += 1
                self.shown[place] += below is not None and below != []
                inner = get_named_type(type_.fields[node.name.value].type)
                if node.selection_set is not None and (
                    isinstance(inner, GraphQLObjectType) or is_abstract_type(inner)
                ):
                    self._count(schema, inner, node.selection_set, below)  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def _parsed(document: str) -> DocumentNode:
    return parse(document, no_location=True)


def places(schema: GraphQLSchema) -> set[Place]:
    """Every field of every object type that a schema has."""
    return {
        (name, field_name)
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
        for field_name in type_.fields
    }
