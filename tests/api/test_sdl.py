"""The committed SDL is what the demo's region shows."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

from graphql import build_schema, validate_schema

from gongzhi.scenes.host import SceneHost
from gongzhi_graphql.sdl import sdl

COMMITTED = Path(__file__).parents[2] / "graphql" / "schema.graphql"


def test_the_committed_sdl_is_up_to_date() -> None:
    now = sdl(["minor_protection"], SceneHost())
    changed = unified_diff(COMMITTED.read_text(encoding="utf-8").splitlines(), now.splitlines(), lineterm="")
    assert list(changed) == [], "run: python -m gongzhi_graphql.sdl minor_protection > graphql/schema.graphql"


def test_the_committed_sdl_is_a_valid_schema() -> None:
    assert validate_schema(build_schema(COMMITTED.read_text(encoding="utf-8"))) == []
