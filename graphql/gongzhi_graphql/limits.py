"""How much one request may ask: the figures, and the walk over a document that holds it to them.

Validation compares the fields of a selection pairwise, so a small document can keep it busy for seconds. The
walk goes before validation. It expands fragments as execution would, stops at the first limit, and leaves
validation little to compare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gongzhi.declarations import Text
from gongzhi.errors import LimitExceeded


@dataclass(frozen=True, kw_only=True)
class Limits:
    """On by default; the figures leave room for GraphiQL's introspection and for the console's largest page.

    `fields` counts fields with fragments expanded, `repeats` how often one response name stands in one merged
    selection, `schemas` how often `__schema` is asked for, `opened_cases` the cases that one operation opens,
    `values` what stands in the reply (see `budget`).
    """

    tokens: int = 2_000
    source_chars: int = 50_000
    comments: int = 200
    depth: int = 16
    aliases: int = 50
    fields: int = 1_000
    repeats: int = 20
    fragments: int = 50
    spreads: int = 200
    directives: int = 50
    schemas: int = 2
    errors: int = 20
    page_size: int = 100
    opened_cases: int = 20
    values: int = 20_000
    body_bytes: int = 2_000_000


def hold(document: DocumentNode, limits: Limits) -> None:
    """Raise `LimitExceeded` when the document asks for more than `limits` allow."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    if len(fragments) > limits.fragments:
        raise LimitExceeded(what=Text(zh="片段", en="fragments"), limit=limits.fragments)
    walk = _Walk(fragments, limits)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            walk.selection([definition.selection_set], 1)
    for name, fragment in fragments.items():
        if name not in walk.reached:
            walk.selection([fragment.selection_set], 1)


class _Walk:
    def __init__(self, fragments: dict[str, FragmentDefinitionNode], limits: Limits) -> None:
        self.fragments, self.limits = fragments, limits
        self.reached: set[str] = set()
        self.fields = self.aliases = self.directives = self.spreads = self.schemas = 0

    def selection(self, merged: list[SelectionSetNode], depth: int, within_letters: bool = False) -> None:
        """Walk the selections that execution merges into one object, level by level."""
        if depth > self.limits.depth:
            raise LimitExceeded(what=Text(zh="嵌套层数", en="depth"), limit=self.limits.depth)
        groups: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in merged:
            for field in self.expand(selection_set, seen):
                self.count(field)
                group = groups.setdefault((field.alias or field.name).value, [])
                group.append(field)
                if len(group) > self.limits.repeats:
                    raise LimitExceeded(
                        what=Text(zh="同名字段的重复", en="repeats of a field"), limit=self.limits.repeats
                    )
        for group in groups.values():
            # The root's field `letters` is the namespace of acts on letters.
            letters = depth > 1 and any(field.name.value == "letters" for field in group)
            if letters and within_letters:
                raise LimitExceeded(what=Text(zh="letters 的嵌套", en="letters within letters"), limit=1)
            below = [field.selection_set for field in group if field.selection_set]
            if below:
                self.selection(below, depth + 1, letters or within_letters)

    def expand(self, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        """The fields of a selection set; each fragment once a merged selection, as execution does it."""
        for node in selection_set.selections:
            self.directives += len(node.directives or ())
            if self.directives > self.limits.directives:
                raise LimitExceeded(what=Text(zh="指令", en="directives"), limit=self.limits.directives)
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.expand(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode):
                yield from self.spread(node.name.value, seen)

    def spread(self, name: str, seen: set[str]) -> Iterator[FieldNode]:
        self.spreads += 1
        if self.spreads > self.limits.spreads:
            raise LimitExceeded(what=Text(zh="片段引用", en="fragment spreads"), limit=self.limits.spreads)
        self.reached.add(name)
        if name not in seen and name in self.fragments:
            seen.add(name)
            yield from self.expand(self.fragments[name].selection_set, seen)

    def count(self, field: FieldNode) -> None:
        self.fields += 1
        self.aliases += field.alias is not None
        self.schemas += field.name.value == "__schema"
        if self.fields > self.limits.fields:
            raise LimitExceeded(what=Text(zh="字段", en="fields"), limit=self.limits.fields)
        if self.aliases > self.limits.aliases:
            raise LimitExceeded(what=Text(zh="别名", en="aliases"), limit=self.limits.aliases)
        if self.schemas > self.limits.schemas:
            raise LimitExceeded(what=Text(zh="__schema", en="__schema"), limit=self.limits.schemas)
