"""Secrets presented again after sign-in: whose a session or a bearer token is, and taking either back.

A refusal here changes something all the same (a counter, the audit trail), so the methods that refuse
commit a unit of work of their own and raise afterwards. A known account's refusals are journalled, those of
strangers are counted.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from gongzhi.errors import (
    AccountClosed,
    AppWithdrawn,
    CredentialsWrong,
    CrossSiteRequest,
    NoSuchThing,
    NotDeputy,
    Refused,
    SignInRequired,
    TokenStale,
    TooManyRequests,
)
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.actors import Actor
from gongzhi.identity.attempts import Attempts
from gongzhi.identity.client_secrets import TOKEN_LASTS, find_client
from gongzhi.identity.deputies import in_place
from gongzhi.identity.journal import Journal, act_of
from gongzhi.identity.passwords import normal_login
from gongzhi.identity.revoking import revoke_access
from gongzhi.identity.sessions import (
    OwnSession,
    end_session,
    end_session_beside,
    end_sessions,
    find_session,
    sessions_beside,
)
from gongzhi.identity.tokens import Presented, find_token, issue_token, secret_hash
from gongzhi.store.store import Store
from gongzhi.store.unit_of_work import UnitOfWork

T = TypeVar("T")

DEPUTYSHIP_HEADER: Final = "gongzhi-deputyship"
"""By this a request says that its sender acts in an absent colleague's place, with the deputyship's id."""


class Credentials:
    """Knows the sessions and bearer tokens of one store.

    `secret`, 32 bytes, keys the hashes under which failures are counted.
    """

    def __init__(self, *, store: Store, journal: Journal, secret: bytes) -> None:
        self._store, self._journal = store, journal
        self._attempts = Attempts(secret)

    async def actor_from_session(
        self,
        token: str,
        now: datetime,
        *,
        csrf: str | None = None,
        seen: bool = True,
        deputyship: str | None = None,
    ) -> Actor:
        """The actor of a session. With `csrf`, the session's second secret must be that. `seen` False keeps the session
        from counting as used. With `deputyship`, an id, the actor in the place of the absent colleague.

        Raises:
            SignInRequired: there is no such session.
            TokenStale: it was ended or revoked, has been idle for too long, or is too old.
            AccountClosed: the account, its post or its organ is closed.
            CrossSiteRequest: `csrf` is another.
            NotDeputy: the deputyship doesn't hold for this account now.
        """
        async with self._store.unit_of_work() as uow:
            presented = await find_session(uow, token, now, seen=seen)
            outcome = await self._judge(uow, presented, token, now, csrf)
            if presented is not None and deputyship is not None and isinstance(outcome, Actor):
                acting = await in_place(uow, outcome, deputyship, now)
                if acting is None:
                    outcome = NotDeputy(where=DEPUTYSHIP_HEADER)
                    await self._note_refusal(uow, presented, token, outcome, now)
                else:
                    outcome = acting
        return given(outcome)

    async def actor_from_token(self, bearer: str, now: datetime) -> Actor:
        """The actor of a bearer token.

        Raises `SignInRequired`, `TokenStale` and `AccountClosed`, as for a session.
        """
        async with self._store.unit_of_work() as uow:
            presented = await find_token(uow, bearer, now)
            outcome = await self._judge(uow, presented, bearer, now, None)
        return given(outcome)

    async def unreadable(self, refusal: Refused, now: datetime) -> Refused:
        """Count credentials that were refused before anything was looked up; the answer is what to raise."""
        async with self._store.unit_of_work() as uow:
            await self._journal.count(uow, refusal.code, now)
        return refusal

    async def admit_visitor(self, now: datetime, *, address: str) -> None:
        """Count a request that shows no credentials. Raises `TooManyRequests` past the limit of its address."""
        async with self._store.unit_of_work() as uow:
            seconds = await self._attempts.seconds_blocked(uow, "visitor", address, now)
            if seconds:
                await self._journal.count(uow, TooManyRequests.code, now)
            else:
                await self._attempts.fail(uow, "visitor", address, now)
        if seconds:
            raise TooManyRequests(seconds=seconds)

    async def sign_out(self, token: str, now: datetime) -> None:
        """End a session; from this commit on its secret is refused. An unknown one is no matter."""
        async with self._store.unit_of_work() as uow:
            session = await find_session(uow, token, now)
            if session is not None and await end_session(uow, token, now):
                await self._journal.act(uow, act_of("sign_out", session.account_id, session.actor, now))

    async def standing(self, token: str, now: datetime) -> Actor:
        """Whose a session is, without counting as a request in it: what an open page asks now and then.

        Raises `SignInRequired`, `TokenStale` and `AccountClosed`. These are counted and no more: the page's owner tried
        nothing.
        """
        async with self._store.unit_of_work() as uow:
            presented = await find_session(uow, token, now, seen=False)
            refusal: Refused | None = None
            if presented is None:
                refusal = SignInRequired()
            elif presented.stale:
                refusal = TokenStale()
            elif presented.actor is None:
                refusal = AccountClosed()
            if refusal is not None:
                await self._journal.count(uow, refusal.code, now)
        if presented is None or presented.actor is None or refusal is not None:
            raise refusal or AccountClosed()
        return presented.actor

    async def sign_out_everywhere(self, actor: Actor, now: datetime) -> None:
        """End every session of an actor's account; tokens stay."""
        async with self._store.unit_of_work() as uow:
            await end_sessions(uow, actor.account_id, now)
            await self._journal.act(uow, act_of("sign_out_everywhere", actor.account_id, actor, now))

    async def own_sessions(self, token: str, now: datetime) -> list[OwnSession]:
        """The live sessions of the account whose session this is, for a request that was let in by it."""
        async with self._store.unit_of_work() as uow:
            return await sessions_beside(uow, token, now)

    async def sign_out_one(self, actor: Actor, token: str, session_id: UUID, now: datetime) -> None:
        """End another session of the account whose session this is, or this one itself.

        Raises `NoSuchThing` for one that is over, never was or is somebody else's; which of these isn't said.
        """
        async with self._store.unit_of_work() as uow:
            done = await end_session_beside(uow, token, session_id, now)
            refusal = None if done else NoSuchThing(where="/session")
            act = act_of("sign_out", actor.account_id, actor, now, refusal=refusal)
            await self._journal.act(uow, act)
        if refusal is not None:
            raise refusal

    async def issue_token(self, uow: UnitOfWork, login: str, now: datetime, valid_for: timedelta) -> str:
        """A bearer token for an account; it can be read here and never again.

        Raises:
            NoSuchThing: there is no such account.
            AccountClosed: the account, its post or its organ is closed.
            InvalidInput: `valid_for` is not positive, or longer than a year.
        """
        account_id, actor = await self._standing(uow, login, now)
        if actor is None:
            raise AccountClosed()
        bearer = await issue_token(uow, account_id, now, valid_for)
        await self._journal.act(uow, act_of("issue_token", account_id, actor, now))
        return bearer

    async def client_token(self, client_id: str, secret: str, now: datetime) -> str:
        """A bearer token of `TOKEN_LASTS` for a service account that shows one of its secrets.

        Nobody guesses 256 bits, so a wrong secret locks no account: a stranger could else silence a hospital's system.
        Whoever sends wrong ones is limited by address.

        Raises `CredentialsWrong`, and `AccountClosed` where the account or its organ is closed.
        """
        outcome: str | Refused
        async with self._store.unit_of_work() as uow:
            account_id = await find_client(uow, normal_login(client_id), secret, now)
            if account_id is None:
                outcome = CredentialsWrong()
                await self._journal.count(uow, outcome.code, now)
            else:
                actor = await self._actor(uow, account_id, now)
                refusal = AccountClosed() if actor is None else None
                await self._journal.act(uow, act_of("client_token", account_id, actor, now, refusal=refusal))
                outcome = refusal or await issue_token(uow, account_id, now, TOKEN_LASTS)
        return given(outcome)

    async def revoke(self, uow: UnitOfWork, login: str, now: datetime) -> None:
        """End every session, token and secret of an account, from the commit on. Raises `NoSuchThing`."""
        account_id, actor = await self._standing(uow, login, now)
        await revoke_access(uow, account_id, now)
        await self._journal.act(uow, act_of("revoke", account_id, actor, now))

    async def _judge(
        self, uow: UnitOfWork, presented: Presented | None, secret: str, now: datetime, csrf: str | None
    ) -> Actor | Refused:
        if presented is None:
            await self._journal.count(uow, SignInRequired.code, now)
            return SignInRequired()
        refusal: Refused
        if presented.withdrawn:
            refusal = AppWithdrawn()
        elif presented.stale:
            refusal = TokenStale()
        elif presented.actor is None:
            refusal = AccountClosed()
        elif csrf is not None and not hmac.compare_digest(csrf.encode(), presented.csrf.encode()):
            refusal = CrossSiteRequest()
        else:
            return presented.actor
        await self._note_refusal(uow, presented, secret, refusal, now)
        return refusal

    async def _note_refusal(
        self, uow: UnitOfWork, presented: Presented, secret: str, refusal: Refused, now: datetime
    ) -> None:
        # A client that never stops trying must not fill the audit log: past the limit it is only counted.
        key = secret_hash(secret).hex()
        if await self._attempts.seconds_blocked(uow, "token", key, now):
            await self._journal.count(uow, refusal.code, now)
        else:
            await self._attempts.fail(uow, "token", key, now)
            act = act_of("authenticate", presented.account_id, presented.actor, now, refusal=refusal)
            await self._journal.act(uow, act)

    async def _actor(self, uow: UnitOfWork, account_id: UUID, now: datetime) -> Actor | None:
        row = await uow.fetchrow(
            f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$2')} WHERE a.id = $1",
            account_id,
            legal_day(now),
        )
        return None if row is None else actor_of(row)

    async def _standing(self, uow: UnitOfWork, login: str, now: datetime) -> tuple[UUID, Actor | None]:
        login = normal_login(login)
        account_id: UUID | None = await uow.fetchval("SELECT id FROM account WHERE login = $1", login)
        if account_id is None:
            raise NoSuchThing(where="/login")
        return account_id, await self._actor(uow, account_id, now)


def given(outcome: T | Refused) -> T:
    """The outcome of a unit of work that has been committed, or its refusal, raised."""
    if isinstance(outcome, Refused):
        raise outcome
    return outcome
