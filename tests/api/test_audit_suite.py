"""The npm package `graphql-http` holds a server against the GraphQL-over-HTTP specification: every audit passes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parent / "audit"
AUDITS = 61


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Node, and a folder with the suite installed from its lock file."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("needs Node.js and npm")
    folder = tmp_path_factory.mktemp("audit")
    for name in ("package.json", "package-lock.json", "audit.mjs"):
        shutil.copy(AUDIT / name, folder)
    installing = [npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run(installing, cwd=folder, check=True, capture_output=True, env=os.environ)
    return program, folder


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
