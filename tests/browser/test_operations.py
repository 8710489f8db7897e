"""The console's GraphQL operations fit the committed schema. No browser needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

ROOT = Path(__file__).parents[2]
OPERATIONS = sorted((ROOT / "admin/console/src/api/operations").glob("*.graphql"))


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_an_operation_of_the_console_is_valid(path: Path) -> None:
    schema = build_schema((ROOT / "graphql/schema.graphql").read_text())
    assert validate(schema, parse(path.read_text())) == []


def test_there_are_operations() -> None:
    assert [path.stem for path in OPERATIONS] == [
        "break_glass",
        "broken_glass",
        "case",
        "cases",
        "division",
        "end_grant",
        "find_divisions",
        "inbox",
        "inbox_counts",
        "inquirers",
        "mark_read",
        "me",
        "nudge",
        "reveal",
        "review_glass",
        "sign",
        "timeline",
        "unseal",
    ]
