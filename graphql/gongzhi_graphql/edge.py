"""What the host mounts: the handlers of the GraphQL API and of GraphiQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gongzhi.declarations import EdgeDeclarations
from gongzhi_graphql.controller import Door, handlers
from gongzhi_graphql.graphiql import graphiql_handlers
from gongzhi_graphql.limits import Limits

if TYPE_CHECKING:
    from gongzhi.host import Host


def edge(host: Host) -> EdgeDeclarations:
    """The edge's declarations; it brings no namespace of its own."""
    limits = Limits(body_bytes=host.settings.body_limit_bytes)
    return EdgeDeclarations(handlers=[*handlers(Door(host, limits)), *graphiql_handlers()])
