"""Logins and passwords of local accounts: their form, and argon2id off the event loop.

Who may sign in, and how often it may fail, is `gongzhi.identity.sign_in`.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput

LOGIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
"""A login: 2 to 64 of lower-case letters, digits, dot, underscore and hyphen."""

PASSWORD_MIN_CHARACTERS: Final = 10
PASSWORD_MAX_CHARACTERS: Final = 200
LENGTH: Final = Text(
    zh=f"须为 {PASSWORD_MIN_CHARACTERS} 至 {PASSWORD_MAX_CHARACTERS} 个字符",
    en=f"must have {PASSWORD_MIN_CHARACTERS} to {PASSWORD_MAX_CHARACTERS} characters",
)
HOLDS_LOGIN: Final = Text(zh="不得包含登录名", en="must not contain the login")


def normal_login(text: str) -> str:
    """A login as it is stored: full-width forms (of Chinese input methods) folded, lower case, trimmed."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def check_login(login: str) -> str:
    """The login in normal form. Raises `InvalidInput` unless it is a `LOGIN`."""
    login = normal_login(login)
    if not LOGIN.fullmatch(login):
        form = LOGIN.pattern
        raise InvalidInput(where="/login", problem=Text(zh=f"须符合 {form}", en=f"must match {form}"))
    return login


def check_password(password: str, login: str) -> None:
    """Raises `InvalidInput` for a password that is too short, too long, or holds the login."""
    length = len(password)
    if not PASSWORD_MIN_CHARACTERS <= length <= PASSWORD_MAX_CHARACTERS:
        raise InvalidInput(where="/password", problem=LENGTH)
    if login in password.lower():
        raise InvalidInput(where="/password", problem=HOLDS_LOGIN)


class Passwords:
    """Hashes and verifies passwords with argon2id (RFC 9106, second recommended option: 64 MiB, 3 passes).

    Work runs in threads, which argon2 lets run in parallel; how many at once is the caller's to bound.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The encoded hash of a password, with a salt of its own."""
        return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Whether the password is the hashed one. Without a hash: False, after as long a computation."""
        if self._decoy is None:
            self._decoy = await self.hash("decoy")
        matches = await asyncio.to_thread(self._matches, encoded or self._decoy, _normal(password))
        return matches and encoded is not None

    def _matches(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except VerifyMismatchError:
            return False


def _normal(password: str) -> str:
    """NFKC, so that full-width letters are the same password (NIST SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
