"""Proving who one is for the first time: by password, or from a demo's list.

Like `gongzhi.identity.credentials`, each try commits its counters, locks and audit rows before it is refused.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from gongzhi.errors import (
    AccountClosed,
    CodeWrong,
    CredentialsWrong,
    Refused,
    SecondStepRequired,
    SignInRequired,
    TooManyRequests,
)
from gongzhi.identity.actors import Actor, administers
from gongzhi.identity.attempts import WINDOW
from gongzhi.identity.credentials import Credentials, given
from gongzhi.identity.journal import Journal, act_of
from gongzhi.identity.pace import Pace
from gongzhi.identity.passwords import Passwords, normal_login
from gongzhi.identity.sealed import Seal
from gongzhi.identity.second_step import (
    SecondFactors,
    SecondStep,
    Waiting,
    new_totp_secret,
    password_mark,
)
from gongzhi.identity.sessions import Session, begin_session
from gongzhi.store.store import Store
from gongzhi.store.unit_of_work import UnitOfWork

STEP_LASTS: Final = timedelta(minutes=10)
"""How long the second step may take after the password."""

REFUSED_A_MINUTE: Final = 3_000
"""Credentials of one address: far more than a system with a wrong token sends, for people behind it have to get in."""


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """One try to sign in; `address` and `client` are empty when unknown."""

    action: Literal["sign_in", "demo_sign_in", "second_step"]
    login: str
    address: str
    client: str
    now: datetime


class SignIn(Credentials):
    """Signs people in, and knows whose a session or token is. One per store, on the store's event loop."""

    def __init__(self, *, store: Store, journal: Journal, secret: bytes, pace: Pace) -> None:
        super().__init__(store=store, journal=journal, secret=secret)
        self.pace = pace
        self._refused = Pace(REFUSED_A_MINUTE)
        self._passwords = Passwords()
        self._factors = SecondFactors(Seal(store.keys.secret("second_step")))
        # One password takes 64 MiB and a core; and at most this many guesses at once can overtake a limit.
        self._turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def sign_in(
        self, login: str, password: str, now: datetime, *, address: str = "", client: str = ""
    ) -> Session:
        """Begin a session for whoever knows the password.

        Raises:
            CredentialsWrong: no such account, or another password; which of the two stays open.
            SecondStepRequired: the password is right, and the account is an administrator's, or has a second factor.
            TooManyRequests: too many failures for this login or address; nothing was tried.
            AccountClosed: the password is right, but the account, its post or its organ is closed.
        """
        attempt = _Attempt(
            action="sign_in", login=normal_login(login), address=address, client=client, now=now
        )
        async with self._turns:
            account = await self._admit(attempt)
            hashed: str | None = None if account is None else account["password_hash"]
            proved = await self._passwords.verify(hashed, password)
            async with self._store.unit_of_work() as uow:
                row = await self._account(uow, attempt.login, lock=True)
                if row is None or not proved or row["password_hash"] != hashed:
                    outcome: Session | Refused = await self._fail(uow, attempt, row)
                else:
                    outcome = await self._succeed(uow, attempt, row)
        return given(outcome)

    async def second_step(
        self, waiting: Waiting, code: str, now: datetime, *, address: str = "", client: str = ""
    ) -> tuple[Session, list[str]]:
        """Begin the session that waited for a code; with it come recovery codes, where the code enrolled a phone.

        Raises:
            SignInRequired: too late, or the password is another by now, or somebody else enrolled meanwhile.
            CodeWrong: not a code of this account, or one that was used before.
            TooManyRequests, AccountClosed: like `sign_in`; wrong codes count like wrong passwords.
        """
        outcome: tuple[Session, list[str]] | Refused
        async with self._store.unit_of_work() as uow:
            row = await uow.fetchrow("SELECT * FROM account WHERE id = $1 FOR UPDATE", waiting.account_id)
            late = now.timestamp() >= waiting.until
            if row is None or late or password_mark(row["password_hash"]) != waiting.password:
                outcome = SignInRequired()
                await self._journal.count(uow, outcome.code, now)
            else:
                attempt = _Attempt(
                    action="second_step", login=row["login"], address=address, client=client, now=now
                )
                outcome = await self._second_step(uow, attempt, row, waiting, code.strip())
        return given(outcome)

    async def _second_step(
        self, uow: UnitOfWork, attempt: _Attempt, row: Mapping[str, Any], waiting: Waiting, code: str
    ) -> tuple[Session, list[str]] | Refused:
        if seconds := await self._seconds_locked(uow, attempt, row):
            await self._journal.count(uow, TooManyRequests.code, attempt.now)
            return TooManyRequests(seconds=seconds)
        factor, codes = await self._factors.of(uow, row["id"]), list[str]()
        if (factor is None) != bool(waiting.secret):
            await self._journal.count(uow, SignInRequired.code, attempt.now)
            return SignInRequired()
        if factor is None:
            enrolled = await self._factors.enrol(uow, row["id"], waiting.secret, code, attempt.now)
            right, codes = enrolled is not None, enrolled or []
        else:
            right = await self._factors.take(uow, factor, code, attempt.now)
        if not right:
            return await self._fail(uow, attempt, row, CodeWrong())
        begun = await self._begin(uow, attempt, row)
        return begun if isinstance(begun, Refused) else (begun, codes)

    async def demo_sign_in(
        self, login: str, now: datetime, *, address: str = "", client: str = ""
    ) -> Session:
        """Begin a session for an account of the demo, without a password; only where the installation is one.

        Raises `CredentialsWrong` for any other account, `TooManyRequests` and `AccountClosed` like `sign_in`.
        """
        attempt = _Attempt(
            action="demo_sign_in", login=normal_login(login), address=address, client=client, now=now
        )
        await self._admit(attempt)
        async with self._store.unit_of_work() as uow:
            row = await self._account(uow, attempt.login, lock=True)
            if row is None or not row["demo"]:
                outcome: Session | Refused = await self._fail(uow, attempt, row)
            else:
                outcome = await self._begin(uow, attempt, row)
        return given(outcome)

    async def keep_pace(self, actor: Actor, now: datetime) -> None:
        """Count a request of an account, or of an app in its name, which is no reason for the person to wait.

        Raises `TooManyRequests` past the limit of the minute; the first of those is on record, a flood is not.
        """
        who = (actor.account_id, actor.app_id)
        requests = self.pace.count(who, now)
        if seconds := self.pace.seconds_to_wait(who, now):
            refusal = TooManyRequests(seconds=seconds)
            if requests == self.pace.limit + 1:
                await self.unreadable(refusal, now)
            raise refusal

    def refuse_flood(self, address: str, now: datetime) -> None:
        """Raise `TooManyRequests`, before anything is looked up, where an address has had too many credentials refused."""
        if seconds := self._refused.seconds_to_wait(address, now):
            raise TooManyRequests(seconds=seconds)

    def credentials_refused(self, address: str, now: datetime) -> None:
        """Count credentials that were refused, whatever for, against the address that they came from."""
        self._refused.count(address, now)

    async def malformed(self, refusal: Refused, now: datetime, *, address: str = "") -> Refused:
        """Count an attempt that could not be read; the answer is what to raise, perhaps `TooManyRequests`."""
        async with self._store.unit_of_work() as uow:
            if seconds := await self._attempts.seconds_blocked(uow, "address", address, now):
                refusal = TooManyRequests(seconds=seconds)
            else:
                await self._attempts.fail(uow, "address", address, now)
            await self._journal.count(uow, refusal.code, now)
        return refusal

    async def _admit(self, attempt: _Attempt) -> Mapping[str, Any] | None:
        """The account that is tried, if any. Raises `TooManyRequests` while it or the address is locked."""
        now = attempt.now
        async with self._store.unit_of_work() as uow:
            account = await self._account(uow, attempt.login, lock=False)
            seconds = await self._seconds_locked(uow, attempt, account)
            if seconds:
                await self._journal.count(uow, TooManyRequests.code, now)
        if seconds:
            raise TooManyRequests(seconds=seconds)
        return account

    async def _seconds_locked(
        self, uow: UnitOfWork, attempt: _Attempt, account: Mapping[str, Any] | None
    ) -> int:
        return max(
            await self._attempts.seconds_blocked(uow, "login", attempt.login, attempt.now),
            await self._attempts.seconds_blocked(uow, "address", attempt.address, attempt.now),
            0 if account is None else _seconds_locked(account, attempt.now),
        )

    async def _fail(
        self,
        uow: UnitOfWork,
        attempt: _Attempt,
        row: Mapping[str, Any] | None,
        refusal: Refused | None = None,
    ) -> Refused:
        """Count a failure; the one that locks the login locks the account too, for administrators to see."""
        locks = await self._attempts.fail(uow, "login", attempt.login, attempt.now)
        await self._attempts.fail(uow, "address", attempt.address, attempt.now)
        refusal = refusal or CredentialsWrong()
        if row is None:
            await self._journal.count(uow, refusal.code, attempt.now)
            return refusal
        locked_until = attempt.now + WINDOW if locks else row["locked_until"]
        failures = row["failed_attempts"] + 1
        await uow.update("account", row, failed_attempts=failures, locked_until=locked_until)
        await self._record(uow, attempt, row["id"], refusal)
        return refusal

    async def _succeed(self, uow: UnitOfWork, attempt: _Attempt, row: Mapping[str, Any]) -> Session | Refused:
        """After the right password: the session, or the second step that has to come before it.

        A password alone forgets no failures, or whoever knows it could try codes without end.
        """
        actor = await self._actor(uow, row["id"], attempt.now)
        if actor is None:
            return await self._begin(uow, attempt, row)
        enrolled = await self._factors.of(uow, row["id"]) is not None
        if not enrolled and not administers(actor):
            return await self._begin(uow, attempt, row)
        if seconds := _seconds_locked(row, attempt.now):
            await self._journal.count(uow, TooManyRequests.code, attempt.now)
            return TooManyRequests(seconds=seconds)
        await self._journal.act(uow, act_of("first_step", row["id"], actor, attempt.now))
        waiting = Waiting(
            account_id=row["id"],
            password=password_mark(row["password_hash"]),
            until=(attempt.now + STEP_LASTS).timestamp(),
            secret="" if enrolled else new_totp_secret(),
        )
        return SecondStepRequired(step=SecondStep(waiting=waiting, login=row["login"]))

    async def _begin(self, uow: UnitOfWork, attempt: _Attempt, row: Mapping[str, Any]) -> Session | Refused:
        if seconds := _seconds_locked(row, attempt.now):  # by another try, while this one was computing
            await self._journal.count(uow, TooManyRequests.code, attempt.now)
            return TooManyRequests(seconds=seconds)
        await self._attempts.forget(uow, "login", attempt.login)
        if row["failed_attempts"] or row["locked_until"]:
            await uow.update("account", row, failed_attempts=0, locked_until=None)
        actor = await self._actor(uow, row["id"], attempt.now)
        refusal = AccountClosed() if actor is None else None
        await self._record(uow, attempt, row["id"], refusal)
        if actor is None:
            return AccountClosed()
        return await begin_session(uow, actor, attempt.now, client=attempt.client)

    async def _account(self, uow: UnitOfWork, login: str, *, lock: bool) -> Mapping[str, Any] | None:
        sql = "SELECT * FROM account WHERE login = $1 AND kind = 'person'"
        return await uow.fetchrow(sql + (" FOR UPDATE" if lock else ""), login)

    async def _record(
        self, uow: UnitOfWork, attempt: _Attempt, account_id: UUID, refusal: Refused | None
    ) -> None:
        actor = await self._actor(uow, account_id, attempt.now)
        rows = tuple(uow.changes)  # all of them: this unit of work is the attempt's own
        act = act_of(attempt.action, account_id, actor, attempt.now, refusal=refusal, rows=rows)
        await self._journal.act(uow, act)


def _seconds_locked(account: Mapping[str, Any], now: datetime) -> int:
    until: datetime | None = account["locked_until"]
    return 0 if until is None else max(0, math.ceil((until - now).total_seconds()))
