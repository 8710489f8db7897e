"""The embedded server's cluster: its folder, how it is made, and how its process is launched. For `embedded` only."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from gongzhi.declarations import Text
from gongzhi.errors import KeyUnreadable, NoSpace, StoreUnavailable
from gongzhi.store.durable import sync_folder, write_durably
from gongzhi.store.faults import free_mb
from gongzhi.store.server_user import VERSION, ServerUser, binaries, server_user

ROLE = "gongzhi"
FIRST_START_MB, START_MB = 250, 50
LOG_LIMIT_BYTES = 10_000_000
SOCKET_PATH_LIMIT = 100  # the kernel's is 104 to 108
SOCKET_PREFIX = "gongzhi-"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The statement and the detail of an error may quote personal data; the log must not.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""Durability is PostgreSQL's own: fsync, full-page writes and synchronous commit stay on."""


class Cluster:
    """The cluster in `folder`: `data`, `log`, and the password of the role `gongzhi`, which is no superuser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self._log_read = 0

    def prepare(self) -> tuple[ServerUser, Path]:
        """Make the data folder unless it is there; answer whom to run as and the folder of the binaries.

        Raises:
            NoSpace, RootRefused: the disk or the account won't do.
            StoreUnavailable: the data can't be made, or is another PostgreSQL's.
        """
        user = server_user(self.data)
        programs = binaries(user, self.folder)
        needed_mb, free = START_MB if self.data.exists() else FIRST_START_MB, free_mb(self.folder)
        if free < needed_mb:
            raise NoSpace(home=self.folder.parent, needed_mb=needed_mb, free_mb=free)
        if not self.data.exists():
            self._make(user, programs)
        user.own_all(self.data)
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(VERSION):
            raise self.unavailable(
                zh=f"数据由 PostgreSQL {made_by} 创建，当前版本为 {VERSION}",
                en=f"the data was made by PostgreSQL {made_by}, this is {VERSION}",
            )
        return user, programs

    def launch(self, user: ServerUser, programs: Path, socket_folder: Path) -> subprocess.Popen[bytes]:
        """Start the server's process; it lives on when ours is killed."""
        settings = SETTINGS | {"unix_socket_directories": str(socket_folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.rename(self.folder / "log.1")
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as output:
            self._log_read = os.fstat(output.fileno()).st_size
            # A session of its own: Ctrl-C in the terminal is for us, and we stop the server in order.
            return subprocess.Popen(
                [programs / "postgres", "-D", user.data_argument(self.data), *options],
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **user.process_arguments(),
            )

    def socket_folder(self, user: ServerUser) -> Path:
        """A fresh private folder with a short path that the server's account can reach."""
        for place in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
            folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=place))
            user.own(folder)
            if len(str(folder)) < SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432") and user.reaches(folder):
                return folder
            folder.rmdir()
        raise self.unavailable(zh="没有可用的临时目录存放套接字", en="no temporary folder suits the socket")

    def password(self) -> str:
        """The password of the role `gongzhi`."""
        try:
            return (self.folder / "password").read_text()
        except OSError as error:
            raise KeyUnreadable(name="postgres/password", problem=error.strerror) from error

    def said(self) -> str:
        """What the server wrote to its log since it was launched."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_read)
            return log.read().decode(errors="replace")

    def did_not_start(self) -> StoreUnavailable | NoSpace:
        """The fault for a server that ended at once, in its own last words."""
        said = self.said()
        if "No space left on device" in said or "could not extend file" in said:
            home = self.folder.parent
            return NoSpace(home=home, needed_mb=FIRST_START_MB, free_mb=free_mb(home))
        words = [line for line in said.splitlines() if "FATAL" in line or "rror" in line] or ["?"]
        return self.unavailable(
            zh=f"内置 PostgreSQL 未能启动（{words[-1]}）", en=f"PostgreSQL did not start ({words[-1]})"
        )

    def unavailable(self, *, zh: str, en: str) -> StoreUnavailable:
        """A fault that points to this folder's log."""
        return StoreUnavailable(home=self.folder, problem=Text(zh=zh, en=en))

    def _make(self, user: ServerUser, programs: Path) -> None:
        """Make the data folder beside its place and move it there when it is whole."""
        password = secrets.token_hex(24)
        write_durably(self.folder / "password", password.encode())
        part = self.folder / "data.new"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        user.own(part)
        data = user.data_argument(part)
        private = self.socket_folder(user)
        try:
            password_file = private / "password"
            write_durably(password_file, password.encode())
            user.own(password_file)
            self._run(
                user,
                part,
                [
                    *(programs / "initdb", "-D", data, "-U", "postgres", f"--pwfile={password_file}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                ],
            )
        finally:
            shutil.rmtree(private, ignore_errors=True)
        self._run(
            user,
            part,
            [programs / "postgres", "--single", "-D", data, "postgres"],
            given=f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\n"
            f"CREATE DATABASE {ROLE} OWNER {ROLE}\n",
        )
        part.rename(self.data)
        sync_folder(self.folder)

    def _run(self, user: ServerUser, folder: Path, command: list[str | Path], given: str = "") -> None:
        """Run a tool; if it fails, what it said goes to the log, and that is why the server did not start."""
        done = user.run(command, cwd=folder, input=given)
        if done.returncode != 0 or "ERROR" in done.stderr or "FATAL" in done.stderr:
            with self.log.open("a") as log:
                log.write(done.stdout + done.stderr)
            raise self.did_not_start()
