"""Keyset connections: one page of a list, with a cursor an item and the news whether more follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

import strawberry

from gongzhi.cases.views import Page

Shown = TypeVar("Shown")


@strawberry.type(description="分页信息。`endCursor` goes into the next request's `after`.")
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge(Generic[Shown]):
    cursor: str
    node: Shown


@strawberry.type
class Connection(Generic[Shown]):
    edges: list[Edge[Shown]]
    nodes: list[Shown]
    page_info: PageInfo

    @classmethod
    def showing(cls, page: Page[Any], show: Callable[[Any], Shown]) -> Self:
        """A page with each item turned into what is shown of it, in the page's order."""
        nodes = [show(item) for item in page.items]
        edges = [Edge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
        end = page.cursors[-1] if page.cursors else None
        return cls(edges=edges, nodes=nodes, page_info=PageInfo(has_next_page=page.has_next, end_cursor=end))
