"""Delegation: a person's consent, the code that carries it to the app, and the tokens that come of the code.

After OAuth 2.1: authorization code with PKCE (RFC 6749, 7636), and refresh tokens that are replaced at each use (RFC
9700 §4.14). One code begins one family of tokens; a code or a refresh token that comes twice ends its family, since one
of the two who had it stole it. The functions write in the caller's unit of work, and answer a refusal instead of
raising it, so that ending a family is committed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from gongzhi.errors import NoSuchThing
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.apps.registry import App
from gongzhi.identity.tokens import new_secret, secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

ACCESS_PREFIX: Final = "gongzhiapp_"
REFRESH_PREFIX: Final = "gongzhirefresh_"

CODE_LASTS: Final = timedelta(seconds=60)
ACCESS_LASTS: Final = timedelta(minutes=10)
REFRESH_LASTS: Final = timedelta(days=30)
"""A refresh token that nobody uses for so long is void."""
FAMILY_LASTS: Final = timedelta(days=180)
"""After so long the person is asked again, however busy the app is."""

CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""A code challenge of the method S256: base64url of 32 bytes (RFC 7636 §4.2)."""
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")

_KEPT: Final = timedelta(days=1)
USED_EVERY: Final = timedelta(minutes=1)
"""The use of a delegation is noted this often at most, so that reading does not write all the time."""

Wrong = Literal["unknown", "reused", "closed", "scope"]
"""Why no tokens come of a code or a refresh token."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """New tokens; `scopes` are the access token's."""

    access: str
    refresh: str
    scopes: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """No tokens. `account_id` is whose delegation it was, None where nobody knows; `ended` says that it ended a family."""

    why: Wrong
    account_id: UUID | None = None
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """What a person lets an app do, until it is revoked; times are aware UTC, `used_at` None before the first use."""

    id: UUID
    app: str
    app_en: str
    organ: str
    organ_en: str
    scopes: tuple[str, ...]
    granted_at: datetime
    used_at: datetime | None


async def consent(
    uow: UnitOfWork,
    app: App,
    account_id: UUID,
    *,
    scopes: Collection[str],
    redirect_uri: str,
    challenge: str,
    now: datetime,
) -> str:
    """Put a person's consent on record, under `hold_account`, and answer the code for the app.

    The newest consent is what holds.
    """
    live = await uow.fetchrow(
        "SELECT * FROM app_grant WHERE app_id = $1 AND account_id = $2 AND revoked_at IS NULL FOR UPDATE",
        app.id,
        account_id,
    )
    if live is None:
        row = {
            "id": uuid4(),
            "app_id": app.id,
            "account_id": account_id,
            "scopes": sorted(scopes),
            "granted_at": now,
        }
        (live,) = await uow.insert("app_grant", row)
    else:
        live = await uow.update("app_grant", live, scopes=sorted(scopes), granted_at=now)
    code = new_secret()
    row = {
        "code_hash": secret_hash(code),
        "family": uuid4(),
        "grant_id": live["id"],
        "scopes": sorted(scopes),
        "redirect_uri": redirect_uri,
        "challenge": challenge,
        "expires_at": now + CODE_LASTS,
    }
    await uow.insert("app_code", row)
    return code


