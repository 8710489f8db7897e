"""Documents made ready to run: parsed, held against the limits, validated; remembered per view.

Every refusal becomes one of ours, so that clients always find `extensions.code`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLSyntaxError,
    SourceLocation,
    ValueNode,
    VisitorAction,
    get_named_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    parse,
    specified_rules,
    validate,
)
from graphql.language import SKIP
from graphql.pyutils import suggestion_list
from graphql.utilities.validate_input_value import validate_input_literal
from graphql.validation import FieldsOnCorrectTypeRule, ValuesOfCorrectTypeRule

from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError, InvalidInput, InvalidQuery, LimitExceeded, UnknownField
from gongzhi_graphql.limits import Limits, hold
from gongzhi_graphql.problems import Rejected, located
from gongzhi_graphql.variables import MISSING, expected

# graphql-core's own words for a kind of token come before what it found.
_EXPECTED = re.compile(r"Syntax Error: Expected ([^,]{1,20}), found ")
_MISSING_INPUT = re.compile(r"to include required field '(\w{1,100})'")
_UNKNOWN_INPUT = re.compile(r"unknown field '(\w{1,100})")


def prepare(schema: GraphQLSchema, source: str, limits: Limits) -> DocumentNode:
    """A valid document. Raises `Rejected`."""
    document = _parse(source, limits)
    try:
        hold(document, limits)
    except LimitExceeded as error:
        raise Rejected([located(error)]) from error
    if errors := validate(schema, document, RULES, max_errors=limits.errors):
        raise Rejected([error if _is_ours(error) else located(_invalid(error), error) for error in errors])
    return document


def _parse(source: str, limits: Limits) -> DocumentNode:
    if len(source) > limits.source_chars:
        raise _over(Text(zh="查询字符", en="characters"), limits.source_chars)
    try:
        return parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLSyntaxError as error:
        # graphql-core has no class of its own for its limits; their texts end alike.
        if error.message.endswith("Parsing aborted."):
            raise _over(Text(zh="词元", en="tokens"), limits.tokens) from error
        raise Rejected([located(_malformed(error), error)]) from error


def _over(what: Text, limit: int) -> Rejected:
    return Rejected([located(LimitExceeded(what=what, limit=limit))])


def _malformed(error: GraphQLSyntaxError) -> InvalidQuery:
    """Where the syntax is wrong and what was expected there; what stands there may be personal."""
    at = error.locations[0] if error.locations else SourceLocation(1, 1)
    expected = _EXPECTED.match(error.message)
    zh, en = (
        (f"此处应为 {expected[1]}", f"{expected[1]} expected") if expected else ("语法有误", "syntax error")
    )
    return InvalidQuery(
        problem=Text(
            zh=f"第 {at.line} 行第 {at.column} 列{zh}。",
            en=f"line {at.line}, column {at.column}: {en}.",
        )
    )


def _invalid(error: GraphQLError) -> InvalidQuery:
    return InvalidQuery(problem=error.message)


def _is_ours(error: GraphQLError) -> bool:
    return isinstance(error.original_error, GongzhiError)


class _Fields(FieldsOnCorrectTypeRule):
    """Says which field is unknown; suggestions come from the view, and so know nothing that is hidden."""

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        type_, name = self.context.get_parent_type(), node.name.value
        if type_ is None or self.context.get_field_def() is not None:
            return
        known = list(type_.fields) if is_object_type(type_) or is_interface_type(type_) else []
        error = UnknownField(where=f"{type_.name}.{name[:100]}", field=name[:100])
        self.report_error(
            GraphQLError(
                str(error),
                node,
                original_error=error,
                extensions={"suggestions": suggestion_list(name, known)[:5]},
            )
        )


class _Values(ValuesOfCorrectTypeRule):
    """Says where a literal does not fit, without repeating it."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        if input_type:
            validate_input_literal(node, input_type, partial(self._report, input_type))
        return SKIP

    def _report(self, type_: GraphQLInputType, error: GraphQLError, path: list[str | int]) -> None:
        where = "".join(f"/{step}" for step in path)
        ours = error.original_error
        if isinstance(ours, GongzhiError):
            ours.where = where or "/"
        elif unknown := _UNKNOWN_INPUT.search(error.message):
            ours = UnknownField(where=f"{where}/{unknown[1]}", field=unknown[1])
        elif missing := _MISSING_INPUT.search(error.message):
            ours = InvalidInput(where=f"{where}/{missing[1]}", problem=MISSING)
        else:
            ours = InvalidInput(where=where or "/", problem=expected(_at(type_, path)))
        self.report_error(GraphQLError(str(ours), error.nodes, original_error=ours))


def _at(type_: GraphQLInputType, path: list[str | int]) -> GraphQLInputType:
    """The type of what stands at a path inside a literal; the items of a list have the list's."""
    for step in path:
        holder = get_named_type(type_)
        if isinstance(step, str) and is_input_object_type(holder):
            type_ = holder.fields[step].type
    return type_


_OURS: dict[Any, Any] = {FieldsOnCorrectTypeRule: _Fields, ValuesOfCorrectTypeRule: _Values}
RULES = tuple(_OURS.get(rule, rule) for rule in specified_rules)


class DocumentCache:
    """Valid documents by source, least recently used first out; bounded by the characters it holds."""

    def __init__(self, most_chars: int = 30_000) -> None:
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()
        self._left = most_chars

    def get(self, source: str, make: Callable[[str], DocumentNode]) -> DocumentNode:
        """The document of `source`, made if it isn't here; what `make` raises is not remembered."""
        if source in self._documents:
            self._documents.move_to_end(source)
            return self._documents[source]
        document = self._documents[source] = make(source)
        self._left -= len(source)
        while self._left < 0:
            dropped, _ = self._documents.popitem(last=False)
            self._left += len(dropped)
        return document
