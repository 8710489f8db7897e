"""The divisions of China to county level: codes of GB/T 2260 in a tree, with dates of validity.

The data is `data/regions.json`; where it comes from and how to rebuild it is in `data/SOURCES.md`. Towns and
villages are not here. Everybody may import this module; it imports nothing of ours but the error tree and the
form of codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from gongzhi.errors import NoSuchRegion
from gongzhi.identity.codes import division_code

DATA = Path(__file__).parent / "data" / "regions.json"

Level = Literal["province", "city", "county"]


class Region(msgspec.Struct, frozen=True, kw_only=True):
    """A division (行政区划). `code` is the six digits of GB/T 2260, `parent` that of the division above.

    `level` `city` is every prefecture-level division (地级市、地区、自治州、盟). A county administered by its
    province (429004 仙桃市) has the province as parent. `valid_from` is the first day that our sources vouch
    for, which may be later than the day it was set up; `valid_to`, where given, is the first day without it.
    """

    code: str
    name: str
    level: Level
    parent: str | None = None
    valid_from: date
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        """Whether our sources vouch for the division on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class _Snapshot(msgspec.Struct, frozen=True):
    snapshot: date
    regions: list[Region]


class RegionTree:
    """All divisions, present and abolished; immutable, so one is shared by the whole process."""

    def __init__(self, regions: list[Region], *, snapshot: date) -> None:
        self.snapshot = snapshot
        self._regions: Mapping[str, Region] = {region.code: region for region in regions}
        children: dict[str | None, list[Region]] = {}
        for region in regions:
            children.setdefault(region.parent, []).append(region)
        self._children = {parent: tuple(below) for parent, below in children.items()}

    @classmethod
    def load(cls) -> RegionTree:
        """The tree that ships with Gongzhi."""
        return _shipped()

    def __contains__(self, code: object) -> bool:
        return code in self._regions

    def __iter__(self) -> Iterator[Region]:
        """Every division in order of code, the abolished ones too."""
        return iter(self._regions.values())

    def __len__(self) -> int:
        return len(self._regions)

    def get(self, code: str) -> Region:
        """The division with this code. Raises `NoSuchRegion`."""
        try:
            return self._regions[code]
        except KeyError:
            raise NoSuchRegion(region=_printable(code)) from None

    def children(self, code: str | None, *, on: date | None = None) -> tuple[Region, ...]:
        """The divisions right below `code` (None: the provinces), by code; `on` keeps those of that day."""
        below = self._children.get(None if code is None else self.get(code).code, ())
        return below if on is None else tuple(region for region in below if region.valid_on(on))

    def ancestors(self, code: str) -> tuple[Region, ...]:
        """The division itself, then the one above, and so on up to the province."""
        lineage = [self.get(code)]
        while (parent := lineage[-1].parent) is not None:
            lineage.append(self._regions[parent])
        return tuple(lineage)

    def contains(self, ancestor: str, code: str) -> bool:
        """Whether `code` is `ancestor` or lies in it. Raises `NoSuchRegion` if either is unknown."""
        self.get(ancestor)
        return any(region.code == ancestor for region in self.ancestors(code))

    def prefix(self, code: str) -> str:
        """The pattern for SQL's LIKE that holds `code` and all below it, such as `3305%`."""
        digits = {"province": 2, "city": 4, "county": 6}[self.get(code).level]
        return code[:digits] + "%"

    def within(self, column: str, code: str) -> tuple[str, str]:
        """What SQL compares for `code` and all below it: an expression on the column of codes, and its value.

        An equality, so that an index on the expression and a time gives rows in order of time.
        """
        digits = {"province": 2, "city": 4, "county": 6}[self.get(code).level]
        return column if digits == 6 else f"left({column}, {digits})", code[:digits]

    def county_of(self, code: str) -> Region | None:
        """The county-level division that an address code of 6, 9 or 12 digits lies in.

        A city without counties (441900 东莞市) is its own; for a province or a city with counties it is None.
        """
        region = self.get(division_code(code))
        if region.level == "county" or (region.level == "city" and region.code not in self._children):
            return region
        return None

    def full_name(self, code: str) -> str:
        """The name from the province down: 浙江省湖州市安吉县."""
        return "".join(region.name for region in reversed(self.ancestors(code)))


@cache
def _shipped() -> RegionTree:
    data = msgspec.json.decode(DATA.read_bytes(), type=_Snapshot)
    return RegionTree(data.regions, snapshot=data.snapshot)


def _printable(code: object) -> str:
    """What a message may show of something that claims to be a code: never more than six characters."""
    return str(code)[:6]
