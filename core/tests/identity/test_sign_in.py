"""Signing in: by password, locked after failures, never telling which logins exist."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import pytest

from gongzhi.clock import VirtualClock
from gongzhi.errors import AccountClosed, CredentialsWrong, TooManyRequests
from gongzhi.identity.attempts import LIMITS, WINDOW, Attempts, address_block
from gongzhi.identity.sign_in import SignIn

from .conftest import PASSWORD, Town

LIMIT = LIMITS["login"]


async def fail(
    sign_in: SignIn, clock: VirtualClock, login: str, times: int = LIMIT, address: str = ""
) -> None:
    for _ in range(times):
        with pytest.raises(CredentialsWrong):
            await sign_in.sign_in(login, "not this one", clock.now(), address=address)


async def test_the_right_password_begins_a_session(town: Town, sign_in: SignIn, clock: VirtualClock) -> None:
    session = await sign_in.sign_in(" WANG ", PASSWORD, clock.now())
    assert (session.actor.login, session.expires_at) == ("wang", clock.now() + timedelta(hours=12))
    assert await sign_in.actor_from_session(session.token, clock.now()) == session.actor
    (leaf,) = await town.leaves()
    assert (leaf.action, leaf.outcome, leaf.rows) == ("sign_in", "done", [])


async def test_a_password_typed_in_full_width_is_the_same(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    full_width = "".join(" " if c == " " else chr(ord(c) + 0xFEE0) for c in PASSWORD)
    assert (await sign_in.sign_in("ｗａｎｇ", full_width, clock.now())).actor.login == "wang"


async def test_neither_password_nor_secret_is_stored(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    session = await sign_in.sign_in("wang", PASSWORD, clock.now())
    async with town.store.unit_of_work() as uow:
        stored = str(await uow.fetch("SELECT * FROM account, web_session"))
    assert PASSWORD not in stored
    assert session.token not in stored
    assert "$argon2id$" in stored


async def test_a_wrong_password_is_refused_and_written_down(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    await fail(sign_in, clock, "wang", times=1)
    assert (await town.account("wang"))["failed_attempts"] == 1
    (leaf,) = await town.leaves()
    assert (leaf.outcome, leaf.code) == ("refused", "credentials_wrong")
    assert [row.table for row in leaf.rows] == ["account"]
    async with town.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM web_session") == 0


async def test_repeated_failures_lock_the_account_for_a_while(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    await fail(sign_in, clock, "wang")
    assert (await town.account("wang"))["locked_until"] == clock.now() + WINDOW
    with pytest.raises(TooManyRequests) as refusal:
        await sign_in.sign_in("wang", PASSWORD, clock.now())
    assert refusal.value.facts == {"seconds": 900}
    clock.advance(WINDOW)
    assert (await sign_in.sign_in("wang", PASSWORD, clock.now())).actor.login == "wang"
    row = await town.account("wang")
    assert (row["failed_attempts"], row["locked_until"]) == (0, None)


async def test_a_success_forgets_the_failures_before_it(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    for _ in range(3):
        await fail(sign_in, clock, "wang", times=LIMIT - 1)
        await sign_in.sign_in("wang", PASSWORD, clock.now())


async def test_a_login_that_nobody_has_answers_like_one_that_somebody_has(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    answers: dict[str, list[tuple[str, object]]] = {"wang": [], "nobody": [], "clinic": []}
    for _ in range(LIMIT + 3):
        clock.advance(timedelta(minutes=1))
        for login, heard in answers.items():
            with pytest.raises((CredentialsWrong, TooManyRequests)) as refusal:
                await sign_in.sign_in(login, "not this one", clock.now())
            heard.append((refusal.value.code, refusal.value.facts.get("seconds")))
    assert answers["wang"] == answers["nobody"] == answers["clinic"]
    assert [code for code, _ in answers["wang"]] == ["credentials_wrong"] * LIMIT + ["too_many_requests"] * 3
    assert answers["wang"][-1] == ("too_many_requests", 720)


async def test_strangers_are_counted_and_not_written_down(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    await fail(sign_in, clock, "nobody", times=2)
    assert await town.counts() == {"credentials_wrong": 2}
    assert await town.leaves() == []


async def test_an_address_that_fails_for_many_logins_is_locked(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    attempts = Attempts(town.store.keys.secret("sign_in"))
    async with town.store.unit_of_work() as uow:
        for _ in range(LIMITS["address"] - 1):
            await attempts.fail(uow, "address", "198.51.100.7", clock.now())
    await fail(sign_in, clock, "nobody", times=1, address="198.51.100.7")
    with pytest.raises(TooManyRequests):
        await sign_in.sign_in("wang", PASSWORD, clock.now(), address="198.51.100.7")
    await sign_in.sign_in("wang", PASSWORD, clock.now(), address="198.51.100.8")


async def test_guesses_from_many_addresses_lock_the_account_all_the_same(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    for n in range(LIMIT):
        await fail(sign_in, clock, "wang", times=1, address=f"198.51.100.{n}")
    with pytest.raises(TooManyRequests):
        await sign_in.sign_in("wang", PASSWORD, clock.now(), address="203.0.113.9")


async def test_guesses_at_the_same_time_do_not_outrun_the_limit(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    guesses = [sign_in.sign_in("wang", f"guess number {n}", clock.now()) for n in range(20)]
    heard = await asyncio.gather(*guesses, return_exceptions=True)
    tried = sum(isinstance(answer, CredentialsWrong) for answer in heard)
    assert LIMIT <= tried <= LIMIT + (os.cpu_count() or 1) - 1
    assert tried + sum(isinstance(answer, TooManyRequests) for answer in heard) == 20


async def test_a_closed_account_is_told_so_only_after_the_right_password(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    async with town.store.unit_of_work() as uow:
        await town.directory.account_disable(uow, "wang", clock.now())
    await fail(sign_in, clock, "wang", times=1)
    with pytest.raises(AccountClosed):
        await sign_in.sign_in("wang", PASSWORD, clock.now())
    assert [(leaf.outcome, leaf.code) for leaf in await town.leaves()] == [
        ("refused", "credentials_wrong"),
        ("refused", "account_closed"),
    ]


async def test_a_demo_account_needs_no_password_and_no_other_account_goes_without(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    session = await sign_in.demo_sign_in("demo-li", clock.now())
    assert (session.actor.name, session.actor.language) == ("李宁", "en")
    for login in ("wang", "clinic", "nobody"):
        with pytest.raises(CredentialsWrong):
            await sign_in.demo_sign_in(login, clock.now())
    with pytest.raises(CredentialsWrong):
        await sign_in.sign_in("demo-li", "", clock.now())


async def test_a_new_password_opens_a_locked_account(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    await fail(sign_in, clock, "wang", times=1)
    async with town.store.unit_of_work() as uow:
        await town.directory.password_set(uow, "wang", "another good one")
    with pytest.raises(CredentialsWrong):
        await sign_in.sign_in("wang", PASSWORD, clock.now())
    assert (await sign_in.sign_in("wang", "another good one", clock.now())).actor.login == "wang"


async def test_old_counters_go(town: Town, sign_in: SignIn, clock: VirtualClock) -> None:
    await fail(sign_in, clock, "nobody", times=1, address="198.51.100.7")
    clock.advance(WINDOW)
    await fail(sign_in, clock, "somebody", times=1, address="198.51.100.8")
    async with town.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM sign_in_attempt") == 2


@pytest.mark.parametrize(
    ("host", "block"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_by_what_its_owner_can_not_change(host: str, block: str) -> None:
    assert address_block(host) == block
