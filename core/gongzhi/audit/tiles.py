"""Where hashes and entries of the log lie: tiles of height 8, entry bundles, and their paths.

The addresses and byte layouts of C2SP tlog-tiles (https://c2sp.org/tlog-tiles); nothing here reads or writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gongzhi.audit.faults import broken
from gongzhi.audit.merkle import HASH_BYTES
from gongzhi.errors import NoSuchThing

WIDTH = 256
"""Hashes in a full tile and entries in a full bundle."""
TILE_BYTES = WIDTH * HASH_BYTES
MAX_ENTRY_BYTES = 65_535

Kind = Literal["hashes", "entries"]
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9]\d?)/(?P<index>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One tile (`hashes`) or bundle (`entries`, level 0) by its place; below a `width` of 256, partial."""

    level: int
    index: int
    width: int = WIDTH
    kind: Kind = "hashes"

    @property
    def path(self) -> str:
        """The address below the log's prefix, such as `tile/0/x001/x234/067` or `tile/entries/000.p/7`."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.kind == "entries" else str(self.level)
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def parse_path(path: str) -> Tile:
    """Read an address as `Tile.path` writes it. Raises `NoSuchThing` for any other spelling."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise NoSuchThing(where=path)
    level, index = match["level"], int(match["index"].replace("x", "").replace("/", ""))
    tile = Tile(
        level=0 if level == "entries" else int(level),
        index=index,
        width=int(match["width"] or WIDTH),
        kind="entries" if level == "entries" else "hashes",
    )
    # Leading zero groups, a width of 256 or more and levels over 63 spell nothing that the log has.
    if tile.path != path or tile.level > 63 or tile.index >= 1 << 62:
        raise NoSuchThing(where=path)
    return tile


def levels(size: int) -> int:
    """How many tile levels a tree of `size` leaves has; 0 for the empty tree."""
    return (max(size.bit_length() - 1, 0) // 8) + 1 if size else 0


def tile_for(size: int, level: int, index: int, kind: Kind = "hashes") -> Tile:
    """The tile at a place as it stands in the tree of `size`, partial if it is the last one."""
    width = min(WIDTH, (size >> 8 * level) - index * WIDTH)
    if width < 1:
        raise NoSuchThing(where=f"tile/{level}/{index}")
    return Tile(level=level, index=index, width=width, kind=kind)


def tiles_at(size: int, level: int, kind: Kind = "hashes") -> Iterator[Tile]:
    """All tiles of a level in the tree of `size`, from the left."""
    hashes = size >> 8 * level
    for index in range((hashes + WIDTH - 1) // WIDTH):
        yield Tile(level=level, index=index, width=min(WIDTH, hashes - index * WIDTH), kind=kind)


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of the tree of `size`: bundles, then level 0 and upwards."""
    yield from tiles_at(size, 0, "entries")
    for level in range(levels(size)):
        yield from tiles_at(size, level)


def pack_entries(entries: Sequence[bytes]) -> bytes:
    """Frame entries as a bundle: each with its length before it, uint16 big-endian."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def unpack_entries(bundle: bytes, *, where: str) -> list[bytes]:
    """The entries of a bundle, in order. Raises `AuditBroken` when lengths and bytes do not meet."""
    entries, at, end = [], 0, len(bundle)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        entries.append(bundle[start:at])
        if start > end or at > end:
            number = len(entries) - 1
            raise broken(
                where, zh=f"{where} 第 {number} 项不完整", en=f"item {number} of {where} is cut short"
            )
    return entries


def first_entries(bundle: bytes, count: int) -> bytes | None:
    """The beginning of a bundle that holds `count` entries; None if it has fewer."""
    at = 0
    for _ in range(count):
        if at + 2 > len(bundle):
            return None
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return bundle[:at] if at <= len(bundle) else None
