"""Failures to sign in, counted in PostgreSQL per login, client address and token, so that guessing is slow.

Visitors' requests are counted here too, so that nobody unknown can keep the server busy.

A login that does not exist is counted like one that does; neither the limit nor its end tells them apart.
Keys are keyed hashes: no address, and no password typed into the wrong field, is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from gongzhi.store.unit_of_work import UnitOfWork

Kind = Literal["login", "address", "token", "visitor", "practice", "app", "glass"]

WINDOW: Final = timedelta(minutes=15)
"""Failures are counted over this long from the first; who reaches the limit waits this long."""

LIMITS: Final[Mapping[Kind, int]] = {
    "login": 5,
    "address": 100,
    "token": 20,
    "visitor": 3_000,
    "practice": 300,
    "app": 300,
    "glass": 5,
}
"""Failures in one window. An address may be a whole hospital's; a token is one client's.

`glass` is tries of an account at breaking the glass of a case, right or wrong.
`visitor` is requests of an address without credentials, refused or not: each visit of a console begins with one.
`practice` is requests with an app's practice key, refused or not; `app` is an address's failures at the token endpoint,
apart from sign-in's, so that an app that goes wrong keeps nobody of a hospital from signing in.
"""

_FAIL: Final = """
INSERT INTO sign_in_attempt AS t (key, failures, started_at) VALUES ($1, 1, $2)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN t.started_at <= $3 THEN 1 ELSE t.failures + 1 END,
    started_at = CASE WHEN t.started_at <= $3 OR t.failures + 1 >= $4 THEN $2 ELSE t.started_at END
RETURNING failures
"""

_PURGE: Final = """
DELETE FROM sign_in_attempt WHERE key IN (
    SELECT key FROM sign_in_attempt WHERE started_at <= $1 LIMIT 50 FOR UPDATE SKIP LOCKED)
"""


def address_block(host: str) -> str:
    """The part of a client's address that it can't choose freely: an IPv6 /64, or all of IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))


class Attempts:
    """Counts failures under keys that are hashed with `secret`, 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def seconds_blocked(self, uow: UnitOfWork, kind: Kind, value: str, now: datetime) -> int:
        """How long nothing more is tried for this login or address; 0 when it may be."""
        started_at: datetime | None = await uow.fetchval(
            "SELECT started_at FROM sign_in_attempt WHERE key = $1 AND failures >= $2 AND started_at > $3",
            self._key(kind, value),
            LIMITS[kind],
            now - WINDOW,
        )
        return 0 if started_at is None else math.ceil((started_at + WINDOW - now).total_seconds())

    async def fail(self, uow: UnitOfWork, kind: Kind, value: str, now: datetime) -> bool:
        """Count one failure; True when that reaches the limit, from which moment a whole window must pass.

        Callers count a login before an address, so that two of them never wait for each other.
        """
        limit = LIMITS[kind]
        failures: int = await uow.fetchval(_FAIL, self._key(kind, value), now, now - WINDOW, limit)
        await uow.execute(_PURGE, now - WINDOW)
        return failures >= limit

    async def forget(self, uow: UnitOfWork, kind: Kind, value: str) -> None:
        """Begin anew after a success."""
        await uow.execute("DELETE FROM sign_in_attempt WHERE key = $1", self._key(kind, value))

    def _key(self, kind: Kind, value: str) -> bytes:
        return hmac.digest(self._secret, f"{kind}:{value}".encode(), hashlib.sha256)
