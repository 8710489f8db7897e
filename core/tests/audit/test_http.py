"""The log over HTTP: tlog-tiles addresses, who may read what, and verification from a URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from litestar import Litestar, Response

from gongzhi.audit import AuditLog, Leaf, Sequencer
from gongzhi.audit.http import audit_handlers
from gongzhi.audit.leaf import read_entry
from gongzhi.audit.notes import open_checkpoint
from gongzhi.audit.sources import DatabaseSource, UrlSource
from gongzhi.audit.tiles import tiles_of, unpack_entries
from gongzhi.audit.verify import verify_log
from gongzhi.clock import VirtualClock
from gongzhi.errors import (
    ActionNotAllowed,
    AuditBroken,
    AuditUnreachable,
    GongzhiError,
    InvalidInput,
    NoSuchThing,
    SignInRequired,
)
from gongzhi.identity.apps.bearers import AppCredentials
from gongzhi.identity.directory import Directory
from gongzhi.identity.pace import Pace
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.sign_in import SignIn
from gongzhi.settings import Settings
from gongzhi.store import Store
from gongzhi.trail import AuditJournal

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
SIZE = 700
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


@dataclass(frozen=True, kw_only=True)
class Doors:
    """A host with nothing but the audit log mounted, and the bearer tokens of two people."""

    settings: Settings
    clock: VirtualClock
    store: Store
    tree: RegionTree
    directory: Directory
    sign_in: SignIn
    apps: AppCredentials
    audit: AuditLog

    @property
    def asgi(self) -> Any:
        def reply(_request: object, error: GongzhiError) -> Response[dict[str, str]]:
            return Response(error.reply(), status_code=error.status)

        return Litestar(
            route_handlers=audit_handlers(self), exception_handlers={GongzhiError: reply}, openapi_config=None
        )

    def client(self) -> httpx.AsyncClient:
        """A client in this event loop, to which the store's connections belong."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.asgi), base_url="http://127.0.0.1")

    async def token(self, duty: str) -> str:
        """A bearer token of a newcomer with one duty."""
        async with self.store.unit_of_work() as uow:
            organ = await self.directory.organ_add(
                uow,
                name="安吉县人民检察院",
                name_en="Anji procuratorate",
                type="procuratorate",
                level="county",
                region="330523",
                valid_from=date(2020, 1, 1),
            )
            person = await self.directory.person_add(uow, name="某人")
            post = await self.directory.post_add(
                uow,
                person_id=person,
                organ_id=organ.id,
                title="干警",
                duties=[duty],
                valid_from=date(2020, 1, 1),
            )
            login = f"{duty.replace('_', '-')}-1"
            await self.directory.account_add(uow, login=login, post_id=post)
            return await self.sign_in.issue_token(uow, login, NOW, timedelta(days=1))


@pytest.fixture
async def doors(store: Store) -> Doors:
    """A log of 700 entries behind HTTP."""
    audit, tree, clock = AuditLog(store), RegionTree.load(), VirtualClock(NOW)
    async with store.unit_of_work() as uow:
        for number in range(SIZE):
            await audit.append(uow, replace(LEAF, action=f"act_{number}"))
    await Sequencer(store, clock).drain()
    return Doors(
        settings=Settings(home=Path()),
        clock=clock,
        store=store,
        tree=tree,
        directory=Directory(tree),
        sign_in=SignIn(store=store, journal=AuditJournal(audit), secret=bytes(32), pace=Pace(100)),
        apps=AppCredentials(store=store, journal=AuditJournal(audit), secret=bytes(32)),
        audit=audit,
    )


