"""The tree, its growth and its proofs, against RFC 6962 taken word for word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from gongzhi.audit.growth import Edge, edge_fits, edge_root, grow
from gongzhi.audit.merkle import EMPTY_ROOT, consistency_holds, inclusion_holds, leaf_hash, split_point
from gongzhi.audit.tiles import tiles_of

Mth = Callable[[Sequence[bytes]], bytes]

_sizes = st.integers(0, 70) | st.integers(250, 262) | st.integers(500, 1100)


def _entries(size: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(size)]


def _path(entries: Sequence[bytes], index: int, mth: Mth) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 §2.1.1."""
    if len(entries) == 1:
        return []
    k = split_point(len(entries))
    if index < k:
        return [*_path(entries[:k], index, mth), mth(entries[k:])]
    return [*_path(entries[k:], index - k, mth), mth(entries[:k])]


def _subproof(entries: Sequence[bytes], older: int, mth: Mth, *, known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962 §2.1.2."""
    if older == len(entries):
        return [] if known else [mth(entries)]
    k = split_point(len(entries))
    if older <= k:
        return [*_subproof(entries[:k], older, mth, known=known), mth(entries[k:])]
    return [*_subproof(entries[k:], older - k, mth, known=False), mth(entries[:k])]


@given(st.lists(st.integers(0, 300), max_size=6))
def test_growing_in_batches_gives_the_tree_of_all_entries(mth: Mth, batches: list[int]) -> None:
    """Whatever the batches, root and tiles are those of the whole."""
    entries = _entries(sum(batches))
    hashes = [leaf_hash(entry) for entry in entries]
    size = 0
    edge: Edge = ()
    tiles: dict[tuple[int, int], bytes] = {}
    for batch in batches:
        growth = grow(size, edge, hashes[size : size + batch])
        size, edge = growth.size, growth.edge
        tiles |= growth.tiles
        assert edge_fits(size, edge)
        assert edge_root(edge) == growth.root
    assert mth(entries) == edge_root(edge)
    expected = {
        (tile.level, tile.index): b"".join(
            mth(entries[(tile.index * 256 + at) * span : (tile.index * 256 + at + 1) * span])
            for at in range(tile.width)
        )
        for tile in tiles_of(size)
        if tile.kind == "hashes"
        for span in [256**tile.level]
    }
    assert expected == tiles


@given(st.integers(1, 300), st.data())
def test_a_true_inclusion_proof_holds_and_no_other(mth: Mth, size: int, data: st.DataObject) -> None:
    """Another place, leaf, root, or a proof with a hash changed, added or missing is refused."""
    index = data.draw(st.integers(0, size - 1))
    entries = _entries(size)
    proof, root, leaf = _path(entries, index, mth), mth(entries), leaf_hash(entries[index])
    assert inclusion_holds(leaf, index, size, proof, root)
    assert not inclusion_holds(leaf, (index + 1) % size, size, proof, root) or size == 1
    assert not inclusion_holds(root, index, size, proof, root) or size == 1
    assert not inclusion_holds(leaf, index, size, proof, leaf) or size == 1
    assert not inclusion_holds(leaf, index, size, [*proof, root], root)
    assert not inclusion_holds(leaf, size, size, proof, root)
    for at in range(len(proof)):
        assert not inclusion_holds(leaf, index, size, [*proof[:at], *proof[at + 1 :]], root)
        assert not inclusion_holds(leaf, index, size, [*proof[:at], leaf, *proof[at + 1 :]], root)


@given(st.integers(0, 300), st.integers(0, 300), st.data())
def test_a_true_consistency_proof_holds_and_no_other(
    mth: Mth, older: int, newer: int, data: st.DataObject
) -> None:
    """A log that changed anything before the older checkpoint has no proof."""
    assume(older <= newer)
    entries = _entries(newer)
    old_root, root = mth(entries[:older]), mth(entries)
    proof = _subproof(entries, older, mth) if 0 < older < newer else []
    assert consistency_holds(older, old_root, newer, root, proof)
    assert not consistency_holds(older, leaf_hash(b"x"), newer, root, proof)
    assert not consistency_holds(older, old_root, newer, root, [*proof, root])
    assert not consistency_holds(newer + 1, root, newer, root, proof)
    for at in range(len(proof)):
        assert not consistency_holds(older, old_root, newer, root, [*proof[:at], *proof[at + 1 :]])
    if older:
        forged = list(entries)
        forged[data.draw(st.integers(0, older - 1))] = b"forged"
        forged_proof = _subproof(forged, older, mth) if older < newer else []
        assert not consistency_holds(older, old_root, newer, mth(forged), forged_proof)


def test_the_empty_tree_has_the_hash_of_nothing(mth: Mth) -> None:
    """RFC 6962 §2.1: the hash of an empty list is the hash of an empty string."""
    assert mth([]) == EMPTY_ROOT == grow(0, (), []).root
