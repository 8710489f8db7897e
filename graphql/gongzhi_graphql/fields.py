"""Strawberry's field decorator with types that a strict checker follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def field(description: str | None = None, *, graphql_type: Any = None) -> Callable[[Resolver], Resolver]:
    """Make a method a field; `graphql_type` replaces its annotation."""
    made = strawberry.field(description=description, graphql_type=graphql_type)
    return cast(Callable[[Resolver], Resolver], made)
