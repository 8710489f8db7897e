"""What codes and words of a clinic record mean for the nine situations, from the dated file `codes.json`.

Nothing here decides; `situations.py` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from gongzhi.plugin import Text

System: TypeAlias = Literal["ICD_10", "SNOMED_CT"]

ICD_FORM = re.compile(r"([A-Z]\d\d)(?:\.?(\d))?[0-9A-Z.+*/†-]*")
CLAUSE_END = re.compile(r"[，。；！？\n\r,;!?但]")


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a code stands for: elements of situations, and a body region where there is one."""

    means: frozenset[str]
    region: str | None
    title: Text


@dataclass(frozen=True, kw_only=True)
class WordFound:
    """A word of the map that stands in a text and is not denied there."""

    word: str
    means: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class _Range:
    """ICD-10 codes from `low` to `high`, both included; compared on their first three or four characters."""

    low: str
    high: str
    meaning: Meaning

    def holds(self, category: str, subcategory: str) -> bool:
        probe = subcategory if "." in self.low else category
        return self.low <= probe <= self.high


@dataclass(frozen=True, kw_only=True)
class CodeMap:
    """The map of one date. Immutable; `dated` goes into the record of every prompt."""

    dated: str
    concepts: Mapping[str, Meaning]
    ranges: Sequence[_Range]
    words: Mapping[str, frozenset[str]]
    denials_before: Sequence[str]
    denials_near: Sequence[str]
    reach_characters: int
    no_denials: Sequence[str]

    def meaning(self, system: System, code: str) -> Meaning | None:
        """What a code means, or None for one that the map leaves out.

        ICD-10 codes may carry national extensions (`S40.000x002`): the first four characters count. What is no
        code at all means nothing.
        """
        if system == "SNOMED_CT":
            return self.concepts.get(code.strip())
        form = ICD_FORM.fullmatch(code.strip().upper())
        if form is None:
            return None
        category, digit = form.groups()
        found = [r for r in self.ranges if r.holds(category, f"{category}.{digit or ''}")]
        if not found:
            return None
        # The narrowest range names the code best; meanings add up (S31.4 is an injury and a genital injury).
        narrow = min(found, key=lambda r: (r.low != r.high, "." not in r.low, r.high > r.low))
        return Meaning(
            means=frozenset[str]().union(*(r.meaning.means for r in found)),
            region=next((r.meaning.region for r in found if r.meaning.region), None),
            title=narrow.meaning.title,
        )

    def read(self, text: str) -> list[WordFound]:
        """Words of the map in a free text, denied ones (否认被殴打) left out; each word at most once."""
        found: dict[str, WordFound] = {}
        for clause in CLAUSE_END.split(text):
            plain = clause
            for phrase in self.no_denials:
                plain = plain.replace(phrase, "＿" * len(phrase))
            for word, means in self.words.items():
                if word not in found and self._stands(word, clause, plain):
                    found[word] = WordFound(word=word, means=means)
        return list(found.values())

    def _stands(self, word: str, clause: str, plain: str) -> bool:
        start = clause.find(word)
        while start >= 0:
            before = plain[:start]
            near = before[-self.reach_characters - max(map(len, self.denials_near)) :]
            if not any(d in before for d in self.denials_before) and not any(
                d in near for d in self.denials_near
            ):
                return True
            start = clause.find(word, start + 1)
        return False


@lru_cache(maxsize=1)
def code_map() -> CodeMap:
    """The map that this version of the scene ships."""
    raw = json.loads((Path(__file__).parent / "codes.json").read_text(encoding="utf-8"))
    concepts: dict[str, Meaning] = {}
    ranges: list[_Range] = []
    for entry in raw["codes"]:
        meaning = Meaning(
            means=frozenset(entry["means"]),
            region=entry.get("region"),
            title=Text(zh=entry["title"]["zh"], en=entry["title"]["en"]),
        )
        for code in entry["codes"]:
            if entry["system"] == "SNOMED_CT":
                concepts[code] = meaning
            else:
                low, _, high = code.partition("-")
                ranges.append(_Range(low=low, high=high or low, meaning=meaning))
    denials = raw["negations"]
    return CodeMap(
        dated=raw["dated"],
        concepts=concepts,
        ranges=tuple(ranges),
        words={entry["word"]: frozenset(entry["means"]) for entry in raw["words"]},
        denials_before=tuple(denials["anywhere_before"]),
        denials_near=tuple(denials["just_before"]),
        reach_characters=denials["reach_characters"],
        no_denials=(*denials["still_suspected"], *denials["look_alikes"]),
    )
