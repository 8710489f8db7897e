"""Reads `postmaster.pid`, where a running PostgreSQL says who and where it is. Only `embedded` imports this."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Postmaster:
    """A server by its own account, which is stale if it was killed; `alive` tells."""

    pid: int
    port: int
    socket_folder: Path
    ready: bool

    @classmethod
    def read(cls, data: Path) -> Postmaster | None:
        """The server of a data folder, or None if there is none or it has only begun to write."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            return cls(
                pid=int(lines[0]),
                port=int(lines[3]),
                socket_folder=Path(lines[4]),
                ready=len(lines) > 7 and lines[7].strip() == "ready",
            )
        except (FileNotFoundError, IndexError, ValueError):
            return None

    @property
    def socket(self) -> Path:
        """The socket that clients connect to."""
        return self.socket_folder / f".s.PGSQL.{self.port}"

    def alive(self, data: Path) -> bool:
        """Whether the process still runs and is that server, not another with its number."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # a child of ours that ended would linger
        processes = Path("/proc")
        if (processes / "self").exists():
            try:
                return (processes / str(self.pid) / "cwd").samefile(data)
            except OSError:
                return False
        answer = subprocess.run(
            ["ps", "-o", "comm=", "-p", str(self.pid)], check=False, capture_output=True, text=True
        )
        return "postgres" in answer.stdout

    def until_ready(self, data: Path, seconds: float) -> Postmaster | None:
        """The server once it takes connections, or None if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.alive(data):
            found = Postmaster.read(data)
            if found is not None and found.ready:
                return found
            time.sleep(0.02)
        return None

    def wait(self, data: Path, seconds: float) -> None:
        """Wait until the server ends, so long at most."""
        deadline = time.monotonic() + seconds
        while self.alive(data) and time.monotonic() < deadline:
            time.sleep(0.02)
