"""Encryption of personal data under a key per person, so that erasing the key erases the data everywhere.

A subject is one person in one case. The key (256 bits) is wrapped by the installation's master key, which
never enters the database; a long-lived backup leaves the table `subject_key` out, or erasure would be false.
(On the disk an erased key stays, wrapped, in a dead row until VACUUM and in the write-ahead log until that is
recycled.)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gongzhi.declarations import Json, Text
from gongzhi.errors import KeyUnreadable
from gongzhi.store.keys import KeyFolder
from gongzhi.store.unit_of_work import UnitOfWork

FORMAT = b"\x01"  # AES-256-GCM: format, 12 bytes of nonce, ciphertext with its tag
NONCE_BYTES = 12


@dataclass(frozen=True, repr=False)
class Subject:
    """A subject whose key is at hand for one unit of work; it is shown nowhere."""

    id: UUID
    key: bytes

    def seal(self, value: Json) -> bytes:
        """`value` as a blob that only this subject's key opens."""
        return _seal(self.key, orjson.dumps(value, option=orjson.OPT_SORT_KEYS), _content(self.id))

    def unseal(self, blob: bytes) -> Json:
        """The value in a blob.

        Raises:
            KeyUnreadable: the blob was tampered with, or belongs to another subject.
        """
        return orjson.loads(_unseal(self.key, blob, _content(self.id), self.id))


class SubjectVault:
    """Makes, opens and destroys the keys of subjects; every method works inside the caller's unit of work."""

    def __init__(self, keys: KeyFolder) -> None:
        self._keys = keys

    async def create(self, uow: UnitOfWork, at: datetime) -> Subject:
        """A new subject with a key of its own."""
        subject = Subject(uuid4(), AESGCM.generate_key(bit_length=256))
        wrapped = _seal(self._keys.master_key, subject.key, _wrapping(subject.id))
        await uow.insert("subject_key", {"subject_id": subject.id, "wrapped_key": wrapped, "created_at": at})
        return subject

    async def open(self, uow: UnitOfWork, subject_id: UUID) -> Subject | None:
        """The subject, or None once its key was destroyed.

        Raises:
            KeyUnreadable: there is no such key, or it was tampered with or moved from another subject.
        """
        row = await uow.fetchrow("SELECT wrapped_key FROM subject_key WHERE subject_id = $1", subject_id)
        if row is None:
            problem = Text(zh="数据库中没有该密钥", en="the database does not have it")
            raise KeyUnreadable(name=f"subject {subject_id}", problem=problem)
        if row["wrapped_key"] is None:
            return None
        key = _unseal(self._keys.master_key, row["wrapped_key"], _wrapping(subject_id), subject_id)
        return Subject(subject_id, key)

    async def erase(self, uow: UnitOfWork, subject_id: UUID, at: datetime) -> None:
        """Destroy a subject's key; what it sealed can't be read again. Erasing twice changes nothing."""
        await uow.execute(
            "UPDATE subject_key SET wrapped_key = NULL, erased_at = $2 "
            "WHERE subject_id = $1 AND erased_at IS NULL",
            subject_id,
            at,
        )


def _wrapping(subject_id: UUID) -> bytes:
    return b"gongzhi subject key\0" + subject_id.bytes


def _content(subject_id: UUID) -> bytes:
    return b"gongzhi subject data\0" + subject_id.bytes


def _seal(key: bytes, content: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return FORMAT + nonce + AESGCM(key).encrypt(nonce, content, bound_to)


def _unseal(key: bytes, blob: bytes, bound_to: bytes, subject_id: UUID) -> bytes:
    nonce, sealed = blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
    try:
        if blob[:1] != FORMAT or len(nonce) < NONCE_BYTES:
            raise InvalidTag
        return AESGCM(key).decrypt(nonce, sealed, bound_to)
    except InvalidTag as error:
        problem = Text(zh="内容无法解密，可能被改动", en="it does not decrypt; something was changed")
        raise KeyUnreadable(name=f"subject {subject_id}", problem=problem) from error
