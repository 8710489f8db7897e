"""The story in the README is what the demo prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .pages import ROOT, blocks


def test_the_demo_prints_every_line_of_the_readme(tmp_path: Path) -> None:
    demo = Path(sys.executable).parent / "gongzhi"
    done = subprocess.run(
        [demo, "demo"], cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = iter(done.stdout.splitlines())
    (story,) = (block for block in blocks(ROOT / "README.md") if block.language == "text")
    for line in story.text.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        assert any(re.fullmatch(pattern, said) for said in printed), (
            f"not printed, or not in this order: {line}"
        )
