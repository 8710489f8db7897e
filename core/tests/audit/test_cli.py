"""`gongzhi audit …` as an operator and an auditor use it."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.audit.cli import add_audit_commands
from gongzhi.audit.notes import PublicKey
from gongzhi.audit.proof import InclusionProof
from gongzhi.clock import VirtualClock
from gongzhi.errors import (
    AuditBroken,
    AuditKeyDiffers,
    AuditNotStarted,
    AuditUnreachable,
    InvalidArgument,
    InvalidInput,
    NoSuchThing,
)
from gongzhi.store import Store

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
LEAF = Leaf(
    at=NOW,
    actor=uuid4(),
    organ=uuid4(),
    namespace="minor_protection",
    version="0.1.0",
    action="report",
    region="330523",
    case_id=uuid4(),
    outcome="done",
)


async def gongzhi(*arguments: object) -> int:
    """Run the command with a loop and a store of its own, as a process would."""
    parser = argparse.ArgumentParser()
    add_audit_commands(parser.add_subparsers())
    parsed = parser.parse_args(["audit", *map(str, arguments)])
    return int(await asyncio.to_thread(parsed.run, parsed))


@pytest.fixture
async def leaves(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The leaf hashes of a log of 300 entries, in the store that the environment names."""
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    monkeypatch.delenv("GONGZHI_AUDIT_ORIGIN", raising=False)
    return await add(store, 300)


async def add(store: Store, count: int) -> list[bytes]:
    log = AuditLog(store)
    async with store.unit_of_work() as uow:
        hashes = [await log.append(uow, replace(LEAF, action=f"act_{number}")) for number in range(count)]
    await Sequencer(store, VirtualClock(NOW)).drain()
    return hashes


async def test_verify_says_what_it_verified(leaves: list[bytes], capsys: pytest.CaptureFixture[str]) -> None:
    """Origin, size and root, in two languages."""
    assert await gongzhi("verify") == 0
    told = capsys.readouterr().out
    assert "审计日志校验通过" in told
    assert "the audit log verifies" in told
    assert f"origin gongzhi.local/audit\nsize   {len(leaves)}\nroot   " in told


