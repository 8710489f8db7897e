"""What became of abolished divisions: their successors, each with date and source, from `data/successors.json`.

A code that is no longer valid may still stand in a form, a register or a citizen's number; whoever routes by it asks
here which division holds the place today. Where it was divided there are several, and somebody has to say which.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from gongzhi.identity.regions import Region, RegionTree

DATA = Path(__file__).parent / "data" / "successors.json"


class Succession(msgspec.Struct, frozen=True, kw_only=True):
    """A division abolished `on` a day, the codes of those that took its area, and the notice that says so."""

    code: str
    name: str
    on: date
    successors: tuple[str, ...]
    source: str
    url: str


@cache
def successions() -> Mapping[str, Succession]:
    """Every succession that ships with Gongzhi, by the abolished code."""
    listed = msgspec.json.decode(DATA.read_bytes(), type=list[Succession])
    return {succession.code: succession for succession in listed}


def present_divisions(tree: RegionTree, code: str, on: date) -> tuple[Region, ...]:
    """The divisions that hold on the day what `code` (six digits) names: itself while valid, else its successors.

    None where it was abolished and no successor is listed. Raises `NoSuchRegion` for a code that nothing knows.
    """
    known = successions().get(code)
    if known is not None and known.on <= on:
        found = [region for heir in known.successors for region in present_divisions(tree, heir, on)]
        return tuple(dict.fromkeys(found))
    region = tree.get(code)
    return () if region.valid_to is not None and region.valid_to <= on else (region,)