async def redeem(
    uow: UnitOfWork, app: App, code: str, *, redirect_uri: str, verifier: str, now: datetime
) -> Tokens | Refusal:
    """The first tokens of a code."""
    await _hold_account(uow, "app_code", "code_hash", code)
    row = await uow.fetchrow(
        "SELECT c.*, g.account_id, g.app_id, g.revoked_at FROM app_code c JOIN app_grant g ON g.id = c.grant_id"
        " WHERE c.code_hash = $1 FOR UPDATE OF c",
        secret_hash(code),
    )
    if row is None or row["app_id"] != app.id:
        return Refusal(why="unknown")
    if row["used_at"] is not None:
        await _end_family(uow, row["family"], now)
        return Refusal(why="reused", account_id=row["account_id"], ended=True)
    # From here on it is spent, whatever comes of it: nobody tries verifiers one after the other.
    await uow.execute("UPDATE app_code SET used_at = $2 WHERE code_hash = $1", row["code_hash"], now)
    fits = (
        now < row["expires_at"]
        and row["revoked_at"] is None
        and hmac.compare_digest(redirect_uri.encode(), row["redirect_uri"].encode())
        and VERIFIER.fullmatch(verifier) is not None
        and hmac.compare_digest(challenge_of(verifier), row["challenge"])
    )
    if not fits:
        return Refusal(why="unknown", account_id=row["account_id"])
    if not await _may_act(uow, row["account_id"], now):
        return Refusal(why="closed", account_id=row["account_id"])
    return await _issue(uow, row, frozenset(row["scopes"]), frozenset(row["scopes"]), began_at=now, now=now)


async def refresh(
    uow: UnitOfWork, app: App, token: str, *, scopes: Collection[str] | None, now: datetime
) -> Tokens | Refusal:
    """New tokens for a refresh token, which is spent. `scopes` narrow the access token; None leaves them."""
    await _hold_account(uow, "app_token", "token_hash", token)
    row = await uow.fetchrow(
        "SELECT t.*, g.account_id, g.app_id, g.revoked_at AS ended_at FROM app_token t JOIN app_grant g"
        " ON g.id = t.grant_id WHERE t.token_hash = $1 AND t.kind = 'refresh' FOR UPDATE OF t",
        secret_hash(token),
    )
    if row is None or row["app_id"] != app.id:
        return Refusal(why="unknown")
    account_id: UUID = row["account_id"]
    if row["replaced_at"] is not None:
        await _end_family(uow, row["family"], now)
        return Refusal(why="reused", account_id=account_id, ended=row["revoked_at"] is None)
    if row["revoked_at"] is not None or row["ended_at"] is not None or row["expires_at"] <= now:
        return Refusal(why="unknown", account_id=account_id)
    held = frozenset(row["scopes"])
    if scopes is not None and not set(scopes) <= held:
        return Refusal(why="scope", account_id=account_id)
    if not await _may_act(uow, account_id, now):
        return Refusal(why="closed", account_id=account_id)
    await uow.execute("UPDATE app_token SET replaced_at = $2 WHERE token_hash = $1", row["token_hash"], now)
    narrowed = held if scopes is None else frozenset(scopes)
    return await _issue(uow, row, narrowed, held, began_at=row["began_at"], now=now)


async def give_back(uow: UnitOfWork, app: App, token: str, now: datetime) -> None:
    """End the family of an access or refresh token of `app` (RFC 7009); an unknown one is no matter."""
    await _hold_account(uow, "app_token", "token_hash", token)
    family = await uow.fetchval(
        "SELECT t.family FROM app_token t JOIN app_grant g ON g.id = t.grant_id"
        " WHERE t.token_hash = $1 AND g.app_id = $2",
        secret_hash(token),
        app.id,
    )
    if family is not None:
        await _end_family(uow, family, now)


