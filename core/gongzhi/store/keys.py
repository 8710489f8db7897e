"""Keys of an installation: `<home>/keys/`, mode 0700, one file of 32 bytes (0600) a key, made at first start.

A key is never made twice: `manifest.json` and the database hold a fingerprint of each, and a key that is
missing, damaged, or not the one that the data was made with is refused. The class is the port that an HSM
can fill.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gongzhi.declarations import Text
from gongzhi.errors import KeyUnreadable
from gongzhi.plurals import counted
from gongzhi.store.durable import write_durably
from gongzhi.store.faults import folder_faults

KEYS = ("master", "audit_signing", "organ_signing", "pseudonym", "row", "unique", "csrf")
"""Keys that every installation has; others are made when first asked for."""

KEY_BYTES = 32


class KeyFolder:
    """The keys of one home. Secrets are 32 random bytes; a signing key is an Ed25519 seed."""

    def __init__(self, folder: Path, keys: dict[str, bytes]) -> None:
        self.folder = folder
        self._keys = keys

    @classmethod
    def open(cls, folder: Path, *, noted: Mapping[str, bytes] | None = None) -> KeyFolder:
        """Read the folder's keys, and make those of `KEYS` that never were; many processes may do so at once.

        `noted` are the fingerprints that the database holds, by key name.

        Raises:
            KeyUnreadable: a key that once was is missing, damaged, another one, or open to other users.
            HomeNotWritable, NoSpace: the folder can't be made.
        """
        opened = cls(folder, {})
        with folder_faults(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        with opened._locked():
            _refuse_if_open_to_others(folder, folder.name)
            manifest = opened._manifest()
            for name in dict.fromkeys((*KEYS, *manifest, *(noted or {}))):
                opened._take(name, manifest, noted or {})
        return opened

    @property
    def master_key(self) -> bytes:
        """Wraps the subjects' keys."""
        return self.secret("master")

    @property
    def audit_signing(self) -> Ed25519PrivateKey:
        """Signs checkpoints of the audit log."""
        return self.signing_key("audit_signing")

    @property
    def organ_signing(self) -> Ed25519PrivateKey:
        """Signs the evidence that letters leave."""
        return self.signing_key("organ_signing")

    @property
    def pseudonym_key(self) -> bytes:
        """Makes pseudonyms in the audit log."""
        return self.secret("pseudonym")

    @property
    def row_key(self) -> bytes:
        """Hashes rows in the audit log."""
        return self.secret("row")

    @property
    def unique_key(self) -> bytes:
        """Hashes what makes a case the only one of its kind."""
        return self.secret("unique")

    def secret(self, name: str) -> bytes:
        """The secret of that name, made when first asked for."""
        if name not in self._keys:
            with self._locked():
                self._take(name, self._manifest(), {})
        return self._keys[name]

    def signing_key(self, name: str) -> Ed25519PrivateKey:
        """The signing key of that name, made when first asked for."""
        return Ed25519PrivateKey.from_private_bytes(self.secret(name))

    def fingerprints(self) -> dict[str, bytes]:
        """What tells each key from another and gives nothing of it away, by name."""
        return {name: fingerprint(name, key) for name, key in self._keys.items()}

    def _take(self, name: str, manifest: dict[str, str], noted: Mapping[str, bytes]) -> None:
        path = self.folder / f"{name}.key"
        expected = {bytes.fromhex(manifest[name])} if name in manifest else set()
        expected |= {noted[name]} if name in noted else set()
        if expected and not path.exists():
            raise KeyUnreadable(name=path.name, problem=Text(zh="文件缺失", en="the file is missing"))
        key = _read(path) if path.exists() else self._make(path)
        if expected - {fingerprint(name, key)}:
            problem = Text(zh="与数据所用的密钥不同", en="it is not the key that the data was made with")
            raise KeyUnreadable(name=path.name, problem=problem)
        if name not in manifest:
            manifest[name] = fingerprint(name, key).hex()
            self._write("manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
        self._keys[name] = key

    def _make(self, path: Path) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        self._write(path.name, key)
        return key

    def _write(self, name: str, content: bytes) -> None:
        """Put a file on the disk before anything is made with what it says."""
        with folder_faults(self.folder):
            write_durably(self.folder / name, content)

    def _manifest(self) -> dict[str, str]:
        path = self.folder / "manifest.json"
        try:
            return dict(json.loads(path.read_bytes())) if path.exists() else {}
        except (OSError, ValueError) as error:
            raise KeyUnreadable(name=path.name, problem=Text(zh="无法读取", en="it can't be read")) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with folder_faults(self.folder):
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def fingerprint(name: str, key: bytes) -> bytes:
    """A hash of a key, 16 bytes; with 256 random bits under it, it tells nothing about the key."""
    return hashlib.sha256(b"gongzhi key\0" + name.encode() + b"\0" + key).digest()[:16]


def _read(path: Path) -> bytes:
    _refuse_if_open_to_others(path, path.name)
    try:
        key = path.read_bytes()
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise KeyUnreadable(name=path.name, problem=words) from error
    if len(key) != KEY_BYTES:
        problem = Text(
            zh=f"长度为 {len(key)} 字节，应为 {KEY_BYTES}",
            en=f"it has {counted(len(key), 'byte', 'bytes')}, not {KEY_BYTES}",
        )
        raise KeyUnreadable(name=path.name, problem=problem)
    return key


def _refuse_if_open_to_others(path: Path, name: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        problem = Text(
            zh=f"权限为 {mode:04o}，其他用户可以读取；确认未泄露后请执行 chmod go= {path}",
            en=f"other users can open it (mode {mode:04o}); if nobody did, run chmod go= {path}",
        )
        raise KeyUnreadable(name=name, problem=problem)
