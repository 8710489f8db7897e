"""The law that this scene works by, read from `articles.json`: behaviour rules and the nine situations.

Each rule has a number, an article and a source: S the text itself was read, S2 a secondary source, `platform`
our own. Quotes of article 4 are the published wording. No logic lives here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gongzhi.plugin import Text


@dataclass(frozen=True, kw_only=True)
class BehaviourRule:
    """One thing that this scene does because a text says so."""

    says: Text
    article: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One of the nine situations (九类情形): its number in article 4, its behaviour rule and its texts."""

    number: int
    rule: str
    short: Text
    quote: Text

    @property
    def numeral(self) -> str:
        """The number as the article writes it, such as （四）."""
        return f"（{'一二三四五六七八九'[self.number - 1]}）"


def _text(value: Mapping[str, str]) -> Text:
    return Text(zh=value["zh"], en=value["en"])


_RAW = json.loads((Path(__file__).parent / "articles.json").read_text(encoding="utf-8"))

OPINION: Text = _text(_RAW["opinion"])
OPINION_URL: str = _RAW["opinion"]["url"]

RULES: Mapping[str, BehaviourRule] = {
    number: BehaviourRule(says=_text(rule), article=rule["article"], source=rule["source"])
    for number, rule in _RAW["rules"].items()
}
"""Every numbered behaviour rule; a test holds that each is named by a test."""

SITUATIONS: Mapping[str, Situation] = {
    name: Situation(
        number=raw["number"], rule=raw["rule"], short=_text(raw["short"]), quote=_text(raw["quote"])
    )
    for name, raw in _RAW["situations"].items()
}
"""The nine situations by the name that data carries, in the order of article 4."""
