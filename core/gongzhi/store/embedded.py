"""PostgreSQL run by us: in `<home>/postgres/`, over a Unix socket only, shared by all processes of one home.

Whoever uses the server holds a shared lock on the file `users`; the kernel drops it even on SIGKILL. So a server
that a killed process left is found again, and the last user to leave stops it. Starting and stopping happen one
at a time under the lock file `lock`.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from gongzhi.store.cluster import ROLE, SOCKET_PREFIX, Cluster
from gongzhi.store.faults import folder_faults
from gongzhi.store.postmaster import Postmaster

PATIENCE_SECONDS = 120  # a recovery after a crash replays up to max_wal_size
STOPPING = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
"""Fast shutdown, then without a checkpoint, then by force; seconds to wait after each."""


class EmbeddedServer:
    """One use of a home's server; `url` is its database. `leave` ends the use."""

    url: str

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "postgres"
        self._cluster = Cluster(self.folder)
        self._data = self._cluster.data
        self._users: int | None = None

    @classmethod
    def join(cls, home: Path) -> EmbeddedServer:
        """Use the server of `home`: make it, start it, or find it running.

        Raises:
            NoSpace, HomeNotWritable, RootRefused: the home or the account won't do.
            StoreUnavailable: the server does not start; the reason is in `<home>/postgres/log`.
        """
        server = cls(home)
        with folder_faults(home):
            server.folder.mkdir(mode=0o700, exist_ok=True)
            with server._one_at_a_time():
                socket_folder = server._running() or server._start()
                server._users = server._open("users")
                fcntl.flock(server._users, fcntl.LOCK_SH)
        atexit.register(server.leave)
        password = server._cluster.password()
        server.url = f"postgresql://{ROLE}:{password}@/{ROLE}?host={quote(str(socket_folder))}"
        return server

    def leave(self) -> None:
        """End this use, and stop the server if it was the last. Leaving twice changes nothing."""
        if self._users is None:
            return
        atexit.unregister(self.leave)
        os.close(self._users)
        self._users = None
        with folder_faults(self.home), self._one_at_a_time():
            if self._nobody_uses_it():
                self._stop()

    def _running(self) -> Path | None:
        """The socket folder of a server that somebody else started, or a killed process left."""
        found = Postmaster.read(self._data)
        if found is None:
            return None
        alive = found.alive(self._data)
        if alive:
            found = found.until_ready(self._data, PATIENCE_SECONDS) or found
            if found.ready and found.socket.exists():
                return found.socket_folder
        if not self._nobody_uses_it():
            # Perhaps it lives in another container, where we see its lock but not its process. Two servers on
            # one data folder would destroy it.
            raise self._cluster.unavailable(
                zh="另有进程正在使用该目录，但其服务器不可达；请先停止那些进程",
                en="other processes use this folder, but their server is out of reach; stop them first",
            )
        self._stop()
        # The number in a stale file may be another process's by now, which would keep PostgreSQL from starting.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        return None

    def _start(self) -> Path:
        user, programs = self._cluster.prepare()
        socket_folder = self._cluster.socket_folder(user)
        deadline = time.monotonic() + PATIENCE_SECONDS
        process = self._cluster.launch(user, programs, socket_folder)
        while time.monotonic() < deadline:
            found = Postmaster.read(self._data)
            if found is not None and found.ready and found.alive(self._data):
                # Usually ours; or one whose starter was killed before it had written its file.
                if found.socket_folder != socket_folder:
                    shutil.rmtree(socket_folder, ignore_errors=True)
                return found.socket_folder
            if process.poll() is not None:
                if "still in use" not in self._cluster.said():
                    break
                # The processes of a killed server take a moment to notice.
                time.sleep(0.2)
                process = self._cluster.launch(user, programs, socket_folder)
            time.sleep(0.01)
        process.kill()
        shutil.rmtree(socket_folder, ignore_errors=True)
        raise self._cluster.did_not_start()

    def _stop(self) -> None:
        """Stop the server if it lives, and take its socket folder away."""
        found = Postmaster.read(self._data)
        if found is None:
            return
        for how, seconds in STOPPING:
            if not found.alive(self._data):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, how)
            found.wait(self._data, seconds)
        if found.socket_folder.name.startswith(SOCKET_PREFIX):
            shutil.rmtree(found.socket_folder, ignore_errors=True)

    def _nobody_uses_it(self) -> bool:
        users = self._open("users")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(users)
        return True

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        lock = self._open("lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _open(self, name: str) -> int:
        return os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
