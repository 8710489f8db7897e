"""Variables held against their types, with refusals that name the field and never its value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    assert_leaf_type,
    get_named_type,
    is_input_type,
    type_from_ast,
)

from gongzhi.declarations import Text
from gongzhi.errors import GongzhiError, InvalidInput, UnknownField
from gongzhi.scenes.schemas import choice_expected, kind_expected
from gongzhi_graphql.problems import Rejected, located

MISSING = Text(zh="缺少必填项", en="a required field is missing")
_SCALARS = {
    "String": "string",
    "ID": "string",
    "Int": "integer",
    "Float": "number",
    "Boolean": "boolean",
}
_FORMS = {
    "DivisionCode": Text(zh="应为行政区划代码（六位数字）", en="a division code of six digits is expected"),
    "CreditCode": Text(
        zh="应为统一社会信用代码（十八位）", en="a unified social credit code of 18 characters is expected"
    ),
    "Fen": Text(zh="应为以分计的整数", en="an integer number of fen is expected"),
}
_ONE_OF = Text(zh="须恰好填写一项", en="exactly one of its fields must be given")
_MOST = 50


def hold_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, Any]
) -> None:
    """Refuse values that don't fit the operation's variables; `where` is a JSON pointer into the variable.

    Raises `Rejected`.
    """
    errors = []
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        type_ = type_from_ast(schema, definition.type)
        if not is_input_type(type_):
            continue  # validation has reported it
        value = values.get(name, Undefined)
        if value is Undefined and definition.default_value is not None:
            continue
        for refusal in misfits(value, type_, ""):
            errors.append(located(refusal, None, variable=name))
            if len(errors) == _MOST:
                raise Rejected(errors)
    if errors:
        raise Rejected(errors)


def misfits(value: Any, type_: GraphQLInputType, where: str) -> Iterator[GongzhiError]:
    """What keeps a JSON value from being of an input type."""
    if isinstance(type_, GraphQLNonNull):
        if value is None or value is Undefined:
            yield InvalidInput(where=where or "/", problem=MISSING)
        else:
            yield from misfits(value, type_.of_type, where)
    elif value is None or value is Undefined:
        return
    elif isinstance(type_, GraphQLList):
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            yield from misfits(item, type_.of_type, f"{where}/{index}")
    elif isinstance(type_, GraphQLInputObjectType):
        yield from _object_misfits(value, type_, where)
    else:
        try:
            fits = assert_leaf_type(type_).coerce_input_value(value) is not Undefined
        except GongzhiError as refusal:
            refusal.where = where or "/"
            yield refusal
        # Scalars raise what they like: ValueError, TypeError, GraphQLError.
        except Exception:
            yield InvalidInput(where=where or "/", problem=expected(type_))
        else:
            if not fits:
                yield InvalidInput(where=where or "/", problem=expected(type_))


def expected(type_: GraphQLInputType) -> Text:
    """What a value of an input type has to be; of an enum, which names it has."""
    named = get_named_type(type_)
    if isinstance(named, GraphQLEnumType):
        return choice_expected(list(named.values))
    if isinstance(named, GraphQLInputObjectType):
        return kind_expected("object")
    return _FORMS.get(named.name) or kind_expected(_SCALARS.get(named.name, named.name))


def _object_misfits(value: Any, type_: GraphQLInputObjectType, where: str) -> Iterator[GongzhiError]:
    if not isinstance(value, dict):
        yield InvalidInput(where=where or "/", problem=expected(type_))
        return
    for key in value.keys() - type_.fields.keys():
        field = key[:100]
        yield UnknownField(where=f"{where}/{field}", field=field)
    if type_.is_one_of and (len(value) != 1 or None in value.values()):
        yield InvalidInput(where=where or "/", problem=_ONE_OF)
    for key, field in type_.fields.items():
        if key in value or field.default_value is Undefined:
            yield from misfits(value.get(key, Undefined), field.type, f"{where}/{key}")