async def test_an_export_verifies_anywhere_with_the_public_key(
    store: Store, leaves: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the database; and it is continued by a later export."""
    folder = tmp_path / "export"
    assert await gongzhi("export", folder) == 0
    key = capsys.readouterr().out.splitlines()[-1]
    assert await gongzhi("key") == 0
    assert capsys.readouterr().out == f"{key}\n"
    assert await gongzhi("verify", "--folder", folder, "--public-key", key) == 0
    kept = (folder / "checkpoint").read_bytes()
    await add(store, 300)
    assert await gongzhi("export", folder) == 0
    (tmp_path / "kept").write_bytes(kept)
    assert (
        await gongzhi("verify", "--folder", folder, "--public-key", key, "--checkpoint", tmp_path / "kept")
        == 0
    )
    assert f"size   {len(leaves) + 300}" in capsys.readouterr().out
    (folder / "checkpoint").write_bytes(kept)
    newer = tmp_path / "newer"
    assert await gongzhi("export", newer) == 0
    with pytest.raises(AuditBroken):
        await gongzhi("verify", "--folder", folder, "--public-key", key, "--checkpoint", newer / "checkpoint")
    with pytest.raises(InvalidInput):
        await gongzhi("verify", "--folder", newer, "--public-key", key, "--checkpoint", newer / "none")
    stranger = PublicKey(name="gongzhi.local/audit", raw=bytes(32))
    with pytest.raises(AuditKeyDiffers) as other:
        await gongzhi("verify", "--folder", newer, "--public-key", stranger)
    found, given = (f"gongzhi.local/audit+{each.id.hex()}" for each in (PublicKey.parse(key), stranger))
    assert f"signed by {found}, not by {given}." in other.value.message("en")


async def test_a_wrong_place_is_not_called_a_broken_log(leaves: list[bytes], tmp_path: Path) -> None:
    """A folder that holds no log, a file, a checkpoint that was never one; one that lost a file is broken."""
    key = PublicKey(name="gongzhi.local/audit", raw=bytes(32))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "checkpoint").write_text("<!doctype html>\n<p>Not found</p>\n")
    for place in ("nothing", "page", "page/checkpoint"):
        with pytest.raises(AuditUnreachable) as refusal:
            await gongzhi("verify", "--folder", tmp_path / place, "--public-key", key)
        assert str(tmp_path / place) in refusal.value.message("en")
    with pytest.raises(InvalidArgument) as refused:
        await gongzhi("verify", "--checkpoint", tmp_path / "page" / "checkpoint")
    assert refused.value.where == "--checkpoint"
    export = tmp_path / "export"
    await gongzhi("export", export)
    (export / "tile" / "0" / "000").unlink()
    with pytest.raises(AuditBroken):
        await gongzhi("verify", "--folder", export)


async def test_who_verifies_from_afar_brings_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a log gets no keys and no database by asking."""
    monkeypatch.setenv("GONGZHI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GONGZHI_DATABASE_URL", raising=False)
    for place in (["--folder", tmp_path], ["--url", "http://127.0.0.1:9/audit"]):
        with pytest.raises(InvalidArgument) as refusal:
            await gongzhi("verify", *place)
        assert "--public-key" in refusal.value.message("en")
    assert _contents(tmp_path) == []


@pytest.mark.usefixtures("leaves")
async def test_an_export_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """With the file's name, and without a trace."""
    (tmp_path / "file").write_text("kept")
    with pytest.raises(InvalidArgument) as refusal:
        await gongzhi("export", tmp_path / "file")
    assert str(tmp_path / "file") in refusal.value.message("en")
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/001.p/44", "tile/1/000.p/1", "checkpoint"])
@pytest.mark.usefixtures("leaves")
async def test_one_changed_byte_of_an_export_is_found(tmp_path: Path, path: str) -> None:
    """In every kind of file."""
    await gongzhi("export", tmp_path)
    content = bytearray((tmp_path / path).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / path).write_bytes(content)
    with pytest.raises(AuditBroken):
        await gongzhi("verify", "--folder", tmp_path)


async def test_a_proof_stands_by_itself(
    store: Store, leaves: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    """C2SP tlog-proof on standard output; by leaf hash, or by the id of the event that names it."""
    assert await gongzhi("proof", leaves[17].hex()) == 0
    proof = InclusionProof.parse(capsys.readouterr().out)
    assert proof.index == 17
    assert proof.check(leaves[17], AuditLog(store).public_key).size == 300
    with pytest.raises(NoSuchThing):
        await gongzhi("proof", "00" * 32)
    for unknown in (uuid4(), f"TimelineEvent:{uuid4()}"):
        with pytest.raises(NoSuchThing):
            await gongzhi("proof", unknown)
    with pytest.raises(InvalidInput):
        await gongzhi("proof", "the seventeenth")


@pytest.mark.usefixtures("leaves")
async def test_a_scan_fails_when_it_finds_something(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is for scripts, the lines are for people."""
    assert await gongzhi("scan") == 0
    assert "0 rows, 300 entries, 0 findings" in capsys.readouterr().out
    stranger = uuid4()
    async with store.unit_of_work() as uow:
        await uow.execute("INSERT INTO person (id, name) VALUES ($1, '某人')", stranger)
    assert await gongzhi("scan") == 1
    told = capsys.readouterr().out
    assert f"person {stranger}: 日志从未记载 · was never in the log" in told
    assert "0 rows, 300 entries, 1 finding\n" in told


async def test_a_log_that_has_not_begun_is_not_called_broken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, with a remedy and an exit code of its own; who brings a checkpoint is told that the log is gone."""
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    program = [sys.executable, "-m", "gongzhi.cli", "audit", "verify"]
    process = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 3
    assert "Run gongzhi serve or gongzhi worker first" in said.decode()
    for command in (["scan"], ["export", tmp_path / "export"], ["proof", "00" * 32]):
        with pytest.raises(AuditNotStarted):
            await gongzhi(*command)
    (tmp_path / "kept").write_bytes(b"gongzhi.local/audit\n3\nAAAA\n")
    with pytest.raises(AuditBroken):
        await gongzhi("verify", "--checkpoint", tmp_path / "kept")
    await add(store, 3)
    async with store.unit_of_work() as uow:
        await uow.execute("DELETE FROM audit_head")
    with pytest.raises(AuditBroken):
        await gongzhi("verify")


async def test_an_address_needs_one_place() -> None:
    """A folder and a URL at once is a question asked wrongly."""
    with pytest.raises(SystemExit):
        await gongzhi("verify", "--folder", "x", "--url", "http://x")


def _contents(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _told(program: Path, key: str, folder: Path) -> str:
    arguments = [str(program), key, str(folder / "export"), str(folder / "proofs.json")]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.go
async def test_go_reads_what_export_wrote(
    leaves: list[bytes], tmp_path: Path, tlogcheck: Path, store: Store
) -> None:
    """The real log of a real store, checked by the tool that is not ours."""
    await gongzhi("export", tmp_path / "export")
    (tmp_path / "proofs.json").write_text('{"Inclusion": [], "Consistency": []}')
    told = await asyncio.to_thread(_told, tlogcheck, str(AuditLog(store).public_key), tmp_path)
    assert f'"leaves":{len(leaves)}' in told
