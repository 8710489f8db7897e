"""Signed notes and checkpoints: the few lines by which the log commits to all that is in it.

C2SP signed-note (https://c2sp.org/signed-note) with Ed25519, and C2SP tlog-checkpoint
(https://c2sp.org/tlog-checkpoint) on top. Read strictly: a byte that is not as it must be is a broken log.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gongzhi.audit.faults import bad_argument, broken, invalid
from gongzhi.audit.merkle import HASH_BYTES
from gongzhi.errors import AuditBroken, AuditKeyDiffers

_ED25519 = b"\x01"
_MAX_NOTE_BYTES = 1_000_000
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_NAME = re.compile(r"[^\s+\x00-\x1f]+")
_CHECKPOINT = re.compile(
    r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9]\d{0,17})\n(?P<root>[^\n]+)\n(?:[^\n]+\n)*", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A log's name and Ed25519 key; what a verifier must have got by a way of its own."""

    name: str
    raw: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise invalid(
                "audit_origin", zh="名称不能为空，也不能含空白或加号", en="no blanks or plus signs in it"
            )

    @property
    def id(self) -> bytes:
        """The four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        """`<name>+<id>+<key>`, the form that Go's `note.NewVerifier` reads."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def of(cls, name: str, private: Ed25519PrivateKey) -> PublicKey:
        """The public side of the log's key."""
        return cls(name=name, raw=private.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read the form that `str()` writes. Raises `InvalidInput`."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        material = decode_base64(encoded)
        if material is None or material[:1] != _ED25519 or len(material) != 33:
            raise bad_argument(
                "--public-key",
                zh="应为“名称+编号+base64”形式的 Ed25519 公钥",
                en="not name+id+base64 of Ed25519",
            )
        key = cls(name=name, raw=material[1:])
        if key.id.hex() != key_id:
            raise bad_argument("--public-key", zh="编号与公钥不符", en="the id is not that of the key")
        return key


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A commitment to the first `size` entries; `root` is the RFC 6962 tree hash over them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, private: Ed25519PrivateKey) -> str:
        """The whole checkpoint as it is published; the key's name is the origin."""
        signature = PublicKey.of(self.origin, private).id + private.sign(self.text.encode())
        return f"{self.text}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def resembles_checkpoint(note: bytes) -> bool:
    """Whether this was ever a checkpoint, be it damaged: it has the lines at its head, or that of a signature."""
    return bool(re.match(rb"[^\n]+\n\d+\n[A-Za-z0-9+/=]+\n", note)) or "\n— ".encode() in note


def open_checkpoint(note: bytes, key: PublicKey) -> Checkpoint:
    """Read a published checkpoint and check that `key` signed it.

    Raises `AuditKeyDiffers` where only others signed it, else `AuditBroken`.
    """
    match = _CHECKPOINT.fullmatch(_open_note(note, key))
    root = decode_base64(match["root"]) if match else None
    if match is None or root is None or len(root) != HASH_BYTES:
        raise _broken(zh="内容不是检查点", en="the text is not a checkpoint")
    if match["origin"] != key.name:
        raise _broken(zh="来源行不是公钥的名称", en="the origin is not the key's name")
    return Checkpoint(origin=match["origin"], size=int(match["size"]), root=root)


def _open_note(note: bytes, key: PublicKey) -> str:
    """The text of a note, once `key`'s signature on it has been verified; those of others are passed over."""
    text, lines = _parts(note)
    verified, others = False, []
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        signature = decode_base64(match["signature"]) if match else None
        if match is None or signature is None or len(signature) < 5:
            raise _broken(zh="签名行格式不对", en="a signature line is malformed")
        if (match["name"], signature[:4]) == (key.name, key.id):
            _verify(key, signature[4:], text)
            verified = True
        else:
            others.append(f"{match['name']}+{signature[:4].hex()}")
    if not verified:
        given = f"{key.name}+{key.id.hex()}"
        raise AuditKeyDiffers(where="checkpoint", found=", ".join(others), given=given)
    return text


def _parts(note: bytes) -> tuple[str, list[str]]:
    """The signed text and the signature lines."""
    if len(note) > _MAX_NOTE_BYTES:
        raise _broken(zh="过长", en="it is too long")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise _broken(zh="不是有效的 UTF-8", en="it is not valid UTF-8") from error
    if any(char < " " and char != "\n" for char in whole):
        raise _broken(zh="含控制字符", en="it holds a control character")
    text, blank, signatures = whole.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise _broken(zh="不是签名文本", en="it is not a signed note")
    return text + "\n", signatures[:-1].split("\n")


def _verify(key: PublicKey, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, text.encode())
    except InvalidSignature as error:
        raise _broken(zh="签名不正确", en="the signature does not verify") from error


def decode_base64(text: str) -> bytes | None:
    """Base64, and only its one canonical spelling: stray bits after the last byte would go unnoticed."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None


def _broken(*, zh: str, en: str) -> AuditBroken:
    return broken("checkpoint", zh=f"检查点：{zh}", en=f"checkpoint: {en}")
