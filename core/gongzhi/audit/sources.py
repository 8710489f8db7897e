"""Where a log is read from: a folder of tiles, a URL, or our own database. One port, three adapters.

All answer the same bytes for the same tile. None checks anything: `verify.py` and `proof.py` do.
"""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import asyncpg

from gongzhi.audit.faults import bad_argument, unreachable
from gongzhi.audit.merkle import HASH_BYTES
from gongzhi.audit.tiles import Tile, first_entries
from gongzhi.declarations import Text
from gongzhi.errors import ActionNotAllowed, GongzhiError, NoSuchThing, SignInRequired

Connection: TypeAlias = "asyncpg.Connection[Any]"
READ_ENTRIES: Final = Text(zh="读取审计条目", en="read audit entries")
_TIMEOUT_SECONDS = 30
_LARGEST_BYTES = 256 * (2 + 65_535)


class Source(Protocol):
    """A log's published files. Each raises `NoSuchThing` for what is not there."""

    async def checkpoint(self) -> bytes:
        """The newest signed checkpoint."""

    async def read(self, tile: Tile) -> bytes:
        """The bytes of a tile or bundle, partial where `tile` is."""


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """A folder of static files, as `gongzhi audit export` writes it."""

    folder: Path

    async def checkpoint(self) -> bytes:
        return self._read("checkpoint")

    async def read(self, tile: Tile) -> bytes:
        return self._read(tile.path)

    def _read(self, path: str) -> bytes:
        try:
            return (self.folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoSuchThing(where=path) from error
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise unreachable(str(self.folder), zh=f"{path}：{said}", en=f"{path}: {said}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the auditor's token to another host."""

    def redirect_request(self, *_request: object) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class UrlSource:
    """A log behind HTTP, `url` being its prefix (`https://host/audit`); `token` opens the entries."""

    url: str
    token: str | None = None
    _open: Callable[..., Any] = field(
        default_factory=lambda: urllib.request.build_opener(_NoRedirects).open, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise bad_argument(
                "--url", zh="应以 https:// 或 http:// 开头", en="it must begin with https:// or http://"
            )

    async def checkpoint(self) -> bytes:
        return await asyncio.to_thread(self._get, "checkpoint")

    async def read(self, tile: Tile) -> bytes:
        return await asyncio.to_thread(self._get, tile.path)

    def _get(self, path: str) -> bytes:
        url = f"{self.url.rstrip('/')}/{path}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with self._open(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS) as reply:
                body: bytes = reply.read(_LARGEST_BYTES + 1)
                return body
        except urllib.error.HTTPError as error:
            raise self._refused(error.code, path) from error
        except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
            said = getattr(error, "reason", error)
            raise unreachable(
                self.url, zh=f"连接失败（{said}）", en=f"the connection failed ({said})"
            ) from error

    def _refused(self, status: int, path: str) -> GongzhiError:
        """What the status means; the body is written for whoever asked in its language, so it is not quoted."""
        if status == 404:
            return NoSuchThing(where=path)
        if status == 401:
            return SignInRequired(where=path)
        if status == 403:
            return ActionNotAllowed(
                where=path,
                action=READ_ENTRIES,
                reason_zh="令牌的账号没有审计管理员的职责",
                reason_en="the token's account does not hold an audit administrator's duty",
            )
        return unreachable(
            self.url, zh=f"{path} 的答复为 HTTP {status}", en=f"{path} was answered with HTTP {status}"
        )


@dataclass(frozen=True, kw_only=True)
class DatabaseSource:
    """The log in our database, over a connection that the caller keeps in a transaction."""

    connection: Connection

    async def checkpoint(self) -> bytes:
        text = await self.connection.fetchval("SELECT checkpoint FROM audit_head")
        if text is None:
            raise NoSuchThing(where="checkpoint")
        return str(text).encode()

    async def read(self, tile: Tile) -> bytes:
        found = await (self._entries(tile) if tile.kind == "entries" else self._hashes(tile))
        if found is None:
            raise NoSuchThing(where=tile.path)
        return found

    async def _hashes(self, tile: Tile) -> bytes | None:
        wanted = tile.width * HASH_BYTES
        hashes: bytes | None = await self.connection.fetchval(
            "SELECT substr(hashes, 1, $3) FROM audit_tile WHERE level = $1 AND index = $2",
            tile.level,
            tile.index,
            wanted,
        )
        return hashes if hashes is not None and len(hashes) == wanted else None

    async def _entries(self, tile: Tile) -> bytes | None:
        bundle: bytes | None = await self.connection.fetchval(
            "SELECT string_agg(entries, '' ORDER BY first) FROM audit_bundle WHERE index = $1", tile.index
        )
        return None if bundle is None else first_entries(bundle, tile.width)
