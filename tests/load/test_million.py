"""The lists of a province at a million cases, as `make slow` measures them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..benchmarks.lists import GOALS_MS, measure

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(6 * 3600)]


async def test_lists_of_a_million_cases_keep_their_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = await measure(tmp_path, 1_000_000, 200)
    with capsys.disabled():
        print(json.dumps(figures, ensure_ascii=False))
    late = {
        (who, name): times["p95"]
        for who, asked in figures["library_ms"].items()
        for name, times in asked.items()
        for goal, most in GOALS_MS.items()
        if name == goal or (name.startswith(f"{goal}_") and name != "inbox_counts")
        if times["p95"] > most
    }
    assert late == {}
