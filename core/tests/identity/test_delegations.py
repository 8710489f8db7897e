"""How long codes and tokens of apps last, and what two who come at once get; on a real store, with a clock of ours."""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gongzhi.audit.log import AuditLog
from gongzhi.clock import VirtualClock
from gongzhi.errors import AccountClosed, GrantRefused, TokenStale, TooManyRequests
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.delegations import (
    ACCESS_LASTS,
    CODE_LASTS,
    FAMILY_LASTS,
    REFRESH_LASTS,
    Tokens,
    challenge_of,
    delegations_of,
    refresh,
)
from gongzhi.identity.apps.granting import Granting
from gongzhi.identity.apps.registry import App, Registration, register
from gongzhi.identity.attempts import LIMITS
from gongzhi.identity.revoking import revoke_access
from gongzhi.identity.sessions import begin_session, end_session, end_sessions
from gongzhi.trail import AuditJournal

from .conftest import Town

BACK = "https://clinic.example/back"
VERIFIER = "v" * 43
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Clinic:
    """The hospital's app, and Wang who lets it act."""

    town: Town
    apps: Granting
    app: App
    now: datetime

    async def wang(self) -> Actor:
        async with self.town.store.unit_of_work() as uow:
            return await self.town.directory.actor(uow, "wang", self.now)

    async def session(self) -> str:
        wang = await self.wang()
        async with self.town.store.unit_of_work() as uow:
            return (await begin_session(uow, wang, self.now)).token

    async def agreed(self, *scopes: str, session: str | None = None) -> str:
        return await self.apps.consent(
            self.app,
            await self.wang(),
            session=session or await self.session(),
            scopes=scopes or ("inbox:read",),
            redirect_uri=BACK,
            challenge=challenge_of(VERIFIER),
            now=self.now,
        )

    async def redeems(self, code: str, now: datetime) -> Tokens:
        return await self.apps.redeem(self.app, code, redirect_uri=BACK, verifier=VERIFIER, now=now)

    async def tokens(self) -> Tokens:
        return await self.redeems(await self.agreed(), self.now)

    async def outcome(self, token: str, now: datetime) -> object:
        return (await self.apps.admit(token, None, now)).outcome


@pytest.fixture
async def clinic(town: Town, clock: VirtualClock) -> Clinic:
    asked = Registration(
        name="诊所网页",
        name_en="Clinic page",
        organ_id=town.hospital.id,
        kind="public",
        redirect_uris=[BACK],
        origins=[],
        scopes=["inbox:read", "fire:read"],
    )
    async with town.store.unit_of_work() as uow:
        app, _ = await register(uow, asked, ["inbox:read", "fire:read"], clock.now())
    journal = AuditJournal(AuditLog(town.store))
    apps = Granting(store=town.store, journal=journal, secret=bytes(32))
    return Clinic(town=town, apps=apps, app=app, now=clock.now())


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_code_lasts_a_minute(clinic: Clinic) -> None:
    assert timedelta(seconds=60) == CODE_LASTS
    await clinic.redeems(await clinic.agreed(), clinic.now + CODE_LASTS - SECOND)
    with pytest.raises(GrantRefused):
        await clinic.redeems(await clinic.agreed(), clinic.now + CODE_LASTS)


async def test_an_access_token_lasts_ten_minutes(clinic: Clinic) -> None:
    tokens = await clinic.tokens()
    assert isinstance(await clinic.outcome(tokens.access, clinic.now + ACCESS_LASTS - SECOND), Actor)
    assert isinstance(await clinic.outcome(tokens.access, clinic.now + ACCESS_LASTS), TokenStale)


async def test_a_refresh_token_that_nobody_uses_is_void_after_thirty_days(clinic: Clinic) -> None:
    tokens = await clinic.tokens()
    with pytest.raises(GrantRefused):
        await clinic.apps.refresh(clinic.app, tokens.refresh, scopes=None, now=clinic.now + REFRESH_LASTS)


async def test_after_half_a_year_the_person_is_asked_again_however_busy_the_app_is(clinic: Clinic) -> None:
    tokens, now = await clinic.tokens(), clinic.now
    while now + timedelta(days=29) < clinic.now + FAMILY_LASTS:
        now += timedelta(days=29)
        tokens = await clinic.apps.refresh(clinic.app, tokens.refresh, scopes=None, now=now)
    with pytest.raises(GrantRefused):
        await clinic.apps.refresh(clinic.app, tokens.refresh, scopes=None, now=clinic.now + FAMILY_LASTS)


async def test_of_two_who_redeem_a_code_at_once_one_succeeds_and_then_neither_holds(clinic: Clinic) -> None:
    code = await clinic.agreed()
    came = await asyncio.gather(*(clinic.redeems(code, clinic.now) for _ in range(2)), return_exceptions=True)
    (tokens,) = [one for one in came if isinstance(one, Tokens)]
    assert [one.error for one in came if isinstance(one, GrantRefused)] == ["invalid_grant"]
    assert isinstance(await clinic.outcome(tokens.access, clinic.now), TokenStale)


