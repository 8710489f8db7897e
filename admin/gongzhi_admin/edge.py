"""The entry point of the admin edge: what it brings to a host."""

from __future__ import annotations

from gongzhi.declarations import EdgeDeclarations
from gongzhi_admin.console import console_handlers


def edge(host: object) -> EdgeDeclarations:
    """The console's pages. They need nothing of the host: the console is a client of the public API."""
    return EdgeDeclarations(handlers=console_handlers())
