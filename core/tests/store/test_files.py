"""Files come back byte for byte, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gongzhi.errors import FileDamaged, HomeNotWritable
from gongzhi.store import FileStore

NOBODY = 65534


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def path_of(files: FileStore, sha256: bytes) -> Path:
    return files.folder / sha256.hex()[:2] / sha256.hex()[2:]


def everything_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


@contextmanager
def without_permission(folder: Path) -> Iterator[None]:
    """As a user who may not write to `folder`; root becomes somebody else for a while."""
    folder.chmod(0o500)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", bytes(3_000_000)])
async def test_what_was_put_comes_back(files: FileStore, data: bytes) -> None:
    sha256 = await files.put(data)
    assert sha256 == hashlib.sha256(data).digest()
    assert await files.get(sha256) == data


async def test_files_are_private_and_nothing_is_left_over(files: FileStore) -> None:
    sha256 = await files.put(b"letter")
    path = path_of(files, sha256)
    assert [path for path in everything_in(files.folder) if path.is_file()] == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


async def test_the_same_content_is_kept_once_however_often_it_is_put(files: FileStore) -> None:
    hashes = await asyncio.gather(*(files.put(b"letter") for _ in range(8)))
    assert len(set(hashes)) == 1
    assert len([path for path in everything_in(files.folder) if path.is_file()]) == 1


async def test_a_changed_file_is_not_served_and_heals_when_put_again(files: FileStore) -> None:
    sha256 = await files.put(b"letter")
    path_of(files, sha256).write_bytes(b"lettre")
    with pytest.raises(FileDamaged, match="does not match its hash"):
        await files.get(sha256)
    await files.put(b"letter")
    assert await files.get(sha256) == b"letter"


async def test_a_missing_file_is_named(files: FileStore) -> None:
    sha256 = hashlib.sha256(b"never put").digest()
    with pytest.raises(FileDamaged, match=sha256.hex()):
        await files.get(sha256)


async def test_a_folder_that_cannot_be_written_is_a_clear_fault(files: FileStore, tmp_path: Path) -> None:
    with without_permission(tmp_path), pytest.raises(HomeNotWritable, match="Permission denied"):
        await files.put(b"letter")
    assert everything_in(tmp_path) == []


def aged(path: Path, days: float) -> None:
    """Let a file look as if it was put that long ago."""
    then = time.time() - days * 86_400
    os.utime(path, (then, then))


async def test_old_files_are_named_and_half_written_ones_go(files: FileStore) -> None:
    old, fresh = await files.put(b"old"), await files.put(b"fresh")
    half = path_of(files, old).parent / ".part-x"
    half.write_bytes(b"ol")
    stray = half.with_name("notes.txt")
    stray.write_bytes(b"not ours")
    for path in (path_of(files, old), half, stray):
        aged(path, 2)
    assert await files.old(timedelta(days=1)) == {old}
    assert (half.exists(), stray.exists()) == (False, True)
    assert await files.get(fresh) == b"fresh"


async def test_a_file_that_was_put_again_is_not_set_aside(files: FileStore) -> None:
    again, gone = await files.put(b"again"), await files.put(b"gone")
    for sha256 in (again, gone):
        aged(path_of(files, sha256), 2)
    await files.put(b"again")
    assert await files.set_aside([again, gone, bytes(32)], timedelta(days=1)) == 1
    assert await files.aside() == {gone}
    assert path_of(files, again).exists() and not path_of(files, gone).exists()


async def test_a_file_that_was_set_aside_is_back_when_it_is_asked_for(files: FileStore) -> None:
    sha256 = await files.put(b"letter")
    aged(path_of(files, sha256), 2)
    await files.set_aside([sha256], timedelta(days=1))
    assert await files.get(sha256) == b"letter"
    assert (await files.aside(), await files.old(timedelta(days=1))) == (set(), set())
    assert path_of(files, sha256).exists()


async def test_a_file_that_was_set_aside_waits_its_time_and_is_forgotten_once(files: FileStore) -> None:
    sha256 = await files.put(b"letter")
    aged(path_of(files, sha256), 60)
    await files.set_aside([sha256], timedelta(days=1))
    assert await files.aside(timedelta(days=30)) == set()
    aged(files.aside_folder / sha256.hex(), 31)
    assert await files.aside(timedelta(days=30)) == {sha256}
    assert [await files.forget([sha256]) for _ in range(2)] == [1, 0]
    with pytest.raises(FileDamaged):
        await files.get(sha256)
