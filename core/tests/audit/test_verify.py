"""Verification and proofs over static files, with every kind of damage."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gongzhi.audit.growth import grow
from gongzhi.audit.merkle import consistency_holds, leaf_hash
from gongzhi.audit.notes import Checkpoint, PublicKey
from gongzhi.audit.proof import InclusionProof, TreeReader, prove_inclusion
from gongzhi.audit.sources import FolderSource
from gongzhi.audit.tiles import tiles_of
from gongzhi.audit.verify import verify_log
from gongzhi.errors import AuditBroken, NoSuchThing

pytestmark = pytest.mark.anyio
BuildLog = Callable[[Path, int], list[bytes]]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 700, 65_536, 65_793])
async def test_a_whole_log_verifies(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey, size: int
) -> None:
    """At every size where a level begins or ends."""
    build_log(tmp_path, size)
    verified = await verify_log(FolderSource(folder=tmp_path), public_key)
    assert verified.checkpoint.size == size
    assert verified.files == len(list(tiles_of(size)))


@pytest.mark.parametrize("seed", range(40))
async def test_a_flipped_bit_in_any_file_is_caught_and_named(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey, seed: int
) -> None:
    """In tiles and bundles; for the checkpoint `test_notes` flips every bit."""
    build_log(tmp_path, 700)
    chance = random.Random(seed)
    tile = chance.choice(list(tiles_of(700)))
    file = tmp_path / tile.path
    content = bytearray(file.read_bytes())
    bit = chance.randrange(len(content) * 8)
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    with pytest.raises(AuditBroken) as found:
        await verify_log(FolderSource(folder=tmp_path), public_key)
    named = found.value.where.removeprefix("tile/")
    # A damaged level 0 tile and a damaged bundle look alike from below; the place is the same.
    assert named.split("/", 1)[1] == tile.path.removeprefix("tile/").split("/", 1)[1]


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/001", "tile/entries/002.p/188", "tile/1/000.p/2"])
async def test_a_missing_file_is_a_broken_log(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey, path: str
) -> None:
    """Nobody gets rid of an entry by losing its file."""
    build_log(tmp_path, 700)
    (tmp_path / path).unlink()
    with pytest.raises(AuditBroken) as found:
        await verify_log(FolderSource(folder=tmp_path), public_key)
    assert path == found.value.where


async def test_tiles_alone_verify_without_the_entries(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey
) -> None:
    """A verifier who may not see entries checks the tree; a damaged tile is still caught."""
    build_log(tmp_path, 700)
    shutil.rmtree(tmp_path / "tile" / "entries")
    source = FolderSource(folder=tmp_path)
    verified = await verify_log(source, public_key, read_entries=False)
    assert not verified.entries_read
    content = bytearray((tmp_path / "tile/0/001").read_bytes())
    content[40] ^= 1
    (tmp_path / "tile/0/001").write_bytes(content)
    with pytest.raises(AuditBroken):
        await verify_log(source, public_key, read_entries=False)


async def test_a_log_must_continue_the_checkpoint_that_an_auditor_kept(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey, signing_key: Ed25519PrivateKey
) -> None:
    """Rewritten or shortened history verifies in itself, and not against what was signed before."""
    build_log(tmp_path / "older", 300)
    build_log(tmp_path / "newer", 700)
    older = (tmp_path / "older" / "checkpoint").read_bytes()
    newer = (tmp_path / "newer" / "checkpoint").read_bytes()
    await verify_log(FolderSource(folder=tmp_path / "newer"), public_key, older_note=older)
    with pytest.raises(AuditBroken):
        await verify_log(FolderSource(folder=tmp_path / "older"), public_key, older_note=newer)
    rewritten = grow(0, (), [leaf_hash(b"another history")] * 300).root
    forged = Checkpoint(origin=public_key.name, size=300, root=rewritten).sign(signing_key)
    with pytest.raises(AuditBroken):
        await verify_log(FolderSource(folder=tmp_path / "newer"), public_key, older_note=forged.encode())


async def test_every_entry_has_a_proof_that_reads_back(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey
) -> None:
    """C2SP tlog-proof: written, read, checked; and worth nothing for another entry."""
    entries = build_log(tmp_path, 300)
    source = FolderSource(folder=tmp_path)
    for index, entry in enumerate(entries):
        text = str(await prove_inclusion(source, index, public_key))
        proof = InclusionProof.parse(text)
        assert proof.check(leaf_hash(entry), public_key).size == 300
        with pytest.raises(AuditBroken):
            proof.check(leaf_hash(b"another entry"), public_key)
        assert text.startswith(f"c2sp.org/tlog-proof@v1\nindex {index}\n")
    with pytest.raises(NoSuchThing):
        await prove_inclusion(source, 300, public_key)
    with pytest.raises(AuditBroken):
        InclusionProof.parse("c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\nx\n")


async def test_every_earlier_size_has_a_consistency_proof(
    tmp_path: Path, build_log: BuildLog, public_key: PublicKey
) -> None:
    """From the tiles of the newest tree alone, roots and proofs of all earlier trees."""
    entries = build_log(tmp_path, 520)
    tree = TreeReader(source=FolderSource(folder=tmp_path), size=520)
    hashes = [leaf_hash(entry) for entry in entries]
    for older in range(521):
        expected = grow(0, (), hashes[:older]).root
        assert expected == await tree.root(older)
        assert consistency_holds(older, expected, 520, await tree.root(), await tree.consistency(older))
