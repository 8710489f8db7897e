"""Files by content: `<home>/files/ab/cdef…`, named by SHA-256, written once and checked at every reading.

The database says what a file is and who may have it; this only keeps bytes. What it no longer speaks of is set aside
in `<home>/files/orphans/<SHA-256>`, from where it comes back when it is asked for after all.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from gongzhi.declarations import Text
from gongzhi.errors import FileDamaged
from gongzhi.store.durable import PART, sync_folder, write_durably
from gongzhi.store.faults import folder_faults

_NAME = re.compile("[0-9a-f]{62}")
_WHOLE_NAME = re.compile("[0-9a-f]{64}")


class FileStore:
    """The files of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.folder = home / "files"
        self.aside_folder = self.folder / "orphans"

    async def put(self, data: bytes) -> bytes:
        """Keep `data` and answer its SHA-256 (32 bytes); it is on the disk when this returns.

        Raises:
            NoSpace, HomeNotWritable: it could not be written, and nothing was kept.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, sha256: bytes) -> bytes:
        """The content with that SHA-256.

        Raises:
            FileDamaged: it is missing, can't be read, or is not what its name says.
        """
        return await asyncio.to_thread(self._get, sha256)

    async def old(self, age: timedelta) -> set[bytes]:
        """SHA-256 of every file that was last put longer ago than `age`; parts of files that were never finished go.

        Ages are real time, the file system's, whatever clock the installation runs on.
        """
        return await asyncio.to_thread(self._old, time.time() - age.total_seconds())

    async def set_aside(self, hashes: Iterable[bytes], age: timedelta) -> int:
        """Move those files to where they wait to be deleted, except one that was put again meanwhile; answers how many."""
        return await asyncio.to_thread(self._set_aside, list(hashes), time.time() - age.total_seconds())

    async def aside(self, age: timedelta = timedelta(0)) -> set[bytes]:
        """SHA-256 of every file that was set aside longer ago than `age`."""
        return await asyncio.to_thread(self._aside, time.time() - age.total_seconds())

    async def bring_back(self, hashes: Iterable[bytes]) -> None:
        """Put files that were set aside back in their place."""
        for sha256 in hashes:
            await asyncio.to_thread(self._bring_back, sha256)

    async def forget(self, hashes: Iterable[bytes]) -> int:
        """Delete files that were set aside, for good; answers how many."""
        return await asyncio.to_thread(lambda: sum(self._forget(sha256) for sha256 in list(hashes)))

    def _path(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self.folder / name[:2] / name[2:]

    def _path_aside(self, sha256: bytes) -> Path:
        return self.aside_folder / sha256.hex()

    def _put(self, data: bytes) -> bytes:
        sha256 = hashlib.sha256(data).digest()
        path = self._path(sha256)
        with folder_faults(self._home, needed_mb=1 + len(data) // 1_000_000):
            if path.exists() and path.read_bytes() == data:
                path.touch()  # as new, so that `set_aside` leaves it alone
                return sha256
            for folder in (self.folder, path.parent):
                if not folder.exists():
                    folder.mkdir(mode=0o700, exist_ok=True)
                    sync_folder(folder.parent)
            write_durably(path, data)
        return sha256

    def _get(self, sha256: bytes) -> bytes:
        path = self._path(sha256)
        try:
            if not path.exists():
                self._bring_back(sha256)
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise self._damaged(sha256, Text(zh="文件不存在", en="it is not there")) from error
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise self._damaged(
                sha256, Text(zh=f"无法读取（{words}）", en=f"it can't be read ({words})")
            ) from error
        if hashlib.sha256(data).digest() != sha256:
            raise self._damaged(sha256, Text(zh="内容与哈希不符", en="its content does not match its hash"))
        return data

    def _old(self, before: float) -> set[bytes]:
        found = set()
        for path in self.folder.glob("??/*"):
            if _last_put(path) >= before:
                continue
            if path.name.startswith(PART):
                path.unlink(missing_ok=True)
            elif _NAME.fullmatch(path.name):
                found.add(bytes.fromhex(path.parent.name + path.name))
        return found

    def _set_aside(self, hashes: Sequence[bytes], before: float) -> int:
        moved = 0
        with folder_faults(self._home):
            self.aside_folder.mkdir(mode=0o700, exist_ok=True)
            for sha256 in hashes:
                path, aside = self._path(sha256), self._path_aside(sha256)
                if _last_put(path) < before:
                    path.rename(aside)
                    aside.touch()  # its time runs from now
                    moved += 1
            sync_folder(self.aside_folder)
        return moved

    def _aside(self, before: float) -> set[bytes]:
        return {
            bytes.fromhex(path.name)
            for path in self.aside_folder.glob("*")
            if _WHOLE_NAME.fullmatch(path.name) and _last_put(path) < before
        }

    def _bring_back(self, sha256: bytes) -> None:
        with suppress(FileNotFoundError):  # it never was there, or somebody else has just brought it back
            path = self._path_aside(sha256).rename(self._path(sha256))
            path.touch()
            sync_folder(path.parent)

    def _forget(self, sha256: bytes) -> bool:
        try:
            self._path_aside(sha256).unlink()
        except FileNotFoundError:
            return False
        return True

    def _damaged(self, sha256: bytes, problem: Text) -> FileDamaged:
        return FileDamaged(sha256=sha256.hex(), problem=problem, home=self._home)


def _last_put(path: Path) -> float:
    """Seconds since 1970; now, for a file that is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
