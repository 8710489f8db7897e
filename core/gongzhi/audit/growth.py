"""How the tree grows: a batch of leaf hashes in, the touched tiles and the new root out. Pure.

A tree is continued from its right edge alone: at each level the hashes of the last, partial tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from gongzhi.audit.merkle import HASH_BYTES, fold_right, perfect_parts, perfect_root
from gongzhi.audit.tiles import TILE_BYTES, WIDTH, levels

Edge = tuple[bytes, ...]
"""For each level from 0, the concatenated hashes of its partial tile; b"" where it ends with a full one."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """The tree after a batch. `tiles` holds every touched tile, whole, by (level, index)."""

    size: int
    root: bytes
    edge: Edge
    tiles: dict[tuple[int, int], bytes]


def edge_widths(size: int) -> list[int]:
    """Hashes in the partial tile of each level in a tree of `size` (tlog-tiles, Partial Tiles)."""
    return [(size >> 8 * level) % WIDTH for level in range(levels(size))]


def edge_root(edge: Sequence[bytes]) -> bytes:
    """The root of the tree that has this right edge."""
    return fold_right(list(chain.from_iterable(perfect_parts(hashes) for hashes in reversed(edge))))


def grow(size: int, edge: Edge, leaf_hashes: Sequence[bytes]) -> Growth:
    """Append `leaf_hashes` to the tree of `size` whose right edge is `edge`."""
    tiles: dict[tuple[int, int], bytes] = {}
    kept, fresh, level = list(edge), list(leaf_hashes), 0
    while fresh:
        if level == len(kept):
            kept.append(b"")
        hashes = kept[level] + b"".join(fresh)
        index = (size >> 8 * level) // WIDTH
        full = len(hashes) // TILE_BYTES
        rows = [hashes[at : at + TILE_BYTES] for at in range(0, len(hashes), TILE_BYTES)]
        tiles |= {(level, index + at): row for at, row in enumerate(rows)}
        kept[level] = hashes[full * TILE_BYTES :]
        fresh = [perfect_root(row) for row in rows[:full]]
        level += 1
    return Growth(size=size + len(leaf_hashes), root=edge_root(kept), edge=tuple(kept), tiles=tiles)


def edge_fits(size: int, edge: Edge) -> bool:
    """Whether every level of `edge` is as wide as a tree of `size` makes it."""
    return [len(hashes) for hashes in edge] == [width * HASH_BYTES for width in edge_widths(size)]
