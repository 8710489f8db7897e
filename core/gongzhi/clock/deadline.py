"""The values of the clock: a term that law sets, the due date that follows, and the steps that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from gongzhi.declarations import Json, Text
from gongzhi.errors import InvalidInput

Unit = Literal["hour", "natural_day", "working_day", "month", "year"]

MOST: Final[Mapping[Unit, int]] = {
    "hour": 10_000,
    "natural_day": 36_500,
    "working_day": 2_500,
    "month": 1_200,
    "year": 100,
}
"""The longest term we count, a century at most: beyond it a figure is a slip, not a law."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term (期间) as a statute sets it: so many hours, days, working days, months or years.

    `custody`: somebody's liberty depends on it, so no holiday prolongs it. `from_moment`: law or agreement
    sets the moment from which hours run, so the starting hour counts. `article` names the law for readers,
    `source` says where we have it from. Raises `InvalidInput` for a unit or an amount that no law sets.
    """

    amount: int
    unit: Unit
    custody: bool = False
    from_moment: bool = False
    article: Text
    source: str

    def __post_init__(self) -> None:
        if self.unit not in MOST:
            raise InvalidInput(where="/unit", problem="没有这种期间单位 (no such unit of time)")
        if not 1 <= self.amount <= MOST[self.unit]:
            raise InvalidInput(where="/amount", problem=f"应为 1 至 {MOST[self.unit]} (out of range)")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a counting. `rule` is a number such as `CLK-3` or empty, `on` the legal day meant."""

    kind: Literal["start", "excluded", "end", "skipped", "custody", "rolled", "due", "provisional"]
    rule: str
    on: date | None
    text: Text

    def as_json(self) -> Json:
        """The step as the console shows it."""
        return {
            "kind": self.kind,
            "rule": self.rule,
            "on": self.on.isoformat() if self.on else None,
            "zh": self.text.zh,
            "en": self.text.en,
        }


@dataclass(frozen=True, kw_only=True)
class DueDate:
    """When a term runs out, and why then.

    `due_at` is aware UTC and exclusive: an act before it is in time. `provisional` says that a holiday notice
    is still missing and the date may move. `steps` are in the order of reasoning, and never empty.
    """

    due_at: datetime
    explanation: Text
    steps: tuple[Step, ...]
    article: Text
    source: str
    provisional: bool

    def as_json(self) -> Json:
        """The explanation as it is kept with a deadline; `due_at` is a column of its own there."""
        return {
            "zh": self.explanation.zh,
            "en": self.explanation.en,
            "steps": [step.as_json() for step in self.steps],
            "article": {"zh": self.article.zh, "en": self.article.en},
            "source": self.source,
            "provisional": self.provisional,
        }
