"""The tutorial, followed to the letter: every block is run in order, and prints what the page says it prints."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from .pages import DOCS, ROOT, blocks

PAGE = DOCS / "tutorial" / "first-report.md"
PUBLISHED = "127.0.0.1:8000"

VARYING = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"\d{2,}", "<n>"),
)
"""What differs from run to run; single digits (an exit code, a count) stay."""


@dataclass(frozen=True)
class Installation:
    """A running `gongzhi serve --demo zhejiang` in `folder`; `said` is what it printed at start."""

    folder: Path
    address: str
    said: str

    def runs(self, script: str) -> str:
        """What a shell in the folder prints; it must succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Interpreter:
    """An interactive Python as a reader has it: blocks are pasted line by line, and nothing is added between them."""

    def __init__(self, folder: Path) -> None:
        self._said = folder / "interpreter"
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                ["python", "-i", "-q"],
                cwd=folder,
                env={**_environment(), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
            )

    def prints(self, block: str) -> str:
        """What the block prints. A block that is still open after its last line swallows the first mark."""
        paste, replies = self._process.stdin, self._process.stdout
        assert paste is not None
        assert replies is not None
        paste.write(f"{block}print('end of block')\nprint('next')\n")
        paste.flush()
        printed = "".join(takewhile(lambda line: line != "next\n", replies))
        assert printed.endswith("end of block\n"), self._said.read_text(encoding="utf-8")
        return printed.removesuffix("end of block\n")

    def end(self) -> None:
        """Leave it, as with Ctrl-D."""
        self._process.communicate(timeout=60)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("tutorial")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["gongzhi", "serve", "--demo", "zhejiang", "--port", str(port)]
    with (folder / "said").open("w") as said, (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=said, stderr=log)
    try:
        yield Installation(folder, f"127.0.0.1:{port}", _started(server, folder))
    finally:
        server.terminate()
        server.wait(60)


def test_every_block_does_what_the_page_says(
    installation: Installation, request: pytest.FixtureRequest
) -> None:
    page = blocks(PAGE)
    python = Interpreter(installation.folder)
    request.addfinalizer(python.end)
    for block, following in zip(page, [*page[1:], None], strict=True):
        script = block.text.replace(PUBLISHED, installation.address)
        if block.language == "bash":
            printed = installation.runs(script)
        elif block.language == "python":
            printed = python.prints(script)
        elif block.text == "$ make run\n":
            printed = installation.said
        else:
            continue
        printed = printed.replace(installation.address, PUBLISHED)
        if following is None or following.language != "text":
            assert printed == "", f"line {block.line} prints {printed!r}, which the page leaves out"
        elif "vary" in following.flags:
            assert printed.strip(), f"line {block.line} prints nothing"
        else:
            assert _steady(printed) == _steady(following.text), f"line {following.line}"


def test_blocks_that_are_not_run_are_set_up_commands_only() -> None:
    assert [block.text for block in blocks(PAGE) if block.language == "console"] == [
        "$ make demo\n",
        "$ make run\n",
        "$ source .venv/bin/activate\n",
    ]
    assert "gongzhi serve --demo zhejiang --port $(PORT)" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_no_block_is_of_a_language_that_the_test_does_not_run() -> None:
    assert {block.language for block in blocks(PAGE)} == {"bash", "console", "python", "text"}


def _started(server: subprocess.Popen[bytes], folder: Path) -> str:
    for _ in range(600):
        said = (folder / "said").read_text(encoding="utf-8")
        if re.search(r"^Gongzhi .*\n", said, flags=re.MULTILINE):
            return "".join(line for line in said.splitlines(keepends=True) if not line.startswith("{"))
        assert server.poll() is None, (folder / "log").read_text(encoding="utf-8")
        time.sleep(0.1)
    raise AssertionError("the server did not start within a minute")


def _steady(text: str) -> str:
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text


def _environment() -> dict[str, str]:
    """A newcomer's: the virtual environment is active, nothing of ours is set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GONGZHI_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