async def test_two_consents_at_once_are_one_delegation(clinic: Clinic) -> None:
    await asyncio.gather(*(clinic.agreed() for _ in range(4)))
    async with clinic.town.store.unit_of_work() as uow:
        assert len(await delegations_of(uow, clinic.town.wang)) == 1


async def test_the_newest_consent_is_what_holds(clinic: Clinic) -> None:
    wide = await clinic.redeems(await clinic.agreed("inbox:read", "fire:read"), clinic.now)
    await clinic.agreed("inbox:read")
    actor = await clinic.outcome(wide.access, clinic.now)
    assert isinstance(actor, Actor)
    assert actor.scopes == frozenset({"inbox:read"})


async def test_a_closed_account_gets_no_tokens_and_its_tokens_are_refused(clinic: Clinic) -> None:
    tokens, code = await clinic.tokens(), await clinic.agreed()
    async with clinic.town.store.unit_of_work() as uow:
        await clinic.town.directory.account_disable(uow, "wang", clinic.now)
    assert isinstance(await clinic.outcome(tokens.access, clinic.now), AccountClosed)
    with pytest.raises(GrantRefused):
        await clinic.redeems(code, clinic.now)
    with pytest.raises(GrantRefused):
        await clinic.apps.refresh(clinic.app, tokens.refresh, scopes=None, now=clinic.now)


async def test_failures_of_an_address_are_limited_apart_from_sign_in(clinic: Clinic) -> None:
    refusal = GrantRefused(error="invalid_grant", problem=clinic.app.name)
    for _ in range(LIMITS["app"]):
        await clinic.apps.admit_client(clinic.now, address="10.0.0.1")
        await clinic.apps.failed(refusal, clinic.now, address="10.0.0.1")
    with pytest.raises(TooManyRequests):
        await clinic.apps.admit_client(clinic.now, address="10.0.0.1")
    await clinic.apps.admit_client(clinic.now, address="10.0.0.2")


async def revoked(clinic: Clinic) -> None:
    async with clinic.town.store.unit_of_work() as uow:
        await revoke_access(uow, clinic.town.wang, clinic.now)


@pytest.mark.parametrize("end", ["revoked", "everywhere", "signed out"])
async def test_nobody_consents_in_a_session_that_is_just_ending(clinic: Clinic, end: str) -> None:
    session = await clinic.session()
    async with clinic.town.store.unit_of_work() as uow:
        if end == "revoked":
            await revoke_access(uow, clinic.town.wang, clinic.now)
        elif end == "everywhere":
            await end_sessions(uow, clinic.town.wang, clinic.now)
        else:
            await end_session(uow, session, clinic.now)
        agreeing = asyncio.create_task(clinic.agreed(session=session), context=Context())
        await asyncio.sleep(0.2)
        assert not agreeing.done()
    with pytest.raises(TokenStale):
        await agreeing
    async with clinic.town.store.unit_of_work() as uow:
        assert await delegations_of(uow, clinic.town.wang) == []


async def test_a_code_from_before_a_revocation_brings_no_tokens(clinic: Clinic) -> None:
    code = await clinic.agreed()
    await revoked(clinic)
    with pytest.raises(GrantRefused):
        await clinic.redeems(code, clinic.now)


async def test_a_revocation_takes_the_tokens_of_a_refresh_that_it_overtakes(clinic: Clinic) -> None:
    tokens = await clinic.tokens()
    async with clinic.town.store.unit_of_work() as uow:
        fresh = await refresh(uow, clinic.app, tokens.refresh, scopes=None, now=clinic.now)
        revoking = asyncio.create_task(revoked(clinic), context=Context())
        await asyncio.sleep(0.3)
    await revoking
    assert isinstance(fresh, Tokens)
    assert isinstance(await clinic.outcome(fresh.access, clinic.now), TokenStale)
    with pytest.raises(GrantRefused):
        await clinic.apps.refresh(clinic.app, fresh.refresh, scopes=None, now=clinic.now)


async def test_a_reused_refresh_token_ends_the_tokens_that_are_just_being_made(clinic: Clinic) -> None:
    first = await clinic.tokens()
    second = await clinic.apps.refresh(clinic.app, first.refresh, scopes=None, now=clinic.now)
    async with clinic.town.store.unit_of_work() as uow:
        third = await refresh(uow, clinic.app, second.refresh, scopes=None, now=clinic.now)
        alarm = asyncio.create_task(
            clinic.apps.refresh(clinic.app, first.refresh, scopes=None, now=clinic.now),
            context=Context(),  # a unit of work of its own
        )
        await asyncio.sleep(0.3)
    with pytest.raises(GrantRefused):
        await alarm
    assert isinstance(third, Tokens)
    assert isinstance(await clinic.outcome(third.access, clinic.now), TokenStale)
