"""The npm package `graphql-http` holds a server against the GraphQL-over-HTTP specification: every audit passes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent / "audit"
AUDITS = 61


def audit(node: tuple[str, Path], url: str, token: str = "") -> list[dict[str, Any]]:
    program, folder = node
    done = subprocess.run(
        [program, "audit.mjs", url, *([token] if token else [])],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_audit_passes_for_a_signed_in_user(api: Any, node: tuple[str, Path]) -> None:
    results = audit(node, f"{api.url}/graphql", api.tokens["doctor"])
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS


def test_every_audit_passes_for_a_visitor_of_a_region(api: Any, node: tuple[str, Path]) -> None:
    results = audit(node, f"{api.url}/graphql/330523")
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
