"""Secrets that stand for an account: how they look and are stored, and bearer tokens among them.

A secret is 256 random bits and is stored as its SHA-256 only, so a stolen database opens no door. Browser
sessions are in `gongzhi.identity.sessions`.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.actors import Actor
from gongzhi.store.unit_of_work import UnitOfWork

BEARER_PREFIX: Final = "gongzhi_"
"""Lets scanners for leaked secrets recognise a bearer token."""

LONGEST: Final = timedelta(days=366)
"""The longest that a bearer token may be valid."""


@dataclass(frozen=True, kw_only=True)
class Presented:
    """What a secret stands for. `actor` is None when the account may not act now; `stale` when the secret has
    expired or was revoked, `withdrawn` when it is an app's that was taken out of use. `csrf` is a session's second
    secret, empty for a bearer token."""

    account_id: UUID
    actor: Actor | None
    stale: bool
    csrf: str = ""
    withdrawn: bool = False


def new_secret() -> str:
    """256 random bits, as 43 characters of URL-safe base64."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret: nobody guesses 256 bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).digest()


async def issue_token(uow: UnitOfWork, account_id: UUID, now: datetime, valid_for: timedelta) -> str:
    """A new bearer token of an account. Raises `InvalidInput` unless 0 < `valid_for` <= `LONGEST`."""
    if not timedelta(0) < valid_for <= LONGEST:
        problem = Text(
            zh=f"须大于 0 且不超过 {LONGEST.days} 天", en=f"must be over 0 and at most {LONGEST.days} days"
        )
        raise InvalidInput(where="/valid_for", problem=problem)
    bearer = BEARER_PREFIX + new_secret()
    row = {
        "id": uuid4(),
        "token_hash": secret_hash(bearer),
        "account_id": account_id,
        "created_at": now,
        "expires_at": now + valid_for,
    }
    await uow.insert("access_token", row)
    return bearer


async def find_token(uow: UnitOfWork, bearer: str, now: datetime) -> Presented | None:
    """What a bearer token stands for, or None if we never issued it."""
    row = await uow.fetchrow(
        f"SELECT t.expires_at <= $3 OR t.revoked_at IS NOT NULL AS stale, {ACTOR_COLUMNS}"
        f" FROM access_token t JOIN account a ON a.id = t.account_id {actor_joins('$2')}"
        " WHERE t.token_hash = $1",
        secret_hash(bearer),
        legal_day(now),
        now,
    )
    if row is None:
        return None
    return Presented(account_id=row["account_id"], actor=actor_of(row), stale=row["stale"])


async def revoke_tokens(uow: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """Revoke every bearer token of an account, and tokens and unspent codes of the apps that act in its name."""
    await uow.execute(
        "UPDATE access_token SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL",
        account_id,
        now,
    )
    await uow.notify(f"account:{account_id}")
    await uow.execute(
        "UPDATE app_token t SET revoked_at = $2 FROM app_grant g"
        " WHERE g.id = t.grant_id AND g.account_id = $1 AND t.revoked_at IS NULL",
        account_id,
        now,
    )
    await uow.execute(
        "UPDATE app_code c SET used_at = $2 FROM app_grant g"
        " WHERE g.id = c.grant_id AND g.account_id = $1 AND c.used_at IS NULL",
        account_id,
        now,
    )
