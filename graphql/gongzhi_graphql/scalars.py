"""The scalars of the API. Stored data are JSON: values pass as JSON has them, checked on the way in."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLScalarType
from strawberry.types.scalar import ScalarDefinition

from gongzhi.errors import ImpossibleDate

DivisionCode = NewType("DivisionCode", str)
"""A code of the region tree."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_SAFE_INTEGER = 2**53 - 1


def _day(value: object) -> str:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ImpossibleDate(problem="YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ImpossibleDate(problem="date") from None
    return value


def _moment(value: object) -> str:
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ImpossibleDate(problem="RFC 3339")
    try:
        datetime.fromisoformat(value.upper())
    except ValueError:
        raise ImpossibleDate(problem="date-time") from None
    return value


def _moment_out(value: object) -> object:
    if not isinstance(value, datetime):
        return value
    text = value.astimezone(UTC).isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def _matching(pattern: str) -> Callable[[object], str]:
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(pattern)
        return value

    return parse


def _fen(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _SAFE_INTEGER:
        raise ValueError("an integer number of fen")
    return value


def _same(value: Any) -> Any:
    return value


def _scalar(
    name: str,
    description: str,
    parse: Callable[[object], object],
    serialize: Callable[[object], object] = _same,
) -> GraphQLScalarType:
    return GraphQLScalarType(
        name, coerce_output_value=serialize, coerce_input_value=parse, description=description
    )


SCALARS = {
    scalar.name: scalar
    for scalar in (
        _scalar("Date", "日期，YYYY-MM-DD。A day, YYYY-MM-DD; masked digits stand as *.", _day),
        _scalar("DateTime", "时刻，RFC 3339，UTC。An instant, RFC 3339 in UTC.", _moment, _moment_out),
        _scalar(
            "DivisionCode",
            "行政区划代码（GB/T 2260 六位；乡镇九位，村十二位）。A division's code.",
            _matching(r"\d{6}(\d{3}(\d{3})?)?"),
        ),
        _scalar(
            "CreditCode",
            "统一社会信用代码（GB 32100）。A unified social credit code.",
            _matching("[0-9A-Z]{18}"),
        ),
        _scalar("Fen", "金额，单位为分。Money in fen, an integer of up to 53 bits.", _fen),
        _scalar("JSON", "任意 JSON 值。Any JSON value.", _same),
    )
}
"""By name; the same objects serve written and generated types."""


def scalar_map() -> dict[object, ScalarDefinition]:
    """What Strawberry needs to use our scalars for Python's types."""
    python = {
        datetime: "DateTime",
        date: "Date",
        DivisionCode: "DivisionCode",
        strawberry.scalars.JSON: "JSON",
    }
    return {type_: _definition(SCALARS[name], type_) for type_, name in python.items()}


def _definition(scalar: GraphQLScalarType, origin: Any) -> ScalarDefinition:
    return ScalarDefinition(
        name=scalar.name,
        description=scalar.description,
        specified_by_url=None,
        serialize=scalar.coerce_output_value,
        parse_value=scalar.coerce_input_value,
        parse_literal=None,
        origin=origin,
        implementation=scalar,
    )
