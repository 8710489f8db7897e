"""One operation, from the request's text to the response's value."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute,
)

from gongzhi.declarations import Json
from gongzhi.errors import GongzhiError, InternalError, InvalidQuery, MethodNotAllowed, SignInRequired
from gongzhi_graphql.budget import Budgeted
from gongzhi_graphql.context import Context, Fault, is_over
from gongzhi_graphql.delegated import outside_scopes
from gongzhi_graphql.documents import prepare
from gongzhi_graphql.problems import Rejected, located, our_error, public, unforeseen
from gongzhi_graphql.variables import hold_variables


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The parameters of a GraphQL request. `read_only` is True for GET."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Json]
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation that may run in a context: valid, permitted, its variables held against their types."""

    asked: Asked
    document: DocumentNode
    subscribes: bool


def ready(asked: Asked, context: Context) -> Operation:
    """The operation of a request. Raises `Rejected`."""
    view = context.view
    document = view.documents.get(asked.query, lambda source: prepare(view.schema, source, context.limits))
    operation = _chosen(document, asked.operation_name)
    if asked.read_only and operation.operation is not OperationType.QUERY:
        raise _rejected(MethodNotAllowed(method="GET"))
    roots = list(_roots(document, operation))
    if context.signed_in is None and roots:
        raise _rejected(SignInRequired(where="Authorization"))
    if (refusal := outside_scopes(roots, operation.operation, context)) is not None:
        raise _rejected(refusal)
    hold_variables(view.schema, operation, asked.variables)
    subscribes = operation.operation is OperationType.SUBSCRIPTION
    return Operation(asked=asked, document=document, subscribes=subscribes)


async def run(operation: Operation, context: Context) -> dict[str, Any]:
    """Carry out the operation and answer the response: `data`, and `errors` where fields failed.

    A subscription is read once, as things stand.
    """
    asked = operation.asked
    result = execute(
        context.view.schema,
        operation.document,
        context_value=context,
        variable_values=dict(asked.variables),
        operation_name=asked.operation_name,
        executor_class=Budgeted,
    )
    if inspect.isawaitable(result):
        result = await result
    response: dict[str, Any] = {"data": result.data}
    if result.errors:
        if any(unforeseen(error) for error in result.errors):
            context.faults.add(Fault(namespace="graphql", version="", code=InternalError.code))
        response = {"errors": [public(error, context.language) for error in _told(result.errors)], **response}
    return response


def _told(errors: Sequence[GraphQLError]) -> Iterator[GraphQLError]:
    """The errors, that of a spent budget once: every field after it has the same."""
    spent = False
    for error in errors:
        over = is_over(our_error(error))
        if not (over and spent):
            yield error
        spent = spent or over


def _chosen(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    named = [o for o in operations if name is None or (o.name and o.name.value == name)]
    if len(named) == 1:
        return named[0]
    problem = (
        "There is no such operation." if name or not operations else "Say which operation (operationName)."
    )
    raise _rejected(InvalidQuery(problem=problem))


def _roots(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[str]:
    """The root fields that are asked for, other than GraphQL's own (`__schema`, `__type`, `__typename`)."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    waiting: list[SelectionSetNode] = [operation.selection_set]
    seen: set[str] = set()
    while waiting:
        for node in waiting.pop().selections:
            if isinstance(node, FieldNode):
                if not node.name.value.startswith("__"):
                    yield node.name.value
            elif (inline := getattr(node, "selection_set", None)) is not None:
                waiting.append(inline)
            elif (name := node.name.value) not in seen:  # type: ignore[attr-defined]
                seen.add(name)
                waiting.append(fragments[name].selection_set)


def _rejected(error: GongzhiError) -> Rejected:
    return Rejected([located(error)])