@asynccontextmanager
async def served(doors: Doors) -> AsyncIterator[str]:
    """The log's prefix on a real socket."""
    server = uvicorn.Server(uvicorn.Config(doors.asgi, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}/audit"
    finally:
        server.should_exit = True
        await serving


async def test_the_checkpoint_is_text_and_soon_stale(doors: Doors) -> None:
    """C2SP tlog-tiles, Checkpoints."""
    async with doors.client() as client:
        reply = await client.get("/audit/checkpoint")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["cache-control"] == "max-age=1"
    assert open_checkpoint(reply.content, doors.audit.public_key).size == SIZE


async def test_tiles_are_for_everybody_and_for_ever(doors: Doors) -> None:
    """Each at its address, with its exact bytes; a partial tile is the beginning of what is there now."""
    async with doors.client() as client:
        for tile in tiles_of(SIZE):
            if tile.kind == "hashes":
                reply = await client.get(f"/audit/{tile.path}")
                assert reply.status_code == 200
                assert len(reply.content) == tile.width * 32
                assert reply.headers["content-type"] == "application/octet-stream"
                assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
        full = (await client.get("/audit/tile/0/001")).content
        assert (await client.get("/audit/tile/0/001.p/7")).content == full[: 7 * 32]


@pytest.mark.parametrize(
    "address",
    [
        "tile/0/003",
        "tile/0/002",
        "tile/0/002.p/189",
        "tile/1/000",
        "tile/2/000.p/1",
        "tile/0/2",
        "tile/0",
        "x",
    ],
)
async def test_what_is_not_in_the_log_is_not_found(doors: Doors, address: str) -> None:
    """Beyond the end, wider than the last tile, or spelt another way."""
    async with doors.client() as client:
        assert (await client.get(f"/audit/{address}")).status_code == 404


async def test_entries_are_for_audit_administrators(doors: Doors) -> None:
    """Nobody else: a stranger must sign in, a known actor is refused, and that refusal is an entry."""
    auditor, handler = await doors.token("audit_admin"), await doors.token("handler")
    async with doors.client() as client:

        async def get(path: str, token: str | None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return await client.get(f"/audit/tile/entries/{path}", headers=headers)

        reply = await get("002.p/188", auditor)
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "private, max-age=31536000, immutable"
        entries = unpack_entries(reply.content, where="")
        assert [e.action for e in map(read_entry, entries) if e] == [f"act_{n}" for n in range(512, SIZE)]
        assert (await get("001", None)).status_code == 401
        assert (await get("001", "nonsense")).status_code == 401
        assert (await get("001", handler)).status_code == 403
        assert (await get("003", handler)).status_code == 403
        assert (await get("003", auditor)).status_code == 404
    async with doors.store.unit_of_work() as uow:
        waiting = await uow.fetch("SELECT leaf FROM audit_pending ORDER BY id")
    refused = [e for e in (read_entry(row["leaf"]) for row in waiting) if e and e.namespace == "audit"]
    assert [(e.action, e.outcome, e.code) for e in refused] == [
        ("read_entries", "refused", "action_not_allowed")
    ] * 2


async def test_a_log_verifies_from_its_url(doors: Doors) -> None:
    """With an audit administrator's token whole, with none by tiles only; the key comes from elsewhere."""
    key, auditor = doors.audit.public_key, await doors.token("audit_admin")
    async with served(doors) as url:
        whole = await verify_log(UrlSource(url=url, token=auditor), key)
        assert (whole.checkpoint.size, whole.entries_read) == (SIZE, True)
        tiles = await verify_log(UrlSource(url=url + "/"), key, read_entries=False)
        assert (tiles.checkpoint, tiles.entries_read) == (whole.checkpoint, False)
        with pytest.raises(SignInRequired):
            await verify_log(UrlSource(url=url), key)
        handler = await doors.token("handler")
        with pytest.raises(ActionNotAllowed) as refused:
            await verify_log(UrlSource(url=url, token=handler), key)
        assert "Your post may not read audit entries" in refused.value.message("en")
        async with doors.store.unit_of_work() as uow:
            await uow.execute("UPDATE audit_bundle SET entries = set_byte(entries, 99, 0) WHERE index = 1")
        with pytest.raises(AuditBroken) as found:
            await verify_log(UrlSource(url=url, token=auditor), key)
        assert found.value.where == "tile/0/001"
        with pytest.raises(NoSuchThing):
            await UrlSource(url=url.replace("/audit", "/nothing")).checkpoint()
    with pytest.raises(AuditUnreachable) as nobody:
        await UrlSource(url=url).checkpoint()
    assert f"No audit log can be read at {url}" in nobody.value.message("en")
    with pytest.raises(InvalidInput):
        UrlSource(url="file:///etc/passwd")


async def test_a_source_does_not_follow_redirects(doors: Doors) -> None:
    """A redirect would carry the auditor's token to whoever it names."""

    async def redirect(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", b"/audit/x")]})  # type: ignore[operator]
        await send({"type": "http.response.body"})  # type: ignore[operator]

    server = uvicorn.Server(uvicorn.Config(redirect, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    with pytest.raises(AuditUnreachable):
        await UrlSource(url=f"http://{host}:{port}", token="secret").checkpoint()
    server.should_exit = True
    await serving


async def test_the_database_and_http_give_the_same_bytes(doors: Doors) -> None:
    """One port, three adapters; the folder's is compared in the tests of the export."""
    auditor = await doors.token("audit_admin")
    async with served(doors) as url, doors.store.unit_of_work() as uow:
        ours, theirs = DatabaseSource(connection=uow.connection), UrlSource(url=url, token=auditor)
        assert await ours.checkpoint() == await theirs.checkpoint()
        for tile in tiles_of(SIZE):
            assert await ours.read(tile) == await theirs.read(tile)
