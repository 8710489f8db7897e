"""What became of abolished divisions, and that every listed successor is there."""

from __future__ import annotations

from datetime import date

import pytest

from gongzhi.errors import NoSuchRegion
from gongzhi.identity.region_successors import present_divisions, successions
from gongzhi.identity.regions import RegionTree

TREE = RegionTree.load()
TODAY = date(2026, 11, 22)


def codes(code: str, on: date = TODAY) -> list[str]:
    return [region.code for region in present_divisions(TREE, code, on)]


def test_a_division_that_is_valid_is_its_own() -> None:
    assert codes("330523") == ["330523"]


def test_an_abolished_division_is_held_by_its_successors() -> None:
    assert codes("330103") == ["330105"]
    assert codes("330104") == ["330102", "330114"]
    assert codes("500105") == codes("500112") == ["500157"]


def test_before_the_day_of_the_notice_the_old_division_holds() -> None:
    assert codes("500105", date(2025, 11, 5)) == ["500105"]
    assert codes("500105", date(2025, 11, 6)) == ["500157"]


def test_a_code_that_nothing_knows_is_refused() -> None:
    with pytest.raises(NoSuchRegion):
        codes("339999")


def test_every_succession_names_its_source_and_leads_to_divisions_of_today() -> None:
    for succession in successions().values():
        assert succession.source and succession.url.startswith("http")
        assert codes(succession.code) == list(succession.successors)


def test_every_abolished_division_of_the_tree_has_a_successor() -> None:
    gone = [region.code for region in TREE if region.valid_to is not None]
    assert [code for code in gone if code not in successions()] == []
