"""Restricted JCS: one spelling for a value, so that equal values have equal hashes.

RFC 8785 made small enough that `orjson` with sorted keys is byte-equal to it: keys are ASCII, there are no
floats, and integers stay within ±(2^53 - 1). Leaves and row hashes are made here; nothing else of the log is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson

from gongzhi.audit.faults import invalid
from gongzhi.declarations import Json

SAFE_INTEGER = 2**53 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def canonical(value: object) -> bytes:
    """Spell `value` as restricted JCS, UTF-8.

    Besides JSON's own types it takes what a database row holds: an aware datetime becomes integer
    microseconds since 1970 UTC, a date its ISO form, bytes lower-case hex, a UUID its text, a tuple a list.
    Raises `InvalidInput` naming the place of anything else, of floats and of unsafe integers.
    """
    return orjson.dumps(_plain(value, ""), option=orjson.OPT_SORT_KEYS)


def microseconds(instant: datetime) -> int:
    """Whole microseconds from 1970 UTC to `instant`, which must be aware."""
    return (instant - _EPOCH) // _MICROSECOND


def _plain(value: object, where: str) -> Json:  # noqa: PLR0911 - one line a type reads better than a table
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise invalid(where, zh="整数超出 ±(2^53 - 1)", en="the integer is outside ±(2^53 - 1)")
        return value
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}/{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}/{at}") for at, item in enumerate(value)]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return microseconds(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID):
        return str(value)
    kind = type(value).__name__
    raise invalid(where, zh=f"不支持的类型 {kind}", en=f"a {kind} has no place in stored data")


def _key(key: object, where: str) -> str:
    if isinstance(key, str) and key.isascii():
        return key
    raise invalid(where, zh="键名不是 ASCII", en="a key is not ASCII")


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise invalid(where, zh="文本含不成对的代理字符", en="the text holds a lone surrogate") from error
    return value
