"""The server as its users run it: `gongzhi serve --demo zhejiang`, a process that can be killed and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx


@dataclass
class Place:
    """Where an installation lives: its home, its database (None = embedded), its port, and where it writes its log."""

    home: Path
    database_url: str | None
    port: int
    log: Path

    def environment(self) -> dict[str, str]:
        """The environment of every process of this installation; nothing of the caller's own settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("GONGZHI_")}
        url = {"GONGZHI_DATABASE_URL": self.database_url} if self.database_url else {}
        return {**own, **url, "GONGZHI_HOME": str(self.home)}


@dataclass
class Server:
    """The one process; `kill` may be called at any time, also when nothing runs."""

    place: Place
    process: asyncio.subprocess.Process | None = None
    started: int = field(default=0)

    async def start(self) -> None:
        """Start the process, and come back at once."""
        assert self.process is None
        with self.place.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *gongzhi("serve", "--demo", "zhejiang", "--port", str(self.place.port)),
                env=self.place.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started += 1

    async def ready(self, seconds: float = 120) -> None:
        """Wait until it answers."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.place.port}", timeout=5) as client:
            async with asyncio.timeout(seconds):
                while True:
                    assert self.process is not None
                    if self.process.returncode is not None:
                        raise AssertionError(f"the server ended by itself:\n{self.said()}")
                    try:
                        if (await client.get("/ready")).status_code == 200:
                            return
                    except httpx.TransportError:
                        await asyncio.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def gone(self) -> None:
        """Wait until the killed process is no more."""
        if self.process is not None:
            await self.process.wait()
            self.process = None

    async def stop(self) -> None:
        """End it as an administrator would."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.gone()

    def said(self) -> str:
        """What the process has written, all of its lives."""
        return self.place.log.read_text(encoding="utf-8", errors="replace")


def gongzhi(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our commands."""
    return (sys.executable, "-m", "gongzhi.cli", *arguments)


async def run(place: Place, *arguments: str) -> tuple[int, str]:
    """Run a command of the installation; answers its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *gongzhi(*arguments),
        env=place.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
