"""Sessions and bearer tokens: they end by age, idleness and revocation, at once and everywhere."""

from __future__ import annotations

import asyncio
from contextvars import Context
from datetime import date, timedelta
from typing import cast
from uuid import UUID

import pytest

from gongzhi.clock import VirtualClock
from gongzhi.errors import (
    AccountClosed,
    CredentialsWrong,
    CrossSiteRequest,
    InvalidInput,
    NoSuchThing,
    SignInRequired,
    TokenStale,
)
from gongzhi.identity.attempts import LIMITS
from gongzhi.identity.client_secrets import TOKEN_LASTS, find_client, make_secret
from gongzhi.identity.sessions import ABSOLUTE, IDLE
from gongzhi.identity.sign_in import SignIn
from gongzhi.identity.tokens import issue_token

from .conftest import PASSWORD, Town

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


async def a_token(town: Town, sign_in: SignIn, clock: VirtualClock, login: str = "clinic") -> str:
    async with town.store.unit_of_work() as uow:
        return await sign_in.issue_token(uow, login, clock.now(), DAY)


async def test_a_session_in_use_lasts_a_working_day(town: Town, sign_in: SignIn, clock: VirtualClock) -> None:
    token = (await sign_in.sign_in("wang", PASSWORD, clock.now())).token
    end = clock.now() + ABSOLUTE
    while clock.now() + IDLE - MINUTE < end:
        clock.advance(IDLE - MINUTE)
        await sign_in.actor_from_session(token, clock.now())
    clock.set(end)
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(token, clock.now())


async def test_an_idle_session_ends(town: Town, sign_in: SignIn, clock: VirtualClock) -> None:
    token = (await sign_in.sign_in("wang", PASSWORD, clock.now())).token
    clock.advance(IDLE)
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(token, clock.now())


