"""Whose a token of an app is, and whether the page that sent it is the app's: judged anew at every request.

A token stands for its person with scopes that the token, the consent and the app's registration all hold, and with the
person's handling duties only. A practice key stands for the app itself, as a handler of its organ who sees no case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from gongzhi.errors import AppOriginRefused, AppWithdrawn, Refused, SignInRequired, TooManyRequests
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day, organ_of
from gongzhi.identity.actors import Actor
from gongzhi.identity.apps.delegations import ACCESS_PREFIX, USED_EVERY, note_use
from gongzhi.identity.apps.registry import PRACTICE_PREFIX
from gongzhi.identity.credentials import Credentials
from gongzhi.identity.scopes import delegable_duties
from gongzhi.identity.tokens import Presented, secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

PREFIXES: Final = (ACCESS_PREFIX, PRACTICE_PREFIX)
"""What a bearer token of an app begins with; no other token does."""

_TOKEN: Final = f"""
SELECT t.expires_at <= $3 OR t.revoked_at IS NOT NULL OR g.revoked_at IS NOT NULL AS stale,
    app.disabled_at IS NOT NULL AS withdrawn, app.id AS app_id, app.origins, g.id AS grant_id, u.at AS used_at,
    ARRAY(SELECT unnest(t.scopes) INTERSECT SELECT unnest(g.scopes) INTERSECT SELECT unnest(app.scopes)) AS scopes,
    {ACTOR_COLUMNS}
FROM app_token t JOIN app_grant g ON g.id = t.grant_id JOIN app ON app.id = g.app_id
    LEFT JOIN app_use u ON u.grant_id = g.id
    JOIN account a ON a.id = g.account_id {actor_joins("$2")}
WHERE t.token_hash = $1 AND t.kind = 'access'
"""

_PRACTICE: Final = """
SELECT app.id AS app_id, app.name AS app_name, app.origins, app.scopes, app.disabled_at, o.*
FROM app JOIN organ o ON o.id = app.organ_id
    AND o.valid_from <= $2::date AND (o.valid_to IS NULL OR $2::date < o.valid_to)
WHERE app.practice_hash = $1
"""


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What came of a bearer token: who acts, or the refusal, which is on record; `from_app` where the page that sent it
    is registered for the token's app, so that it may read the answer."""

    outcome: Actor | Refused
    from_app: bool = False


class AppCredentials(Credentials):
    """Knows the tokens and practice keys of apps of one store."""

    async def admit(self, bearer: str, origin: str | None, now: datetime) -> Admission:
        """Whose a bearer token with one of `PREFIXES` is. `origin` is the request's, None where a browser sent none."""
        async with self._store.unit_of_work() as uow:
            if bearer.startswith(PRACTICE_PREFIX):
                return await self._practising(uow, bearer, origin, now)
            row = await uow.fetchrow(_TOKEN, secret_hash(bearer), legal_day(now), now)
            presented = None if row is None else _presented(row)
            outcome = await self._judge(uow, presented, bearer, now, None)
            if row is None or presented is None:
                return Admission(outcome=outcome)
            theirs = origin in row["origins"]
            if isinstance(outcome, Actor):
                if origin is not None and not theirs:
                    outcome = AppOriginRefused(where="Origin")
                    await self._note_refusal(uow, presented, bearer, outcome, now)
                elif row["used_at"] is None or row["used_at"] <= now - USED_EVERY:
                    await note_use(uow, row["grant_id"], now)
            return Admission(outcome=outcome, from_app=theirs)

    async def _practising(self, uow: UnitOfWork, bearer: str, origin: str | None, now: datetime) -> Admission:
        row = await uow.fetchrow(_PRACTICE, secret_hash(bearer), legal_day(now))
        refusal: Refused
        if row is None:
            refusal = SignInRequired(where="Authorization")
        elif row["disabled_at"] is not None:
            refusal = AppWithdrawn(where="Authorization")
        elif origin is not None and origin not in row["origins"]:
            refusal = AppOriginRefused(where="Origin")
        elif seconds := await self._attempts.seconds_blocked(uow, "practice", str(row["app_id"]), now):
            refusal = TooManyRequests(seconds=seconds)
        else:
            await self._attempts.fail(uow, "practice", str(row["app_id"]), now)
            return Admission(outcome=_rehearsing(row), from_app=origin is not None)
        await self._journal.count(uow, refusal.code, now)
        return Admission(outcome=refusal, from_app=row is not None and origin in row["origins"])


def _presented(row: dict[str, Any]) -> Presented:
    actor = actor_of(row)
    if actor is not None:
        actor = replace(
            actor,
            duties=delegable_duties(actor.duties),
            scopes=frozenset(row["scopes"]),
            app_id=row["app_id"],
        )
    return Presented(
        account_id=row["account_id"], actor=actor, stale=row["stale"], withdrawn=row["withdrawn"]
    )


def _rehearsing(row: dict[str, Any]) -> Actor:
    """The app itself, as anybody of its organ who handles cases; it has no account, and its id stands for one."""
    app_id: UUID = row["app_id"]
    return Actor(
        account_id=app_id,
        login=f"practice-{app_id}",
        name=row["app_name"],
        kind="person",
        organ=organ_of(row),
        department="",
        title="",
        duties=frozenset({"handler"}),
        language="zh",
        scopes=frozenset(row["scopes"]),
        app_id=app_id,
        practice=True,
    )
