"""The HTTP reference against the routes of a running installation, and the variables against the code that reads them."""

from __future__ import annotations

import re

from ..conftest import DemoServer
from .pages import REFERENCE, ROOT, first_column, read

PAGE = REFERENCE / "http.md"
FRAMEWORK = {"GET /openapi/{path:str}"}
"""Litestar's own answer that there is no such page."""


def test_every_route_is_documented_and_every_address_is_served(demo_server: DemoServer) -> None:
    routes = {
        f"{method} {route.path}"
        for route in demo_server.application.asgi.routes
        for method in getattr(route, "methods", ())
        if method not in ("HEAD", "OPTIONS")
    } - FRAMEWORK
    told = [address for address in first_column(read(PAGE)) if re.match(r"(GET|POST) /", address)]
    served = {route: [address for address in told if _serves(route, address)] for route in routes}
    assert [route for route, addresses in served.items() if not addresses] == []
    assert [address for address in told if not any(_serves(route, address) for route in routes)] == []


def test_the_intakes_of_scenes_are_documented(demo_server: DemoServer) -> None:
    scenes = demo_server.application.host.scenes
    declared = {
        f"{door.method} /r/<division code>/{door.path}"
        for manifest in scenes.manifests()
        if manifest.id == "minor_protection"
        for door in scenes.scene(manifest.id).intakes
    }
    told = {address for address in first_column(read(PAGE)) if " /r/" in address}
    assert told == declared


def test_variables_are_those_that_the_code_reads() -> None:
    sources = [
        *(ROOT / "core" / "gongzhi").rglob("*.py"),
        *(ROOT / "graphql" / "gongzhi_graphql").rglob("*.py"),
        *(ROOT / "admin" / "gongzhi_admin").rglob("*.py"),
    ]
    used = {name for source in sources for name in re.findall(r"GONGZHI_[A-Z_]*[A-Z]", read(source))}
    told = {
        name for name in first_column(read(REFERENCE / "configuration.md")) if name.startswith("GONGZHI_")
    }
    assert told == used


def _serves(route: str, address: str) -> bool:
    """Whether a documented address (`<name>` for what varies) is one of a route's."""
    pattern = re.escape(route)
    pattern = re.sub(r"\\\{\w+:str\\\}", "[^/]+", pattern)
    pattern = re.sub(r"/?\\\{\w+:path\\\}", "/.+", pattern)
    return re.fullmatch(pattern, address) is not None
