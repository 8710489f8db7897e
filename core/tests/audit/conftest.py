"""What the audit tests share: a log built in a folder from pure parts, and the naive tree of RFC 6962."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gongzhi.audit.growth import grow
from gongzhi.audit.merkle import leaf_hash
from gongzhi.audit.notes import Checkpoint, PublicKey
from gongzhi.audit.tiles import WIDTH, pack_entries, tiles_of

ORIGIN = "gongzhi.test/audit"
_PROGRAM = Path(__file__).parent / "go" / "tlogcheck.go"
_GOPATH = "/usr/share/gocode"


def naive_root(entries: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()


@pytest.fixture(scope="session")
def mth() -> Callable[[Sequence[bytes]], bytes]:
    return naive_root


@pytest.fixture(scope="session")
def signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def public_key(signing_key: Ed25519PrivateKey) -> PublicKey:
    return PublicKey.of(ORIGIN, signing_key)


BuildLog = Callable[[Path, int], list[bytes]]


@pytest.fixture(scope="session")
def build_log(signing_key: Ed25519PrivateKey) -> BuildLog:
    """Write a log of `size` entries as static files into a folder; answers the entries."""

    def build(folder: Path, size: int) -> list[bytes]:
        entries = [f"entry {number}".encode() * (number % 5 + 1) for number in range(size)]
        growth = grow(0, (), [leaf_hash(entry) for entry in entries])
        for tile in tiles_of(size):
            file = folder / tile.path
            file.parent.mkdir(parents=True, exist_ok=True)
            start = tile.index * WIDTH
            file.write_bytes(
                pack_entries(entries[start : start + tile.width])
                if tile.kind == "entries"
                else growth.tiles[tile.level, tile.index]
            )
        note = Checkpoint(origin=ORIGIN, size=size, root=growth.root).sign(signing_key)
        (folder / "checkpoint").write_text(note)
        return entries

    return build


@pytest.fixture(scope="session")
def tlogcheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled checker."""
    go = shutil.which("go")
    if go is None or not (Path(_GOPATH) / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        reason = "Go and golang.org/x/mod are missing: apt-get install golang-go golang-golang-x-mod-dev"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("go")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": _GOPATH,
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
    }
    subprocess.run(
        [go, "build", "-o", folder / "tlogcheck", _PROGRAM], env=environment, check=True, timeout=280
    )
    return folder / "tlogcheck"