async def delegations_of(uow: UnitOfWork, account_id: UUID) -> list[Delegation]:
    """What a person lets apps do now, the newest first; apps that were revoked are not among them."""
    rows = await uow.fetch(
        "SELECT g.id, a.name AS app, a.name_en AS app_en, o.name AS organ, o.name_en AS organ_en,"
        " ARRAY(SELECT unnest(g.scopes) INTERSECT SELECT unnest(a.scopes) ORDER BY 1) AS scopes,"
        " g.granted_at, u.at AS used_at"
        " FROM app_grant g JOIN app a ON a.id = g.app_id JOIN organ o ON o.id = a.organ_id"
        " LEFT JOIN app_use u ON u.grant_id = g.id"
        " WHERE g.account_id = $1 AND g.revoked_at IS NULL AND a.disabled_at IS NULL"
        " ORDER BY g.granted_at DESC, g.id",
        account_id,
    )
    return [Delegation(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


async def withdraw(uow: UnitOfWork, account_id: UUID, grant_id: UUID, now: datetime) -> None:
    """Take back what a person let an app do: from the commit on its tokens are refused. Raises `NoSuchThing`."""
    row = await uow.fetchrow(
        "SELECT * FROM app_grant WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL FOR UPDATE",
        grant_id,
        account_id,
    )
    if row is None:
        raise NoSuchThing(where="/delegation")
    await uow.update("app_grant", row, revoked_at=now)


async def note_use(uow: UnitOfWork, grant_id: UUID, now: datetime) -> None:
    """Note that an app acted in the person's name."""
    await uow.execute(
        "INSERT INTO app_use (grant_id, at) VALUES ($1, $2) ON CONFLICT (grant_id) DO UPDATE SET at = $2",
        grant_id,
        now,
    )


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


async def _hold_account(
    uow: UnitOfWork, table: Literal["app_code", "app_token"], key: str, secret: str
) -> None:
    """Hold the row of whose secret it is: tokens of one account are made and ended one act after the other.

    Before any other row, as in `revoke_access`, and in a statement of its own: the next one sees what was done meanwhile.
    """
    await uow.execute(
        f"SELECT 1 FROM account WHERE id = (SELECT g.account_id FROM {table} t JOIN app_grant g ON g.id = t.grant_id"
        f" WHERE t.{key} = $1) FOR NO KEY UPDATE",
        secret_hash(secret),
    )


async def _may_act(uow: UnitOfWork, account_id: UUID, now: datetime) -> bool:
    row = await uow.fetchrow(
        f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$2')} WHERE a.id = $1",
        account_id,
        legal_day(now),
    )
    return row is not None and actor_of(row) is not None


async def _issue(
    uow: UnitOfWork,
    of: Mapping[str, Any],
    access_scopes: frozenset[str],
    refresh_scopes: frozenset[str],
    *,
    began_at: datetime,
    now: datetime,
) -> Tokens:
    tokens = Tokens(
        access=ACCESS_PREFIX + new_secret(), refresh=REFRESH_PREFIX + new_secret(), scopes=access_scopes
    )
    common = {
        "family": of["family"],
        "began_at": began_at,
        "grant_id": of["grant_id"],
        "created_at": now,
    }
    await uow.insert(
        "app_token",
        {
            **common,
            "token_hash": secret_hash(tokens.access),
            "kind": "access",
            "scopes": sorted(access_scopes),
            "expires_at": now + ACCESS_LASTS,
        },
        {
            **common,
            "token_hash": secret_hash(tokens.refresh),
            "kind": "refresh",
            "scopes": sorted(refresh_scopes),
            "expires_at": min(now + REFRESH_LASTS, began_at + FAMILY_LASTS),
        },
    )
    await _purge(uow, now)
    return tokens


async def _end_family(uow: UnitOfWork, family: UUID, now: datetime) -> None:
    """Revoke the tokens of a family; the caller holds the account's row, so none is added meanwhile."""
    await uow.execute(
        "UPDATE app_token SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL", family, now
    )


async def _purge(uow: UnitOfWork, now: datetime) -> None:
    """Delete codes and tokens that are long over; a replaced refresh token stays as long as its family, to be caught."""
    for table, condition in (
        ("app_code", "expires_at <= $1"),
        ("app_token", "expires_at <= $1 AND (kind = 'access' OR began_at <= $2)"),
    ):
        key = "code_hash" if table == "app_code" else "token_hash"
        values = (now - _KEPT,) if table == "app_code" else (now - _KEPT, now - FAMILY_LASTS)
        await uow.execute(
            f"DELETE FROM {table} WHERE {key} IN"
            f" (SELECT {key} FROM {table} WHERE {condition} LIMIT 50 FOR UPDATE SKIP LOCKED)",
            *values,
        )
