"""Small secrets that leave this process, sealed: into a browser's cookie, into a row of the database.

AES-256-GCM under a key of the key folder, bound to what the secret is for.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"


class Seal:
    """Seals and opens with one key, 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: bytes, purpose: bytes) -> bytes:
        """The secret as a blob that opens for the same purpose only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, secret, purpose)

    def open(self, blob: bytes, purpose: bytes) -> bytes | None:
        """The secret in a blob, or None: it is not ours, was changed, or is for another purpose."""
        if blob[:1] != _FORMAT or len(blob) <= 1 + _NONCE_BYTES:
            return None
        try:
            return self._cipher.decrypt(blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :], purpose)
        except InvalidTag:
            return None
