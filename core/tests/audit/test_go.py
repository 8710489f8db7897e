"""The log checked by a tool that is not ours: Go's `golang.org/x/mod/sumdb/tlog` and `note`.

Needs Debian's `golang-go` and `golang-golang-x-mod-dev` (`make system`). Elsewhere these tests are skipped
with that reason; in CI a missing Go is a failure.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gongzhi.audit.notes import PublicKey
from gongzhi.audit.proof import TreeReader
from gongzhi.audit.sources import FolderSource
from gongzhi.audit.tiles import tiles_of

pytestmark = [pytest.mark.go, pytest.mark.anyio]
BuildLog = Callable[[Path, int], list[bytes]]

_PROOFS = 50


async def _proofs(folder: Path, size: int) -> str:
    chance = random.Random(size)
    tree = TreeReader(source=FolderSource(folder=folder), size=size)

    def encoded(hashes: list[bytes]) -> list[str]:
        return [base64.b64encode(each).decode() for each in hashes]

    proofs = {
        "Inclusion": [
            {"Index": index, "Hashes": encoded(await tree.inclusion(index))}
            for index in chance.choices(range(size), k=_PROOFS)
        ],
        "Consistency": [
            {"Older": older, "Hashes": encoded(await tree.consistency(older))}
            for older in chance.choices(range(1, size + 1), k=_PROOFS)
        ],
    }
    return json.dumps(proofs)


def _run(tlogcheck: Path, *arguments: object) -> str:
    return subprocess.run(
        [str(tlogcheck), *map(str, arguments)], capture_output=True, text=True, check=True, timeout=200
    ).stdout


@pytest.mark.parametrize("size", [1, 2, 256, 257, 700, 66_000])
async def test_go_verifies_every_leaf_and_our_proofs(
    tmp_path: Path, tlogcheck: Path, build_log: BuildLog, public_key: PublicKey, size: int
) -> None:
    """Signature, all leaves, 50 inclusion and 50 consistency proofs; Go's own proofs are the same."""
    build_log(tmp_path / "log", size)
    (tmp_path / "proofs.json").write_text(await _proofs(tmp_path / "log", size))
    result = json.loads(_run(tlogcheck, public_key, tmp_path / "log", tmp_path / "proofs.json"))
    root = base64.b64encode(await TreeReader(source=FolderSource(folder=tmp_path / "log"), size=size).root())
    assert result == {
        "origin": public_key.name,
        "size": size,
        "root": root.decode(),
        "leaves": size,
        "inclusion": _PROOFS,
        "consistency": _PROOFS,
    }


async def test_go_catches_every_flipped_bit(
    tmp_path: Path, tlogcheck: Path, build_log: BuildLog, public_key: PublicKey
) -> None:
    """Each bit of the checkpoint, and 40 bits of every tile and bundle."""
    size = 700
    build_log(tmp_path / "log", size)
    (tmp_path / "proofs.json").write_text(await _proofs(tmp_path / "log", size))
    chance = random.Random(0)
    bits = [("checkpoint", bit) for bit in range((tmp_path / "log/checkpoint").stat().st_size * 8)]
    for tile in tiles_of(size):
        count = (tmp_path / "log" / tile.path).stat().st_size * 8
        bits += [(tile.path, chance.randrange(count)) for _ in range(40)]
    flips = tmp_path / "flips"
    flips.write_text("".join(f"{path} {bit}\n" for path, bit in bits))
    lines = _run(tlogcheck, public_key, tmp_path / "log", tmp_path / "proofs.json", flips).splitlines()
    assert len(lines) == len(bits)
    missed = [line for line in lines if not line.startswith("caught ")]
    assert missed == []


async def test_go_refuses_another_key(
    tmp_path: Path, tlogcheck: Path, build_log: BuildLog, public_key: PublicKey
) -> None:
    """The checker says no, so its yes means something."""
    build_log(tmp_path / "log", 3)
    (tmp_path / "proofs.json").write_text(await _proofs(tmp_path / "log", 3))
    stranger = PublicKey(name=public_key.name, raw=bytes(32))
    with pytest.raises(subprocess.CalledProcessError):
        _run(tlogcheck, stranger, tmp_path / "log", tmp_path / "proofs.json")
