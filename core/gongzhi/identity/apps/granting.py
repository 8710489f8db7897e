"""Consent and tokens as whole acts: each commits, with its audit leaf, and only then raises its refusal."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import GrantRefused, TooManyRequests
from gongzhi.identity.acting import hold_account
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps import delegations
from gongzhi.identity.apps.bearers import AppCredentials
from gongzhi.identity.apps.delegations import Refusal, Tokens
from gongzhi.identity.apps.registry import App, find_app, is_origin_of_any
from gongzhi.identity.credentials import given
from gongzhi.identity.journal import Action, act_of
from gongzhi.identity.sessions import find_session, hold_session
from gongzhi.identity.tokens import secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

UNKNOWN_CLIENT: Final = Text(
    zh="没有这个应用、应用已撤销，或凭据不正确",
    en="no such app, or it was revoked, or its credentials are wrong",
)
VOID: Final = Text(
    zh="授权码或刷新令牌无效、已过期、已使用，或与本次请求不符",
    en="the code or refresh token is unknown, expired, used, or does not fit this request",
)
REUSED: Final = Text(
    zh="授权码或刷新令牌被再次使用，由它产生的令牌已全部作废",
    en="the code or refresh token was used before, and every token that came of it is void now",
)
CLOSED: Final = Text(zh="授权人的账号、岗位或单位已失效", en="the person's account, post or organ is closed")
WIDER: Final = Text(zh="申请的范围超出了本人的授权", en="the scope is wider than what the person agreed to")


class Granting(AppCredentials):
    """Gives apps what people let them have. One per store, on the store's event loop."""

    async def app(self, client_id: str) -> App | None:
        """The app in use with this client id."""
        try:
            app_id = UUID(client_id)
        except ValueError:
            return None
        async with self._store.unit_of_work() as uow:
            app = await find_app(uow, app_id)
        return None if app is None or app.disabled_at is not None else app

    async def client(self, client_id: str, secret: str) -> App:
        """The app that shows itself at the token endpoint: a public one by its id alone, with PKCE as its proof.

        Raises `GrantRefused` (`invalid_client`).
        """
        app = await self.app(client_id)
        proof = None if app is None else app.secret_hash
        hashed = secret_hash(secret)
        right = not secret if proof is None else hmac.compare_digest(hashed, proof)
        if app is None or not right:
            raise GrantRefused(error="invalid_client", problem=UNKNOWN_CLIENT, status=401, where="/client_id")
        return app

    async def consent(
        self,
        app: App,
        actor: Actor,
        *,
        session: str,
        scopes: Collection[str],
        redirect_uri: str,
        challenge: str,
        now: datetime,
    ) -> str:
        """Put the person's consent on record, given in a session of theirs, by its secret; answers the code for the app.

        Raises `SignInRequired`, `TokenStale` and `AccountClosed` where the session is over by now.
        """
        async with self._store.unit_of_work() as uow:
            # Two that agree at once would not see each other's row.
            await hold_account(uow, actor.account_id)
            await hold_session(uow, session)
            held = await find_session(uow, session, now)
            outcome = await self._judge(uow, held, session, now, None)
            if isinstance(outcome, Actor):
                code = await delegations.consent(
                    uow,
                    app,
                    actor.account_id,
                    scopes=scopes,
                    redirect_uri=redirect_uri,
                    challenge=challenge,
                    now=now,
                )
                rows = tuple(uow.changes)
                await self._journal.act(uow, act_of("grant_app", actor.account_id, outcome, now, rows=rows))
        given(outcome)
        return code

    async def redeem(self, app: App, code: str, *, redirect_uri: str, verifier: str, now: datetime) -> Tokens:
        """The first tokens of a code. Raises `GrantRefused` (`invalid_grant`)."""
        async with self._store.unit_of_work() as uow:
            came = await delegations.redeem(
                uow, app, code, redirect_uri=redirect_uri, verifier=verifier, now=now
            )
            refusal = await self._noted(uow, "grant_app", came, now)
        return _tokens(came, refusal)

    async def refresh(self, app: App, token: str, *, scopes: Collection[str] | None, now: datetime) -> Tokens:
        """New tokens for a refresh token. Raises `GrantRefused` (`invalid_grant`, `invalid_scope`)."""
        async with self._store.unit_of_work() as uow:
            came = await delegations.refresh(uow, app, token, scopes=scopes, now=now)
            refusal = await self._noted(uow, "refresh_app", came, now)
        return _tokens(came, refusal)

    async def give_back(self, app: App, token: str, now: datetime) -> None:
        """End the family of a token that the app no longer needs; an unknown one is no matter."""
        async with self._store.unit_of_work() as uow:
            await delegations.give_back(uow, app, token, now)

    async def admit_client(self, now: datetime, *, address: str) -> None:
        """Raise `TooManyRequests` while too many requests of this address have failed."""
        async with self._store.unit_of_work() as uow:
            seconds = await self._attempts.seconds_blocked(uow, "app", address, now)
            if seconds:
                await self._journal.count(uow, TooManyRequests.code, now)
        if seconds:
            raise TooManyRequests(seconds=seconds)

    async def failed(self, refusal: GrantRefused, now: datetime, *, address: str) -> None:
        """Count a failed request against its address."""
        async with self._store.unit_of_work() as uow:
            await self._attempts.fail(uow, "app", address, now)
            await self._journal.count(uow, refusal.code, now)

    async def knows_origin(self, origin: str) -> bool:
        """Whether some app in use has registered this origin."""
        async with self._store.unit_of_work() as uow:
            return await is_origin_of_any(uow, origin)

    async def _noted(
        self, uow: UnitOfWork, action: Action, came: Tokens | Refusal, now: datetime
    ) -> GrantRefused | None:
        """The refusal to raise after the commit, with a leaf where it ended a family."""
        if isinstance(came, Tokens):
            return None
        refusal = _refusal(came)
        if came.ended and came.account_id is not None:
            actor = await self._actor(uow, came.account_id, now)
            await self._journal.act(uow, act_of(action, came.account_id, actor, now, refusal=refusal))
        return refusal


def _tokens(came: Tokens | Refusal, refusal: GrantRefused | None) -> Tokens:
    if isinstance(came, Refusal):
        assert refusal is not None
        raise refusal
    return came


def _refusal(came: Refusal) -> GrantRefused:
    if came.why == "scope":
        return GrantRefused(error="invalid_scope", problem=WIDER, where="/scope")
    problem = {"unknown": VOID, "reused": REUSED, "closed": CLOSED}[came.why]
    return GrantRefused(error="invalid_grant", problem=problem)
