"""An auditor verifies the log from outside, and finds whatever was changed behind its back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Any

import pytest

from gongzhi.audit.scan import scan
from gongzhi.audit.sources import UrlSource
from gongzhi.audit.verify import Verified, verify_log

from ..conftest import DemoServer
from .people import Clinic, Person, letters_arrive


@pytest.fixture(autouse=True)
def auditor_token(demo_server: DemoServer) -> None:
    """Issue the auditor's token before anything runs on the server's loop."""
    demo_server.client("auditor").close()


def on_server(demo: DemoServer, work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on the server's loop."""
    return asyncio.run_coroutine_threadsafe(work, demo.loop).result(60)


async def verified(demo: DemoServer) -> Verified:
    await demo.application.sequencer.drain()
    source = UrlSource(url=f"{demo.base_url}/audit", token=demo.tokens["auditor"])
    return await verify_log(source, demo.application.host.audit.public_key)


async def findings(demo: DemoServer) -> list[str]:
    await demo.application.sequencer.drain()
    host = demo.application.host
    return [str(finding) for finding in (await scan(host.store, host.audit)).findings]


def test_an_auditor_verifies_every_entry_over_http(demo_server: DemoServer, reported: str) -> None:
    before = on_server(demo_server, verified(demo_server)).checkpoint
    Person(demo_server, "police").case(reported)
    after = on_server(demo_server, verified(demo_server)).checkpoint
    assert after.size > before.size
    assert after.root != before.root


@pytest.mark.parametrize("who", ["police", "procurator", "supervisor", "admin"])
def test_entries_are_for_audit_administrators_only(demo_server: DemoServer, reported: str, who: str) -> None:
    bundle, last = divmod(on_server(demo_server, verified(demo_server)).checkpoint.size - 1, 256)
    address = f"/audit/tile/entries/{bundle:03}" + ("" if last == 255 else f".p/{last + 1}")
    with demo_server.client("auditor") as http:
        assert http.get(address).status_code == 200
    with demo_server.client(who) as http:
        assert http.get("/audit/checkpoint").status_code == 200
        refused = http.get(address)
        assert (refused.status_code, refused.json()["code"]) == (403, "action_not_allowed")


def test_an_auditor_sees_the_log_and_no_case(demo_server: DemoServer, reported: str) -> None:
    auditor = Person(demo_server, "auditor")
    assert not auditor.sees(reported)
    assert auditor.ask("{ cases { nodes { id } } }")["cases"]["nodes"] == []


def test_nothing_personal_is_in_the_log(demo_server: DemoServer, clinic: Clinic, police: Person) -> None:
    (card,) = clinic.opens_record(name="张独一无二")
    clinic.accepts(card)
    letters_arrive(police, card["uuid"])
    on_server(demo_server, verified(demo_server))

    async def bundles() -> bytes:
        async with demo_server.application.host.store.unit_of_work() as uow:
            return b"".join(row["entries"] for row in await uow.fetch("SELECT entries FROM audit_bundle"))

    entries: bytes = on_server(demo_server, bundles())
    for personal in ("张独一无二", "2011-09-01", "挫伤"):
        assert personal.encode() not in entries


def test_a_row_changed_in_sql_is_found(demo_server: DemoServer, reported: str) -> None:
    assert on_server(demo_server, findings(demo_server)) == []

    async def change(closed: str) -> None:
        async with demo_server.application.host.store.unit_of_work() as uow:
            await uow.execute(
                f"UPDATE cases SET closed_at = {closed} WHERE id = $1",
                uuid.UUID(reported),
            )

    on_server(demo_server, change("now()"))
    try:
        (found,) = on_server(demo_server, findings(demo_server))
        assert reported in found
    finally:
        on_server(demo_server, change("NULL"))
    assert on_server(demo_server, findings(demo_server)) == []
