"""The command `gongzhi` as an operator meets it when something is in the way."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gongzhi.cli import main
from gongzhi.store import Store

pytestmark = pytest.mark.anyio


def test_a_taken_port_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 1
    told = capsys.readouterr()
    assert f"cannot_listen: Can't listen on 127.0.0.1:{port}: the port is in use." in told.err
    assert "make run PORT=8001" in told.err
    assert (told.out, list(tmp_path.iterdir())) == ("", [])


@pytest.mark.parametrize("days", ["0", "-1", "367", "99999999999"])
def test_days_of_a_token_that_are_out_of_bounds_are_named(
    days: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(tmp_path / "home"))
    assert main(["token", "clinic", "--days", days]) == 1
    assert (
        "invalid_argument: The argument --days can't be used: it takes 1 to 366 days."
        in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


async def test_a_token_for_nobody_says_that_the_account_is_wrong(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    assert await asyncio.to_thread(main, ["token", "nobody"]) == 1
    told = capsys.readouterr()
    assert "invalid_argument: The argument account can't be used: no account has this login." in told.err
    assert told.out == ""


COMMAND = [sys.executable, "-m", "gongzhi.cli"]


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]])
def test_a_signal_stops_the_service_in_order_and_without_a_trace(
    signals: list[signal.Signals], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port)],
        env={**os.environ, "GONGZHI_HOME": str(tmp_path / "home"), "GONGZHI_DATABASE_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as service:
        assert service.stdout is not None
        assert service.stdout.readline().startswith("Gongzhi")
        for number in signals:  # a terminal's, and the one that a parent such as make passes on
            service.send_signal(number)
        out, told = service.communicate(timeout=60)
    assert (service.returncode, out) == (0, "")
    assert "Traceback" not in told and '"level": "error"' not in told
    assert not (tmp_path / "home" / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.parametrize("count", [1, 3000])
async def test_a_reader_that_has_seen_enough_ends_a_list_quietly(count: int, store: Store) -> None:
    async with store.unit_of_work() as uow:
        await uow.execute(
            "INSERT INTO organ (id, name, name_en, type, line, level, region, valid_from)"
            " SELECT gen_random_uuid(), 'x', 'x', 'police', 'public_security', 'county', '330523', '2024-01-01'"
            " FROM generate_series(1, $1)",
            count,
        )
    reading, writing = os.pipe()
    os.close(reading)
    environment = {
        **os.environ,
        "GONGZHI_HOME": str(store.home),
        "GONGZHI_DATABASE_URL": store.database_url,
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [*COMMAND, "organ", "list"],
        env=environment,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")
