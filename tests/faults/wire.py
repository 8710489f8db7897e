"""Two proxies that kill the server at a chosen byte: one before it, towards its clients, one behind it, towards PostgreSQL.

Nothing in the product knows of them. Each relays what it gets; when the moment comes for which the trap is set, the
server is killed and the bytes that told of it go no further.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

Moment = Literal[
    "before the reply to a write",
    "after the commit of an act",
    "before the commit of an act",
    "after the commit of an effect",
    "after the commit of a batch",
    "before the commit of an effect",
    "before the commit of a batch",
    "after the commit of the organs",
]
"""Effects are the worker's (a letter delivered), batches the audit sequencer's, organs those of the demo's first start."""

WRITE_MARK = b"x-test-write: 1"
"""The header by which our clients mark a request that writes."""

_TOLD_BY = {
    b'INSERT INTO "idempotency"': "an act",
    b"INSERT INTO inbox": "an effect",
    b"INSERT INTO audit_head": "a batch",
    b'INSERT INTO "organ"': "the organs",
}
"""The statement by which a transaction's purpose is known."""


@dataclass
class Trap:
    """Set for one moment at most; `spring` kills the server."""

    spring: Callable[[], None]
    moment: Moment | None = None
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, moment: Moment) -> None:
        """Wait for this moment."""
        self.sprung.clear()
        self.moment = moment

    def clear(self) -> None:
        """Wait for nothing."""
        self.moment = None

    def catches(self, moment: str) -> bool:
        """Kill the server if this is the moment; answers whether it was."""
        if moment != self.moment:
            return False
        self.spring()
        self.moment = None
        self.sprung.set()
        return True


class Proxy:
    """Relays connections from a free port of 127.0.0.1; a subclass looks at the bytes."""

    port: int

    def __init__(self, trap: Trap) -> None:
        self.trap = trap
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise NotImplementedError

    def _looks(self) -> tuple[Callable[[bytes], bool], Callable[[bytes], bool], Callable[[], None]]:
        """For one connection: what looks at bytes from the client, at those from the server (each answers whether
        they may pass), and what is told of its end."""
        raise NotImplementedError

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked, answered, ended = self._looks()
        behind: asyncio.StreamWriter | None = None
        try:
            source, behind = await self._connect()
            pumps = [
                asyncio.ensure_future(_pump(reader, behind, asked)),
                asyncio.ensure_future(_pump(source, writer, answered)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the server is dead or not up yet, or the run is over: the client finds its connection closed
        finally:
            ended()
            for end in (writer, behind):
                if end is not None:
                    end.transport.abort()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], bool]
) -> None:
    with contextlib.suppress(OSError):
        while (data := await reader.read(1 << 16)) and look(data):
            writer.write(data)
            await writer.drain()


class ReplyProxy(Proxy):
    """Stands between clients and the server. `writes` counts those that the server got and has not answered."""

    def __init__(self, trap: Trap, port_behind: int) -> None:
        super().__init__(trap)
        self._port_behind = port_behind
        self.writes = 0

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port_behind)

    def _looks(self) -> tuple[Callable[[bytes], bool], Callable[[bytes], bool], Callable[[], None]]:
        waiting = False

        def wait(change: bool) -> None:
            nonlocal waiting
            self.writes += change - waiting
            waiting = change

        def asked(data: bytes) -> bool:
            if WRITE_MARK in data.lower():
                wait(True)
            return True

        def answered(_data: bytes) -> bool:
            if waiting and self.trap.catches("before the reply to a write"):
                return False
            wait(False)
            return True

        return asked, answered, lambda: wait(False)


class DatabaseProxy(Proxy):
    """Stands between the server and PostgreSQL and reads their protocol (version 3, no TLS)."""

    def __init__(self, trap: Trap, url: str) -> None:
        super().__init__(trap)
        self._parts = urlsplit(url)

    @property
    def url(self) -> str:
        """The database's URL through this proxy."""
        credentials = self._parts.netloc.rpartition("@")[0]
        netloc = f"{credentials}@127.0.0.1:{self.port}"
        return urlunsplit(self._parts._replace(netloc=netloc, query="sslmode=disable"))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._parts.query).get("host")
        port = self._parts.port or 5432
        if folder:
            return await asyncio.open_unix_connection(f"{unquote(folder[0])}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._parts.hostname, port)

    def _looks(self) -> tuple[Callable[[bytes], bool], Callable[[bytes], bool], Callable[[], None]]:
        talk = _Talk(self.trap)
        return talk.asked, talk.answered, lambda: None


class _Talk:
    """One connection's protocol: what its transaction is for, and when that is committed."""

    def __init__(self, trap: Trap) -> None:
        self._trap = trap
        self._front, self._back = _Messages(begun=False), _Messages(begun=True)
        self._statements: dict[bytes, str] = {}
        self._purpose = ""

    def asked(self, data: bytes) -> bool:
        return all(self._asks(kind, body) for kind, body in self._front.whole(data))

    def answered(self, data: bytes) -> bool:
        return not any(
            kind == b"C"
            and body == b"COMMIT\0"
            and self._trap.catches(f"after the commit of {self._purpose}")
            for kind, body in self._back.whole(data)
        )

    def _asks(self, kind: bytes, body: bytes) -> bool:
        if kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self._statements[name] = next((what for told, what in _TOLD_BY.items() if told in query), "")
        elif kind == b"B":
            name = body.split(b"\0", 2)[1]
            self._purpose = self._statements.get(name) or self._purpose
        elif kind == b"Q" and body.startswith(b"BEGIN"):
            self._purpose = ""
        elif kind == b"Q" and body.startswith(b"COMMIT"):
            return not self._trap.catches(f"before the commit of {self._purpose}")
        return True


class _Messages:
    """Cuts a stream into whole messages; a client's first one has no type."""

    def __init__(self, *, begun: bool) -> None:
        self._begun, self._rest = begun, b""

    def whole(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The messages that are complete now: type and body."""
        self._rest += data
        found: list[tuple[bytes, bytes]] = []
        while True:
            head = 1 if self._begun else 0
            if len(self._rest) < head + 4:
                return found
            end = head + int.from_bytes(self._rest[head : head + 4], "big")
            if len(self._rest) < end:
                return found
            found.append((self._rest[:head], self._rest[head + 4 : end]))
            self._rest, self._begun = self._rest[end:], True
