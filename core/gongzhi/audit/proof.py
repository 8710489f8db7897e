"""Proofs that anybody can check: this entry is in the log; the older log is a beginning of the newer one.

Made from tiles as RFC 6962 §2.1.1 and §2.1.2 say, written as C2SP tlog-proof (https://c2sp.org/tlog-proof).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gongzhi.audit.faults import broken
from gongzhi.audit.merkle import HASH_BYTES, fold_right, inclusion_holds, perfect_root, split_point
from gongzhi.audit.notes import Checkpoint, PublicKey, decode_base64, open_checkpoint
from gongzhi.audit.sources import Source
from gongzhi.audit.tiles import WIDTH, Tile, tile_for
from gongzhi.errors import NoSuchThing

HEADER = "c2sp.org/tlog-proof@v1"
_PROOF = re.compile(
    HEADER
    + r"\n(?:extra [^\n]*\n)?index (?P<index>0|[1-9]\d{0,17})\n(?P<hashes>(?:[^\n]+\n)*)\n(?P<note>.+)",
    re.ASCII | re.DOTALL,
)

Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """That the leaf at `index` is in the tree of checkpoint `note`; sibling hashes from the leaf upwards."""

    index: int
    hashes: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        lines = [HEADER, f"index {self.index}", *(base64.b64encode(each).decode() for each in self.hashes)]
        return "\n".join([*lines, "", self.note])

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """Read what `str()` writes. Raises `AuditBroken`."""
        match = _PROOF.fullmatch(text)
        lines = match["hashes"].splitlines() if match else []
        hashes = tuple(each for line in lines if (each := decode_base64(line)) and len(each) == HASH_BYTES)
        if match is None or len(hashes) != len(lines):
            raise broken("proof", zh="不是 tlog-proof 证明", en="this is not a tlog-proof")
        return cls(index=int(match["index"]), hashes=hashes, note=match["note"])

    def check(self, leaf_hash: bytes, key: PublicKey) -> Checkpoint:
        """Check it against the log's public key. Raises `AuditBroken`; answers the checkpoint it leads to."""
        checkpoint = open_checkpoint(self.note.encode(), key)
        if not inclusion_holds(leaf_hash, self.index, checkpoint.size, self.hashes, checkpoint.root):
            raise broken(
                "proof",
                zh=f"不能证明 {leaf_hash.hex()} 是第 {self.index} 条",
                en=f"it does not prove {leaf_hash.hex()} to be entry {self.index}",
            )
        return checkpoint


@dataclass(frozen=True, kw_only=True)
class TreeReader:
    """The tree of `size` leaves in a source; reads each tile that it needs once."""

    source: Source
    size: int
    _tiles: dict[Tile, bytes] = field(default_factory=dict, repr=False, compare=False)

    async def inclusion(self, index: int) -> list[bytes]:
        """The audit path of the leaf at `index`."""
        if not 0 <= index < self.size:
            raise NoSuchThing(where=str(index))
        return await self._hashes(_inclusion_ranges(index, 0, self.size))

    async def consistency(self, older_size: int) -> list[bytes]:
        """The proof that the tree of `older_size` is a beginning of this one; empty for 0 and for itself."""
        if not 0 <= older_size <= self.size:
            raise NoSuchThing(where=str(older_size))
        if older_size in (0, self.size):
            return []
        return await self._hashes(_consistency_ranges(older_size, 0, self.size, known=True))

    async def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, by default of all."""
        return await self.hash_of((0, self.size if size is None else size))

    async def leaf_hash(self, index: int) -> bytes:
        """The hash at `index` of level 0."""
        return await self.hash_of((index, index + 1))

    async def hash_of(self, leaves: Range) -> bytes:
        """The Merkle tree hash of a range that is a node of this tree or of an earlier one."""
        start, end = leaves
        parts = []
        while start < end:
            height = (end - start).bit_length() - 1
            parts.append(await self._perfect(height, start >> height))
            start += 1 << height
        return fold_right(parts)

    async def _hashes(self, ranges: Sequence[Range]) -> list[bytes]:
        return [await self.hash_of(leaves) for leaves in ranges]

    async def _perfect(self, height: int, index: int) -> bytes:
        """The root of the perfect subtree number `index` among those of 2**height leaves."""
        level, within = divmod(height, 8)
        tile_index, start = divmod(index << within, WIDTH)
        tile = tile_for(self.size, level, tile_index)
        if tile not in self._tiles:
            self._tiles[tile] = await self.source.read(tile)
        hashes = self._tiles[tile][start * HASH_BYTES : (start + (1 << within)) * HASH_BYTES]
        if len(hashes) != HASH_BYTES << within:
            raise broken(tile.path, zh=f"{tile.path} 过短", en=f"{tile.path} is too short")
        return perfect_root(hashes)


async def prove_inclusion(source: Source, index: int, key: PublicKey) -> InclusionProof:
    """A checked proof for the entry at `index`, against the source's newest checkpoint."""
    note = await source.checkpoint()
    tree = TreeReader(source=source, size=open_checkpoint(note, key).size)
    proof = InclusionProof(index=index, hashes=tuple(await tree.inclusion(index)), note=note.decode())
    proof.check(await tree.leaf_hash(index), key)
    return proof


def _inclusion_ranges(index: int, start: int, end: int) -> list[Range]:
    """PATH(m, D[n]) of RFC 6962 §2.1.1 as ranges, from the leaf upwards."""
    if end - start == 1:
        return []
    middle = start + split_point(end - start)
    if index < middle:
        return [*_inclusion_ranges(index, start, middle), (middle, end)]
    return [*_inclusion_ranges(index, middle, end), (start, middle)]


def _consistency_ranges(older: int, start: int, end: int, *, known: bool) -> list[Range]:
    """SUBPROOF(m, D[n], b) of RFC 6962 §2.1.2 as ranges; `known` is its b."""
    if older == end:
        return [] if known else [(start, end)]
    middle = start + split_point(end - start)
    if older <= middle:
        return [*_consistency_ranges(older, start, middle, known=known), (middle, end)]
    return [*_consistency_ranges(older, middle, end, known=False), (start, middle)]
