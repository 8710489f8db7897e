"""Keyset pages: cursors are the sort key of a row (time, id) as opaque text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from gongzhi.cases.views import Page
from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput

T = TypeVar("T")

PAGE_LIMIT = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_of(at: datetime, row_id: UUID) -> str:
    """The cursor behind a row."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{microseconds}.{row_id.hex}".encode()).decode().rstrip("=")


def after_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Where to go on.

    Raises `InvalidInput` for a text that is no cursor of ours.
    """
    try:
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        microseconds, row_id = decoded.split(".")
        return _EPOCH + timedelta(microseconds=int(microseconds)), UUID(hex=row_id)
    except (ValueError, binascii.Error, OverflowError, UnicodeDecodeError) as error:
        raise InvalidInput(
            where="/after", problem=Text(zh="不是有效的游标", en="this is no cursor that a page gave you")
        ) from error


def page_limit(first: int) -> int:
    """How many rows a page may have: what was asked for, between 1 and `PAGE_LIMIT`."""
    return max(1, min(first, PAGE_LIMIT))


def page_of(
    rows: Sequence[Mapping[str, Any]],
    limit: int,
    key: Callable[[Mapping[str, Any]], tuple[datetime, UUID]],
    make: Callable[[Mapping[str, Any]], T],
) -> Page[T]:
    """A page of up to `limit` items from rows that were asked for one more than that."""
    shown = rows[:limit]
    return Page(
        items=[make(row) for row in shown],
        cursors=[cursor_of(*key(row)) for row in shown],
        has_next=len(rows) > limit,
    )
