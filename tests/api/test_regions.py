"""Divisions level by level, for forms that ask for a place."""

from __future__ import annotations

from datetime import datetime

import pytest

from .support import Api


def test_divisions_open_from_province_to_county(api: Api) -> None:
    below = "query($parent: DivisionCode) { regions(parent: $parent) { code name level } }"
    provinces = api.ask(below).data["regions"]
    assert {"code": "330000", "name": "浙江省", "level": "province"} in provinces
    cities = api.ask(below, variables={"parent": "330000"}).data["regions"]
    assert len(cities) == 11
    counties = api.ask(below, variables={"parent": "330500"}).data["regions"]
    assert {"code": "330523", "name": "安吉县", "level": "county"} in counties
    assert api.ask(below, variables={"parent": "999999"}).codes == ["no_such_region"]


@pytest.mark.parametrize(
    ("search", "parent", "expected"),
    [
        ("安吉", None, ["330523"]),
        ("3305", None, ["330500", "330502", "330503", "330521", "330522", "330523"]),
        ("330523", "330000", ["330523"]),
        ("安吉", "110000", []),
        ("没有这个地方", None, []),
    ],
)
def test_divisions_are_found_by_name_or_code(
    api: Api, search: str, parent: str | None, expected: list[str]
) -> None:
    find = (
        "query($search: String, $parent: DivisionCode) { regions(parent: $parent, search: $search) { code } }"
    )
    found = api.ask(find, variables={"search": search, "parent": parent}).data["regions"]
    assert [region["code"] for region in found] == expected


def test_a_search_that_fits_too_much_answers_fifty(api: Api) -> None:
    assert len(api.ask('{ regions(search: "县") { code } }').data["regions"]) == 50


def test_a_code_leads_to_the_divisions_above_it(api: Api) -> None:
    query = '{ region(code: "330523") { name parent { name parent { name parent { name } } } } }'
    assert api.ask(query).data["region"] == {
        "name": "安吉县",
        "parent": {"name": "湖州市", "parent": {"name": "浙江省", "parent": None}},
    }
    assert api.ask('{ region(code: "999999") { name } }').codes == ["no_such_region"]


def test_the_present_instant_is_that_of_the_servers_clock(api: Api) -> None:
    before = api.host.clock.now()
    told = datetime.fromisoformat(api.ask("{ now }").data["now"])
    assert before <= told <= api.host.clock.now()
