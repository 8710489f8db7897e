"""Addresses and layouts of C2SP tlog-tiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gongzhi.audit.tiles import (
    Tile,
    first_entries,
    levels,
    pack_entries,
    parse_path,
    tile_for,
    tiles_of,
    unpack_entries,
)
from gongzhi.errors import AuditBroken, NoSuchThing

_tiles = st.builds(
    Tile,
    level=st.just(0),
    index=st.integers(0, 2**62 - 1),
    width=st.integers(1, 256),
    kind=st.sampled_from(["hashes", "entries"]),
) | st.builds(Tile, level=st.integers(0, 63), index=st.integers(0, 10**10), width=st.integers(1, 256))


def test_the_specification_s_own_path_is_ours() -> None:
    """Index 1234067 is x001/x234/067."""
    assert Tile(level=0, index=1_234_067).path == "tile/0/x001/x234/067"
    assert Tile(level=0, index=1_234_067, width=8, kind="entries").path == "tile/entries/x001/x234/067.p/8"


@given(_tiles)
def test_a_path_reads_back(tile: Tile) -> None:
    """Every tile and bundle has one address."""
    assert tile == parse_path(tile.path)


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/1000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/０００",
        "tile/0/000/",
        "tile/0/" + "x999/" * 9 + "999",
        "tile/data/000",
        "checkpoint",
        "",
    ],
)
def test_any_other_spelling_is_nothing(path: str) -> None:
    """A second address for a tile would be a second copy in every cache."""
    with pytest.raises(NoSuchThing):
        parse_path(path)


def test_a_tree_of_70000_has_the_tiles_that_the_specification_lists() -> None:
    """273 full level 0 tiles and one of 112; one full level 1 tile and one of 17; one level 2 tile of 1."""
    hashes = [tile for tile in tiles_of(70_000) if tile.kind == "hashes"]
    widths = {level: [t.width for t in hashes if t.level == level] for level in range(levels(70_000))}
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert tile_for(70_000, 1, 1) == Tile(level=1, index=1, width=17)


def test_a_tree_of_256_has_a_full_tile_and_one_above() -> None:
    """The specification's other example; and an empty tree has nothing."""
    assert [(t.level, t.width) for t in tiles_of(256)] == [(0, 256), (0, 256), (1, 1)]
    assert list(tiles_of(0)) == []
    with pytest.raises(NoSuchThing):
        tile_for(256, 0, 1)


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(0, 25))
def test_bundles_read_back_and_begin_with_their_first_entries(entries: list[bytes], count: int) -> None:
    """A partial bundle is the beginning of a longer one."""
    bundle = pack_entries(entries)
    assert entries == unpack_entries(bundle, where="tile/entries/000")
    beginning = first_entries(bundle, count)
    assert beginning == (pack_entries(entries[:count]) if count <= len(entries) else None)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_a_bundle_that_is_cut_within_an_entry_is_broken(entries: list[bytes], data: st.DataObject) -> None:
    """Lengths and bytes must meet at the end."""
    bundle = pack_entries(entries)
    last = len(entries[-1]) + 2
    cut = data.draw(st.integers(1, last - 1))
    with pytest.raises(AuditBroken):
        unpack_entries(bundle[:-cut], where="tile/entries/000")
    assert first_entries(bundle[:-cut], len(entries)) is None
