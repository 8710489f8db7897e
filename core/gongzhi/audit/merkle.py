"""RFC 6962 hashing and the checking of its proofs: pure arithmetic over leaf and node hashes.

No tiles, storage or signatures here; `tiles.py` says where hashes lie, `proof.py` makes proofs. Section
numbers are RFC 6962's for the tree and RFC 9162's for the checks, which it words as algorithms.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a log entry as a leaf (RFC 6962 §2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """The root over a power of two of concatenated sibling hashes."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 64]).digest() for at in pairs])
    return hashes


def perfect_parts(hashes: bytes) -> list[bytes]:
    """Roots of the perfect subtrees that a row of concatenated hashes falls into, largest first."""
    count, start, roots = len(hashes) // HASH_BYTES, 0, []
    while start < count:
        width = 1 << ((count - start).bit_length() - 1)
        roots.append(perfect_root(hashes[start * HASH_BYTES : (start + width) * HASH_BYTES]))
        start += width
    return roots


def fold_right(roots: Sequence[bytes]) -> bytes:
    """Join perfect subtrees, largest first, into the one hash above them; of none, the empty tree's."""
    if not roots:
        return EMPTY_ROOT
    joined = roots[-1]
    for left in reversed(roots[:-1]):
        joined = node_hash(left, joined)
    return joined


def split_point(size: int) -> int:
    """The largest power of two below `size`, which must be over 1 (RFC 6962 §2.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows leaf hash `leaf` to stand at `index` of the tree of `size` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    first, last, reached = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            reached = node_hash(sibling, reached)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and reached == root


def consistency_holds(
    older_size: int, older_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the older tree is a beginning of the newer one (RFC 9162 2.1.4.2)."""
    if older_size == size:
        return not proof and older_root == root
    if older_size == 0:
        return not proof and older_root == EMPTY_ROOT
    if not 0 < older_size < size:
        return False
    path = list(proof) if older_size & (older_size - 1) else [older_root, *proof]
    if not path:
        return False
    return _consistency_roots(older_size, size, path) == (older_root, root)


def _consistency_roots(older_size: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    first, last = older_size - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if first & 1 or first == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            newer = node_hash(newer, sibling)
        first, last = first >> 1, last >> 1
    return (older, newer) if last == 0 else None
