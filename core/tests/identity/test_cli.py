"""`gongzhi organ …` and `gongzhi account …` as an operator uses them, through the program's own front door."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog

from gongzhi.audit.log import AuditLog
from gongzhi.audit.scan import scan
from gongzhi.audit.sequencer import Sequencer
from gongzhi.cli import main
from gongzhi.clock import SystemClock
from gongzhi.errors import CredentialsWrong, TokenStale, TooManyRequests
from gongzhi.identity.pace import Pace
from gongzhi.identity.sign_in import SignIn
from gongzhi.store import Store
from gongzhi.trail import AuditJournal

from .conftest import PASSWORD, Town

pytestmark = pytest.mark.anyio

POLICE = ("--name", "安吉县公安局", "--type", "police", "--region", "330523")
OFFICER = ("--organ", "安吉县公安局", "--name", "王安", "--title", "民警", "--duty", "handler")
TABLES = ("organ", "person", "post", "account", "audit_pending")


@dataclass(frozen=True)
class Said:
    """What a command answered: its exit code and what it printed, line by line."""

    code: int
    out: list[str]
    error: list[str]


@dataclass(frozen=True)
class Shell:
    """Runs `gongzhi` on one store, each command with a loop of its own, as a process would."""

    store: Store
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> Said:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self.capsys.readouterr()
        code = await asyncio.to_thread(main, arguments)
        printed = self.capsys.readouterr()
        return Said(code, printed.out.splitlines(), printed.err.splitlines())

    async def counts(self) -> list[int]:
        """How many rows there are that a command may write."""
        async with self.store.unit_of_work() as uow:
            return [await uow.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]


@pytest.fixture
def gongzhi(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    monkeypatch.setenv("GONGZHI_HOME", str(store.home))
    monkeypatch.setenv("GONGZHI_DATABASE_URL", store.database_url)
    yield Shell(store, capsys, monkeypatch)
    structlog.reset_defaults()  # `main` lets logs go to the standard error of this test


async def test_from_an_empty_store_to_somebody_who_signs_in(gongzhi: Shell, sign_in: SignIn) -> None:
    (row,) = (await gongzhi("organ", "add", *POLICE, "--code-word", "安公")).out
    organ_id, *rest = row.split("\t")
    assert rest == ["330523", "police", "county", "-", "安公", "安吉县公安局"]
    opened = await gongzhi(
        "account", "add", "Wang", *OFFICER, "--password-stdin", stdin=f"{PASSWORD}\n".encode()
    )
    assert opened == Said(0, ["账号 wang 已开通 · account wang is open"], [])
    session = await sign_in.sign_in("wang", PASSWORD, datetime.now(UTC))
    assert str(session.actor.organ.id) == organ_id
    assert (session.actor.name, session.actor.title) == ("王安", "民警")
    assert session.actor.duties == {"handler"}


async def test_every_change_is_in_the_audit_log_and_names_no_actor(gongzhi: Shell) -> None:
    secret = f"{PASSWORD}\n".encode()
    await gongzhi("organ", "add", *POLICE)
    await gongzhi("account", "add", "wang", *OFFICER, "--password-stdin", stdin=secret)
    await gongzhi("account", "add-service", "records", "--organ", "安吉县公安局")
    await gongzhi("account", "password", "wang", "--password-stdin", stdin=secret)
    await gongzhi("account", "close", "wang")
    await gongzhi("account", "open", "wang")
    await Sequencer(gongzhi.store, SystemClock()).drain()
    log = AuditLog(gongzhi.store)
    found = await scan(gongzhi.store, log)
    assert (found.findings, found.checkpoint.size, found.rows) == ((), 6, 5)


async def test_what_the_log_says_of_a_change(gongzhi: Shell, town: Town) -> None:
    await gongzhi("account", "close", "wang")
    (entry,) = await town.leaves()
    assert (entry.namespace, entry.action, entry.outcome) == ("identity", "close_account", "done")
    assert (entry.actor, entry.region) == (None, "330523")
    assert [(row.table, row.id) for row in entry.rows] == [("account", town.wang)]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("organ", "add", *POLICE, "--type", "circus"), "invalid_input"),
        (("organ", "add", *POLICE, "--region", "339999"), "no_such_region"),
        (("organ", "add", *POLICE, "--level", "galaxy"), "invalid_input"),
        (("organ", "add", *POLICE, "--uscc", "11330523002612345X"), "invalid_input"),
        (("organ", "add", *POLICE, "--name", "  "), "invalid_input"),
        (("organ", "add", *POLICE, "--name", "安吉\t公安"), "invalid_input"),
        (("organ", "add", *POLICE, "--name", "\udcff"), "invalid_input"),
        (("organ", "list", "339999"), "no_such_region"),
        (("account", "add", "zhao", *OFFICER, "--organ", "不存在"), "not_found"),
        (("account", "add", "zhao", *OFFICER, "--duty", "king"), "invalid_input"),
        (("account", "add", "zhao", *OFFICER, "--duty", "audit_admin"), "duties_exclude"),
        (("account", "add", "zhao", *OFFICER, "--name", " "), "invalid_input"),
        (("account", "add", "zhao", *OFFICER, "--title", " "), "invalid_input"),
        (("account", "add", "z", *OFFICER), "invalid_input"),
        (("account", "add", "wang", *OFFICER), "already_exists"),
        (("account", "add-service", "clinic", "--organ", "湖州市第一人民医院"), "already_exists"),
        (("account", "password", "nobody"), "not_found"),
        (("account", "password", "clinic"), "invalid_input"),
        (("account", "close", "nobody"), "not_found"),
        (("account", "open", "nobody"), "not_found"),
    ],
)
@pytest.mark.usefixtures("town")
async def test_what_does_not_fit_is_refused_with_a_remedy_and_nothing_is_stored(
    gongzhi: Shell, arguments: tuple[str, ...], code: str
) -> None:
    before = await gongzhi.counts()
    piped = ("--password-stdin",) if arguments[1] in ("add", "password") and arguments[0] == "account" else ()
    said = await gongzhi(*arguments, *piped, stdin=f"{PASSWORD}\n".encode())
    assert (said.code, said.out) == (1, [])
    assert [line.partition(":")[0] for line in said.error] == [code, code]
    assert await gongzhi.counts() == before


@pytest.mark.parametrize(
    "secret", [b"", b"short\n", b"zhao-2026-03\n", b"\xff\xfe clear water\n", b"clear\0water 7\n"]
)
@pytest.mark.usefixtures("town")
async def test_a_password_that_is_none_is_refused_and_never_shown(gongzhi: Shell, secret: bytes) -> None:
    before = await gongzhi.counts()
    said = await gongzhi("account", "add", "zhao", *OFFICER, "--password-stdin", stdin=secret)
    assert (said.code, said.out) == (1, [])
    assert [line.partition(":")[0] for line in said.error] == ["invalid_input", "invalid_input"]
    assert not secret.strip() or secret.strip().decode(errors="replace") not in "\n".join(said.error)
    assert await gongzhi.counts() == before


@pytest.mark.usefixtures("town")
async def test_without_a_terminal_the_password_has_to_be_piped_in(gongzhi: Shell) -> None:
    said = await gongzhi("account", "add", "zhao", *OFFICER, stdin=b"clear water 7\n")
    assert said.code == 1
    assert "--password-stdin" in said.error[1]


@pytest.mark.parametrize(("again", "code"), [(b"brook and stone\n", 0), (b"another brook\n", 1)])
@pytest.mark.usefixtures("gongzhi")
async def test_a_terminal_is_asked_twice_and_shows_nothing(
    town: Town, sign_in: SignIn, again: bytes, code: int
) -> None:
    answers = [b"brook and stone\n", again]
    assert await asyncio.to_thread(typed, ["account", "password", "wang"], answers) == (code, b".")
    given = sign_in.sign_in("wang", "brook and stone", datetime.now(UTC))
    if code:
        with pytest.raises(CredentialsWrong):
            await given
    else:
        assert (await given).actor.account_id == town.wang


def typed(arguments: list[str], answers: list[bytes]) -> tuple[int, bytes]:
    """The exit code of the program on a terminal where somebody types, and what the terminal showed of it."""
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "gongzhi.cli", *arguments]
    # A session of its own, so that it does not ask on the terminal of whoever runs the tests.
    with subprocess.Popen(
        command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        assert running.stderr is not None
        for answer in answers:
            while running.stderr.read(1) != b":":
                assert running.poll() is None
            os.write(keyboard, answer)
        running.communicate(timeout=60)
    os.write(terminal, b".")  # so that there is something to read
    shown = os.read(keyboard, 1000)
    os.close(keyboard)
    os.close(terminal)
    return running.returncode, shown


async def test_a_new_password_ends_sessions_and_the_old_one(
    gongzhi: Shell, town: Town, sign_in: SignIn
) -> None:
    now = datetime.now(UTC)
    session = await sign_in.sign_in("wang", PASSWORD, now)
    said = await gongzhi("account", "password", "wang", "--password-stdin", stdin=b"brook and stone\r\n")
    assert said.code == 0
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, now)
    with pytest.raises(CredentialsWrong):
        await sign_in.sign_in("wang", PASSWORD, now)
    assert (await sign_in.sign_in("wang", "brook and stone", now)).actor.account_id == town.wang


@pytest.mark.parametrize("command", [("open", "wang"), ("password", "wang", "--password-stdin")])
async def test_somebody_locked_out_by_wrong_passwords_can_be_let_in(
    gongzhi: Shell, town: Town, command: tuple[str, ...]
) -> None:
    journal = AuditJournal(AuditLog(town.store))
    sign_in = SignIn(store=town.store, journal=journal, secret=town.store.keys.secret("csrf"), pace=Pace(100))
    now = datetime.now(UTC)
    for _ in range(5):
        with pytest.raises(CredentialsWrong):
            await sign_in.sign_in("wang", "who knows 123", now)
    with pytest.raises(TooManyRequests):
        await sign_in.sign_in("wang", PASSWORD, now)
    assert (await gongzhi("account", *command, stdin=f"{PASSWORD}\n".encode())).code == 0
    assert (await sign_in.sign_in("wang", PASSWORD, now)).actor.account_id == town.wang


async def test_what_a_closed_account_held_stays_void_when_it_is_opened_again(
    gongzhi: Shell, town: Town, sign_in: SignIn
) -> None:
    now = datetime.now(UTC)
    session = await sign_in.sign_in("wang", PASSWORD, now)
    async with town.store.unit_of_work() as uow:
        bearer = await sign_in.issue_token(uow, "wang", now, timedelta(days=1))
    assert (await gongzhi("account", "close", "wang")).code == 0
    assert (await gongzhi("account", "open", "wang")).code == 0
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, now)
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, now)
    assert (await sign_in.sign_in("wang", PASSWORD, now)).actor.account_id == town.wang


@pytest.mark.usefixtures("town")
async def test_the_accounts_are_listed_with_their_posts_and_whether_they_are_open(gongzhi: Shell) -> None:
    await gongzhi("account", "close", "demo-li")
    async with gongzhi.store.unit_of_work() as uow:
        until = datetime.now(UTC) + timedelta(minutes=5)
        await uow.execute("UPDATE account SET locked_until = $1 WHERE login = 'wang'", until)
    assert (await gongzhi("account", "list")).out == [
        "clinic\tservice\topen\t湖州市第一人民医院\t-\t-\t-\t-",
        "demo-li\tperson\tclosed\t安吉县公安局\tcriminal\t李宁\t副大队长\thandler",
        "wang\tperson\tlocked\t安吉县公安局\tcriminal\t王安\t民警\thandler",
        "3 个账号 · 3 accounts",
    ]


async def test_the_organs_of_a_division_and_below_are_listed(gongzhi: Shell, town: Town) -> None:
    police = f"{town.police.id}\t330523\tpolice\tcounty\t-\t安公\t安吉县公安局"
    hospital = f"{town.hospital.id}\t330502\thospital\tcity\t-\t-\t湖州市第一人民医院"
    assert (await gongzhi("organ", "list", "330523")).out == [police, "1 个单位 · 1 organ"]
    for arguments in ((), ("330500",), ("330000",)):
        assert (await gongzhi("organ", "list", *arguments)).out == [hospital, police, "2 个单位 · 2 organs"]


async def test_an_organ_whose_name_another_has_is_given_by_its_id(gongzhi: Shell, town: Town) -> None:
    await gongzhi("organ", "add", *POLICE)
    said = await gongzhi("account", "add-service", "records", "--organ", town.police.name)
    assert (said.code, said.error[1].partition(":")[0]) == (1, "invalid_input")
    assert (await gongzhi("account", "add-service", "records", "--organ", str(town.police.id))).code == 0
    row: dict[str, Any] = await town.account("records")
    assert row["organ_id"] == town.police.id
