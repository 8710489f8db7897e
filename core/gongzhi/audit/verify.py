"""Verification of a whole log: every entry hashed again, every tile built again, up to the signed root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from gongzhi.audit.faults import broken
from gongzhi.audit.growth import edge_root, edge_widths
from gongzhi.audit.merkle import HASH_BYTES, consistency_holds, leaf_hash, perfect_root
from gongzhi.audit.notes import Checkpoint, PublicKey, open_checkpoint
from gongzhi.audit.proof import TreeReader
from gongzhi.audit.sources import Source
from gongzhi.audit.tiles import TILE_BYTES, WIDTH, Tile, levels, tiles_at, unpack_entries
from gongzhi.errors import AuditBroken, NoSuchThing
from gongzhi.plurals import counted

Visit = Callable[[int, Sequence[bytes]], None]
"""Called with the place of the first entry and the entries, bundle by bundle."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What holds; `entries_read` is False when only tiles were checked. `files` counts tiles and bundles."""

    checkpoint: Checkpoint
    note: str
    entries_read: bool
    files: int


async def verify_log(
    source: Source,
    key: PublicKey,
    *,
    read_entries: bool = True,
    older_note: bytes | None = None,
    visit: Visit | None = None,
) -> Verified:
    """Check a whole log against the public key that the verifier brought.

    `older_note` is a checkpoint kept from before: the log must be its continuation. Without `read_entries`
    the level 0 tiles are taken for the entries' hashes, for verifiers who may not see entries. `visit` is
    shown the entries on the way; what it made of them counts only once this returns.
    Raises `AuditBroken` naming the first place that does not hold.
    """
    note = await _present(source.checkpoint(), "checkpoint")
    checkpoint = open_checkpoint(note, key)
    read = (visit or _look_past) if read_entries else None
    files = await _verify_tiles(source, checkpoint, read)
    if older_note is not None:
        await verify_continues(source, checkpoint, open_checkpoint(older_note, key))
    return Verified(checkpoint=checkpoint, note=note.decode(), entries_read=read_entries, files=files)


async def verify_continues(source: Source, newer: Checkpoint, older: Checkpoint) -> None:
    """Check that `newer` only added to `older`. Raises `AuditBroken`."""
    if older.size > newer.size:
        raise broken(
            "checkpoint",
            zh=f"日志只有 {newer.size} 条，先前的检查点已有 {older.size} 条",
            en=f"the log has {counted(newer.size, 'entry', 'entries')}, the older checkpoint had {older.size}",
        )
    proof = await TreeReader(source=source, size=newer.size).consistency(older.size)
    if not consistency_holds(older.size, older.root, newer.size, newer.root, proof):
        raise broken(
            "checkpoint",
            zh=f"前 {older.size} 条与先前的检查点不符",
            en=f"the log does not begin with the {counted(older.size, 'entry', 'entries')} of the older checkpoint",
        )


async def _verify_tiles(source: Source, checkpoint: Checkpoint, visit: Visit | None) -> int:
    edge, parents, count = [], bytearray(), 0
    for level in range(levels(checkpoint.size)):
        below, parents = bytes(parents), bytearray()
        partial = b""
        async for hashes in _level(source, checkpoint.size, level, below, visit):
            count += 1 + (level == 0 and visit is not None)
            if len(hashes) == TILE_BYTES:
                parents += perfect_root(hashes)
            else:
                partial = hashes
        edge.append(partial)
    widths = [len(hashes) // HASH_BYTES for hashes in edge]
    if widths != edge_widths(checkpoint.size) or edge_root(edge) != checkpoint.root:
        raise broken("checkpoint", zh="根哈希与条目不符", en="the root is not that of the entries")
    return count


async def _level(
    source: Source, size: int, level: int, below: bytes, visit: Visit | None
) -> AsyncIterator[bytes]:
    """The tiles of a level, each found equal to what the level below (or the entries) makes it."""
    for tile in tiles_at(size, level):
        published = await _present(source.read(tile), tile.path)
        if level > 0:
            built = below[tile.index * TILE_BYTES :][: tile.width * HASH_BYTES]
        elif visit is not None:
            built = await _entry_hashes(source, tile, visit)
        else:
            built = published
        if published != built or len(built) != tile.width * HASH_BYTES:
            raise _difference(tile, published, built)
        yield built


async def _entry_hashes(source: Source, tile: Tile, visit: Visit) -> bytes:
    bundle = Tile(level=0, index=tile.index, width=tile.width, kind="entries")
    entries = unpack_entries(await _present(source.read(bundle), bundle.path), where=bundle.path)
    if len(entries) != tile.width:
        raise broken(
            bundle.path,
            zh=f"{bundle.path} 有 {len(entries)} 项，应有 {tile.width} 项",
            en=f"{bundle.path} holds {counted(len(entries), 'item', 'items')}, not {tile.width}",
        )
    visit(tile.index * WIDTH, entries)
    return b"".join([leaf_hash(entry) for entry in entries])


def _look_past(_place: int, _entries: Sequence[bytes]) -> None:
    """A visitor that wants nothing of the entries."""


async def _present(reading: Awaitable[bytes], where: str) -> bytes:
    """What a log must have; its absence is a break, not a question asked wrongly."""
    try:
        return await reading
    except NoSuchThing as error:
        raise broken(where, zh=f"缺少 {where}", en=f"{where} is missing") from error


def _difference(tile: Tile, published: bytes, built: bytes) -> AuditBroken:
    if len(published) != tile.width * HASH_BYTES:
        return broken(
            tile.path,
            zh=f"{tile.path} 长度为 {len(published)} 字节",
            en=f"{tile.path} is {counted(len(published), 'byte', 'bytes')} long",
        )
    pairs = range(0, len(built), HASH_BYTES)
    at = next(at for at in pairs if published[at : at + HASH_BYTES] != built[at : at + HASH_BYTES])
    first = (tile.index * WIDTH + at // HASH_BYTES) << 8 * tile.level
    last = first + (1 << 8 * tile.level) - 1
    return broken(
        tile.path,
        zh=f"{tile.path} 与其下内容不符（第 {_span(first, last)} 条）",
        en=f"{tile.path} does not agree with what lies below it (entry {_span(first, last)})",
    )


def _span(first: int, last: int) -> str:
    return f"{first}–{last}" if last > first else str(first)
