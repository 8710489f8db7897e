"""The second step of signing in: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

Administrators have to take it when they sign in by password; who signs in through an OIDC provider has proved themselves
there. A secret is sealed with a key of the key folder and bound to its account, so a copy of the database holds none.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import pyotp
import segno
from pyotp.exceptions import OTPVerificationError

from gongzhi.errors import NoSuchThing
from gongzhi.identity.sealed import Seal
from gongzhi.identity.tokens import secret_hash
from gongzhi.store.unit_of_work import UnitOfWork

ISSUER: Final = "Gongzhi"
RECOVERY_CODES: Final = 10

_RECOVERY_BYTES: Final = 10
_WINDOW: Final = 1
"""Steps of 30 seconds that a phone's clock may be off (RFC 6238 §5.2)."""

_CODE: Final = re.compile(r"[0-9]{6}")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in whose password was right and whose second step is still to come; sealed into the browser's cookie.

    `password` is a hash of the account's password hash, so that a new password voids it. `secret` is that of an
    enrolment: it is nobody's until a code shows that it has arrived.
    """

    account_id: UUID
    password: str
    until: float
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class SecondStep:
    """What a browser is told that has to take the second step: with a `secret`, it has to enrol first."""

    waiting: Waiting
    login: str

    @property
    def uri(self) -> str:
        """The enrolment's address for authenticator apps (`otpauth://`)."""
        return pyotp.TOTP(self.waiting.secret).provisioning_uri(name=self.login, issuer_name=ISSUER)

    @property
    def picture(self) -> str:
        """That address as a QR code: an SVG in a `data:` address."""
        return segno.make(self.uri, micro=False).svg_data_uri(scale=5, border=2)


class SecondFactors:
    """The second factors of a store's accounts; every method works in the caller's unit of work."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def of(self, uow: UnitOfWork, account_id: UUID) -> Mapping[str, Any] | None:
        """An account's factor, locked, or None."""
        return await uow.fetchrow("SELECT * FROM second_factor WHERE account_id = $1 FOR UPDATE", account_id)

    async def enrol(
        self, uow: UnitOfWork, account_id: UUID, secret: str, code: str, now: datetime
    ) -> list[str] | None:
        """Enrol an account whose phone shows a code of the secret; answers recovery codes, or None for a wrong code.

        The recovery codes can be read here and never again.
        """
        step = _step(secret, code, now, after=-1)
        if step is None:
            return None
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        row = {
            "id": uuid4(),
            "account_id": account_id,
            "secret": self._seal.seal(secret.encode(), _purpose(account_id)),
            "last_step": step,
            "recovery": [_recovery_hash(code) for code in codes],
            "enrolled_at": now,
        }
        await uow.insert("second_factor", row)
        return codes

    async def take(self, uow: UnitOfWork, factor: Mapping[str, Any], code: str, now: datetime) -> bool:
        """Whether the code is the factor's and new; it is then used up. A recovery code does once, too."""
        if _CODE.fullmatch(code):
            secret = self._seal.open(factor["secret"], _purpose(factor["account_id"]))
            step = None if secret is None else _step(secret.decode(), code, now, after=factor["last_step"])
            if step is None:
                return False
            await uow.update("second_factor", factor, last_step=step)
            return True
        hashed = _recovery_hash(code)
        if hashed not in factor["recovery"]:
            return False
        left = [other for other in factor["recovery"] if other != hashed]
        await uow.update("second_factor", factor, recovery=left)
        return True


async def forget_factor(uow: UnitOfWork, account_id: UUID) -> None:
    """Take an account's factor away, so that the next sign-in enrols anew. Raises `NoSuchThing`."""
    row = await uow.fetchrow("SELECT * FROM second_factor WHERE account_id = $1 FOR UPDATE", account_id)
    if row is None:
        raise NoSuchThing(where="/login")
    await uow.delete("second_factor", row)


def new_totp_secret() -> str:
    """160 random bits in base32, as RFC 4226 §4 (R6) recommends."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def password_mark(password_hash: str | None) -> str:
    """What tells one password of an account from the next, and nothing else."""
    return secret_hash(password_hash or "").hex()[:32]


def _step(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """The time step whose code this is, if it comes after the last one that was used (RFC 6238 §5.2)."""
    try:
        step = pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=_WINDOW)
    except OTPVerificationError:
        return None
    return step if step > after else None


def _recovery_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode()
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _recovery_hash(code: str) -> bytes:
    """80 random bits want no slow hash."""
    return secret_hash(re.sub(r"[\s-]", "", code).upper())


def _purpose(account_id: UUID) -> bytes:
    return b"gongzhi totp\0" + account_id.bytes
