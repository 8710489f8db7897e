"""`gongzhi app …` as an operator uses it, through the program's own front door."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
import structlog

from gongzhi.audit.log import AuditLog
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.cli import main
from gongzhi.clock import SystemClock
from gongzhi.errors import AppWithdrawn, SignInRequired
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.granting import Granting
from gongzhi.trail import AuditJournal

from .conftest import Town

CLINIC = (
    *("--name", "诊所网页", "--organ", "湖州市第一人民医院", "--redirect", "https://clinic.example/back"),
    *("--origin", "https://clinic.example", "--scope", "inbox:read"),
)

Shell: TypeAlias = Callable[..., Awaitable[tuple[int, list[str], str]]]


@pytest.fixture
def gongzhi(town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs `gongzhi` on the town's store; answers the exit code, what was printed by line, and the error."""
    monkeypatch.setenv("GONGZHI_HOME", str(town.store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", town.store.database_url)

    async def run(*arguments: str) -> tuple[int, list[str], str]:
        capsys.readouterr()
        code = await asyncio.to_thread(main, arguments)
        structlog.reset_defaults()
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return run


def granting(town: Town) -> Granting:
    journal = AuditJournal(AuditLog(town.store))
    return Granting(store=town.store, journal=journal, secret=bytes(32))


def told(lines: list[str]) -> dict[str, str]:
    return dict(line.split("\t") for line in lines if "\t" in line)


async def test_an_app_is_registered_renewed_and_revoked(gongzhi: Shell, town: Town) -> None:
    code, lines, _ = await gongzhi("app", "register", "--kind", "confidential", *CLINIC)
    first = told(lines)
    assert (code, set(first)) == (0, {"client_id", "client_secret", "practice_key"})
    now, apps = SystemClock().now(), granting(town)
    app = await apps.client(first["client_id"], first["client_secret"])
    assert (app.name.zh, app.organ.zh, app.origins) == (
        "诊所网页",
        "湖州市第一人民医院",
        ("https://clinic.example",),
    )
    practising = (await apps.admit(first["practice_key"], None, now)).outcome
    assert isinstance(practising, Actor)
    assert (practising.practice, practising.organ.id) == (True, town.hospital.id)

    second = told((await gongzhi("app", "renew", first["client_id"]))[1])
    assert second["client_secret"] != first["client_secret"]
    assert isinstance((await apps.admit(first["practice_key"], None, now)).outcome, SignInRequired)
    assert isinstance((await apps.admit(second["practice_key"], None, now)).outcome, Actor)

    assert (await gongzhi("app", "revoke", first["client_id"]))[0] == 0
    assert await apps.app(first["client_id"]) is None
    assert isinstance((await apps.admit(second["practice_key"], None, now)).outcome, AppWithdrawn)
    listed = (await gongzhi("app", "list"))[1]
    assert listed[0].split("\t")[:2] == [first["client_id"], "revoked"]
    assert listed[-1] == "1 个应用 · 1 app"
    code, _, error = await gongzhi("app", "revoke", first["client_id"])
    assert (code, "not_found" in error) == (1, True)


async def test_each_change_is_on_record_and_the_tables_equal_the_log(gongzhi: Shell, town: Town) -> None:
    client_id = told((await gongzhi("app", "register", "--kind", "public", *CLINIC))[1])["client_id"]
    await gongzhi("app", "renew", client_id)
    await gongzhi("app", "revoke", client_id)
    leaves = [leaf for leaf in await town.leaves() if leaf.action.endswith("_app")]
    assert [leaf.action for leaf in leaves] == ["register_app", "renew_app", "revoke_app"]
    assert {(leaf.actor, leaf.region, leaf.rows[0].table) for leaf in leaves} == {(None, "330502", "app")}
    sequencer = Sequencer(town.store, SystemClock())
    await sequencer.drain()
    async with town.store.unit_of_work() as uow:
        await uow.execute("UPDATE app SET origins = ARRAY['https://evil.example']")
    report = await scan(town.store, AuditLog(town.store))
    assert [(finding.table, str(finding.id)) for finding in report.findings if finding.table == "app"] == [
        ("app", client_id)
    ]


async def test_what_cannot_be_registered_is_refused_with_its_place(gongzhi: Shell, town: Town) -> None:
    code, _, error = await gongzhi("app", "register", "--kind", "public", *CLINIC, "--scope", "audit:read")
    assert (code, "invalid_input" in error, "/scopes/0" in error) == (1, True, True)
    async with town.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM app") == 0


async def test_the_scopes_are_listed_in_words(gongzhi: Shell) -> None:
    lines = (await gongzhi("app", "scopes"))[1]
    assert lines[0].startswith("inbox:read\t")
    assert any(line.startswith("minor_protection:report\t") for line in lines)
    assert not any(line.startswith("administration:") for line in lines)
