"""Secrets of service accounts, for which they get bearer tokens of a quarter of an hour (RFC 6749 §4.4).

A secret is 256 random bits and is stored as its SHA-256, like every other; it goes to the token endpoint only, so what
travels with each request is worth little. The endpoint itself is `gongzhi.identity.oauth.tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.tokens import LONGEST, new_secret, secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

SECRET_PREFIX: Final = "gongzhi_secret_"
"""Lets scanners for leaked secrets recognise one."""

TOKEN_LASTS: Final = timedelta(minutes=15)

SERVICE_ONLY: Final = Text(zh="只有服务账号使用密钥", en="only service accounts have secrets")
VALID_FOR: Final = Text(
    zh=f"须大于 0 且不超过 {LONGEST.days} 天", en=f"must be over 0 and at most {LONGEST.days} days"
)


async def make_secret(uow: UnitOfWork, account_id: UUID, now: datetime, valid_for: timedelta) -> str:
    """A new secret of a service account; it can be read here and never again. An older one stays, for the change-over.

    Raises `InvalidInput` for another account, and unless 0 < `valid_for` <= `LONGEST`.
    """
    if not timedelta(0) < valid_for <= LONGEST:
        raise InvalidInput(where="/days", problem=VALID_FOR)
    if await uow.fetchval("SELECT kind FROM account WHERE id = $1", account_id) != "service":
        raise InvalidInput(where="/login", problem=SERVICE_ONLY)
    secret = SECRET_PREFIX + new_secret()
    row = {
        "id": uuid4(),
        "account_id": account_id,
        "secret_hash": secret_hash(secret),
        "created_at": now,
        "expires_at": now + valid_for,
    }
    await uow.insert("client_secret", row)
    return secret


async def find_client(uow: UnitOfWork, client_id: str, secret: str, now: datetime) -> UUID | None:
    """The service account `client_id`, if the secret is one of its own that is valid now.

    Its row is held until the unit of work ends, so a token for the secret is made before a revocation or not at all.
    """
    await uow.execute("SELECT 1 FROM account WHERE login = $1 AND kind = 'service' FOR SHARE", client_id)
    account_id: UUID | None = await uow.fetchval(
        "SELECT a.id FROM client_secret s JOIN account a ON a.id = s.account_id"
        " WHERE s.secret_hash = $1 AND a.login = $2 AND a.kind = 'service'"
        " AND s.revoked_at IS NULL AND s.expires_at > $3",
        secret_hash(secret),
        client_id,
        now,
    )
    return account_id


async def secrets_of(uow: UnitOfWork, login: str) -> list[dict[str, Any]]:
    """The secrets of a service account, the newest first: everything but the secrets."""
    return await uow.fetch(
        "SELECT s.id, s.created_at, s.expires_at, s.revoked_at FROM client_secret s"
        " JOIN account a ON a.id = s.account_id WHERE a.login = $1 ORDER BY s.created_at DESC, s.id",
        login,
    )


async def revoke_secret(uow: UnitOfWork, secret_id: UUID, now: datetime) -> Mapping[str, Any]:
    """Take one secret back; answers the row of its account. Raises `NoSuchThing`."""
    row = await uow.fetchrow(
        "UPDATE client_secret s SET revoked_at = coalesce(s.revoked_at, $2) FROM account a"
        " WHERE s.id = $1 AND a.id = s.account_id RETURNING a.*",
        secret_id,
        now,
    )
    if row is None:
        raise NoSuchThing(where="/id")
    return row


async def revoke_secrets(uow: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """Take every secret of an account back."""
    await uow.execute(
        "UPDATE client_secret SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL",
        account_id,
        now,
    )