async def test_signing_out_ends_the_session_at_once_and_that_one_only(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    first = await sign_in.sign_in("wang", PASSWORD, clock.now())
    second = await sign_in.sign_in("wang", PASSWORD, clock.now())
    await sign_in.sign_out(first.token, clock.now())
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(first.token, clock.now())
    assert (await sign_in.actor_from_session(second.token, clock.now())).login == "wang"
    await sign_in.sign_out(first.token, clock.now())
    await sign_in.sign_out("never was", clock.now())
    assert [leaf.action for leaf in await town.leaves()] == ["sign_in", "sign_in", "sign_out", "authenticate"]


async def test_a_session_nobody_began_asks_to_sign_in(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    with pytest.raises(SignInRequired):
        await sign_in.actor_from_session("never was", clock.now())
    assert (await town.leaves(), await town.counts()) == ([], {"sign_in_required": 1})


async def test_a_sessions_second_secret_is_compared_where_it_is_asked_for(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    session = await sign_in.sign_in("wang", PASSWORD, clock.now())
    assert await sign_in.actor_from_session(session.token, clock.now(), csrf=session.csrf)
    for csrf in ("", "不对", session.token):
        with pytest.raises(CrossSiteRequest):
            await sign_in.actor_from_session(session.token, clock.now(), csrf=csrf)


async def test_a_bearer_token_stands_for_its_account_until_it_expires(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    bearer = await a_token(town, sign_in, clock)
    assert (await sign_in.actor_from_token(bearer, clock.now())).login == "clinic"
    clock.advance(DAY)
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, clock.now())
    assert [(leaf.action, leaf.outcome, leaf.code) for leaf in await town.leaves()] == [
        ("issue_token", "done", ""),
        ("authenticate", "refused", "token_stale"),
    ]


async def test_revoking_ends_sessions_and_tokens_at_once(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    session = await sign_in.sign_in("wang", PASSWORD, clock.now())
    bearer = await a_token(town, sign_in, clock, "wang")
    other = await a_token(town, sign_in, clock)
    async with town.store.unit_of_work() as uow:
        await sign_in.revoke(uow, "wang", clock.now())
    with pytest.raises(TokenStale):
        await sign_in.actor_from_session(session.token, clock.now())
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, clock.now())
    assert (await sign_in.actor_from_token(other, clock.now())).login == "clinic"


@pytest.mark.parametrize("end", ["account", "post"])
async def test_a_closed_account_is_refused_whatever_it_holds(
    town: Town, sign_in: SignIn, clock: VirtualClock, end: str
) -> None:
    session = await sign_in.sign_in("wang", PASSWORD, clock.now())
    bearer = await a_token(town, sign_in, clock, "wang")
    async with town.store.unit_of_work() as uow:
        if end == "account":
            await town.directory.account_disable(uow, "wang", clock.now())
        else:
            await town.directory.post_end(uow, town.wang_post, valid_to=date(2026, 11, 23))
    with pytest.raises(AccountClosed):
        await sign_in.actor_from_session(session.token, clock.now())
    with pytest.raises(AccountClosed):
        await sign_in.actor_from_token(bearer, clock.now())
    with pytest.raises(AccountClosed):
        await a_token(town, sign_in, clock, "wang")


async def test_a_client_that_never_stops_trying_does_not_fill_the_log(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    bearer = await a_token(town, sign_in, clock)
    clock.advance(DAY)
    for _ in range(LIMITS["token"] + 5):
        with pytest.raises(TokenStale):
            await sign_in.actor_from_token(bearer, clock.now())
    assert len(await town.leaves()) == 1 + LIMITS["token"]
    assert await town.counts() == {"token_stale": 5}


async def test_a_token_for_nobody_or_for_too_long_is_not_issued(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    with pytest.raises(NoSuchThing):
        await a_token(town, sign_in, clock, "nobody")
    for valid_for in (timedelta(0), timedelta(days=367)):
        with pytest.raises(InvalidInput):
            async with town.store.unit_of_work() as uow:
                await sign_in.issue_token(uow, "clinic", clock.now(), valid_for)
    assert await town.leaves() == []


async def test_sessions_long_over_are_deleted(town: Town, sign_in: SignIn, clock: VirtualClock) -> None:
    await sign_in.demo_sign_in("demo-li", clock.now())
    clock.advance(2 * DAY)
    await sign_in.demo_sign_in("demo-li", clock.now())
    async with town.store.unit_of_work() as uow:
        assert await uow.fetchval("SELECT count(*) FROM web_session") == 1


async def test_asking_whether_a_session_lives_does_not_keep_it_alive(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    token = (await sign_in.sign_in("wang", PASSWORD, clock.now())).token
    for _ in range(int(IDLE / (5 * MINUTE)) - 1):
        clock.advance(5 * MINUTE)
        assert (await sign_in.standing(token, clock.now())).login == "wang"
    clock.advance(5 * MINUTE)
    with pytest.raises(TokenStale):
        await sign_in.standing(token, clock.now())
    with pytest.raises(SignInRequired):
        await sign_in.standing("never was", clock.now())
    assert [leaf.action for leaf in await town.leaves()] == ["sign_in"]
    assert await town.counts() == {"token_stale": 1, "sign_in_required": 1}


async def test_signing_out_everywhere_ends_every_session_and_no_token(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    sessions = [await sign_in.sign_in("wang", PASSWORD, clock.now()) for _ in range(3)]
    bearer = await a_token(town, sign_in, clock, "wang")
    await sign_in.sign_out_everywhere(sessions[0].actor, clock.now())
    for session in sessions:
        with pytest.raises(TokenStale):
            await sign_in.actor_from_session(session.token, clock.now())
    assert (await sign_in.actor_from_token(bearer, clock.now())).login == "wang"
    assert "sign_out_everywhere" in [leaf.action for leaf in await town.leaves()]


async def a_secret(town: Town, clock: VirtualClock, login: str = "clinic") -> str:
    account = await town.account(login)
    async with town.store.unit_of_work() as uow:
        return await make_secret(uow, cast("UUID", account["id"]), clock.now(), DAY)


async def test_a_service_account_gets_short_tokens_for_its_secret(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)
    bearer = await sign_in.client_token("clinic", secret, clock.now())
    assert (await sign_in.actor_from_token(bearer, clock.now())).login == "clinic"
    clock.advance(TOKEN_LASTS)
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, clock.now())
    first, *_ = await town.leaves()
    assert (first.action, first.outcome) == ("client_token", "done")
    async with town.store.unit_of_work() as uow:
        assert secret not in str(await uow.fetch("SELECT * FROM client_secret"))


async def test_a_secret_of_another_or_none_or_an_old_one_gets_no_token(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)
    for client, shown in (("wang", secret), ("clinic", secret + "x"), ("clinic", ""), ("nobody", secret)):
        with pytest.raises(CredentialsWrong):
            await sign_in.client_token(client, shown, clock.now())
    clock.advance(DAY)
    with pytest.raises(CredentialsWrong):
        await sign_in.client_token("clinic", secret, clock.now())
    assert (await town.leaves(), await town.counts()) == ([], {"credentials_wrong": 5})


async def test_wrong_secrets_lock_no_service_account(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)
    for _ in range(LIMITS["login"] + 1):
        with pytest.raises(CredentialsWrong):
            await sign_in.client_token("clinic", "guess", clock.now())
    assert await sign_in.client_token("clinic", secret, clock.now())


async def test_revoking_takes_secrets_too_and_a_person_has_none(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)
    bearer = await sign_in.client_token("clinic", secret, clock.now())
    async with town.store.unit_of_work() as uow:
        await sign_in.revoke(uow, "clinic", clock.now())
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, clock.now())
    with pytest.raises(CredentialsWrong):
        await sign_in.client_token("clinic", secret, clock.now())
    with pytest.raises(InvalidInput):
        await a_secret(town, clock, "wang")


async def test_a_revocation_takes_the_token_that_a_secret_is_just_bringing(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)

    async def revoke() -> None:
        async with town.store.unit_of_work() as uow:
            await sign_in.revoke(uow, "clinic", clock.now())

    async with town.store.unit_of_work() as uow:
        account_id = await find_client(uow, "clinic", secret, clock.now())
        assert account_id is not None
        bearer = await issue_token(uow, account_id, clock.now(), TOKEN_LASTS)
        revoking = asyncio.create_task(revoke(), context=Context())
        await asyncio.sleep(0.3)
    await revoking
    with pytest.raises(TokenStale):
        await sign_in.actor_from_token(bearer, clock.now())


async def test_a_closed_service_account_gets_no_token(
    town: Town, sign_in: SignIn, clock: VirtualClock
) -> None:
    secret = await a_secret(town, clock)
    async with town.store.unit_of_work() as uow:
        await town.directory.account_disable(uow, "clinic", clock.now())
    with pytest.raises(AccountClosed):
        await sign_in.client_token("clinic", secret, clock.now())
    assert [(leaf.action, leaf.code) for leaf in await town.leaves()] == [("client_token", "account_closed")]
