"""Browser sessions: begun at sign-in, ended by sign-out, idleness, age or revocation.

The cookie holds the secret, the database its hash. The cookie itself and the check of a request's origin are
in `gongzhi.identity.requests`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.actors import Actor
from gongzhi.identity.tokens import Presented, new_secret, secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

ABSOLUTE: Final = timedelta(hours=12)
"""A session lasts a working day, however busy."""

IDLE: Final = timedelta(minutes=30)
"""A session without a request for this long is over."""

_SEEN_EVERY: Final = timedelta(minutes=1)
"""`seen_at` is written this often at most, so that reading does not write all the time."""

_KEPT: Final = timedelta(days=1)
"""An expired session is kept this long, so that its owner is told why; then a later sign-in deletes it."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A session just begun. `token` goes into the cookie; `csrf` is for a client that sends no Origin."""

    token: str
    csrf: str
    expires_at: datetime
    actor: Actor


@dataclass(frozen=True, kw_only=True)
class OwnSession:
    """A live session as its owner sees it. `client` is as in `gongzhi.identity.clients`, `this` the one that asks."""

    id: UUID
    client: str
    begun_at: datetime
    seen_at: datetime
    expires_at: datetime
    this: bool


async def begin_session(uow: UnitOfWork, actor: Actor, now: datetime, *, client: str = "") -> Session:
    """Begin a session for an actor who has just proved who they are."""
    session = Session(token=new_secret(), csrf=new_secret(), expires_at=now + ABSOLUTE, actor=actor)
    row = {
        "token_hash": secret_hash(session.token),
        "account_id": actor.account_id,
        "csrf": session.csrf,
        "client": client,
        "created_at": now,
        "seen_at": now,
        "expires_at": session.expires_at,
    }
    await uow.insert("web_session", row)
    await uow.execute(
        "DELETE FROM web_session WHERE token_hash IN"
        " (SELECT token_hash FROM web_session WHERE expires_at <= $1 LIMIT 50 FOR UPDATE SKIP LOCKED)",
        now - _KEPT,
    )
    return session


async def find_session(uow: UnitOfWork, token: str, now: datetime, *, seen: bool = True) -> Presented | None:
    """What a session's secret stands for, or None if there is no such session; a live one counts as seen.

    Unless `seen` is False: a page that asks whether its session still lives must not keep it alive by asking.
    """
    hashed = secret_hash(token)
    row = await uow.fetchrow(
        "SELECT s.expires_at <= $3 OR s.seen_at <= $4 OR s.revoked_at IS NOT NULL AS stale,"
        f" s.csrf, s.seen_at, {ACTOR_COLUMNS}"
        f" FROM web_session s JOIN account a ON a.id = s.account_id {actor_joins('$2')}"
        " WHERE s.token_hash = $1",
        hashed,
        legal_day(now),
        now,
        now - IDLE,
    )
    if row is None:
        return None
    if seen and not row["stale"] and row["seen_at"] <= now - _SEEN_EVERY:
        await uow.execute("UPDATE web_session SET seen_at = $2 WHERE token_hash = $1", hashed, now)
    return Presented(account_id=row["account_id"], actor=actor_of(row), stale=row["stale"], csrf=row["csrf"])


async def sessions_beside(uow: UnitOfWork, token: str, now: datetime) -> list[OwnSession]:
    """The live sessions of the account whose session has this secret, this one first, then the last used first."""
    rows = await uow.fetch(
        "SELECT s.id, s.client, s.created_at AS begun_at, s.seen_at, s.expires_at, s.token_hash = $1 AS this"
        " FROM web_session s WHERE s.account_id = (SELECT account_id FROM web_session WHERE token_hash = $1)"
        " AND s.revoked_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3 ORDER BY this DESC, s.seen_at DESC, s.id",
        secret_hash(token),
        now,
        now - IDLE,
    )
    return [OwnSession(**row) for row in rows]


async def end_session_beside(uow: UnitOfWork, token: str, session_id: UUID, now: datetime) -> bool:
    """Revoke a session of the account whose session has this secret; False if it has no such live one."""
    account_id = await uow.fetchval(
        "UPDATE web_session s SET revoked_at = $3 FROM web_session own"
        " WHERE own.token_hash = $1 AND s.account_id = own.account_id AND s.id = $2"
        " AND s.revoked_at IS NULL AND s.expires_at > $3 AND s.seen_at > $4 RETURNING s.account_id",
        secret_hash(token),
        session_id,
        now,
        now - IDLE,
    )
    if account_id is None:
        return False
    await uow.notify(f"account:{account_id}")
    return True


async def hold_session(uow: UnitOfWork, token: str) -> None:
    """Let whoever ends a session wait for what it is just used for, and find that; or else see here that it has ended."""
    await uow.execute("SELECT 1 FROM web_session WHERE token_hash = $1 FOR NO KEY UPDATE", secret_hash(token))


async def end_session(uow: UnitOfWork, token: str, now: datetime) -> bool:
    """Revoke one session; False if it was over already."""
    done = await uow.execute(
        "UPDATE web_session SET revoked_at = $2 WHERE token_hash = $1 AND revoked_at IS NULL",
        secret_hash(token),
        now,
    )
    if done == "UPDATE 0":
        return False
    account_id = await uow.fetchval(
        "SELECT account_id FROM web_session WHERE token_hash = $1", secret_hash(token)
    )
    await uow.notify(f"account:{account_id}")
    return True


async def end_sessions(uow: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """Revoke every session of an account."""
    await uow.execute(
        "UPDATE web_session SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL", account_id, now
    )
    await uow.notify(f"account:{account_id}")
