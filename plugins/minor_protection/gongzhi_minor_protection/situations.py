"""Which of the nine situations a clinic record meets (MP-3 … MP-12). Pure and conservative.

A match is a question put to a clinician, never a finding. What article 4 of the 2020 opinion does not list is
not matched; the clinician can report it all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gongzhi.plugin import Text

from .articles import SITUATIONS
from .codes import CodeMap, System, code_map

Sex: TypeAlias = Literal["FEMALE", "MALE", "UNKNOWN"]

SUSPICION = frozenset({"violence", "maltreatment", "anaesthetised", "neglect", "sexual_assault"})


@dataclass(frozen=True, kw_only=True)
class Coded:
    """One coded finding of a record."""

    system: System
    code: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is screened: one patient at one encounter. `age` is in completed years."""

    age: int
    sex: Sex
    findings: tuple[Coded, ...] = ()
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One thing in the record that counted: a code with our title for it, or a word."""

    label: Text
    means: frozenset[str]
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """A situation that the record meets, and the signs that made it so."""

    situation: str
    signs: tuple[Sign, ...]

    @property
    def rule(self) -> str:
        """The behaviour rule behind the match, such as MP-6."""
        return SITUATIONS[self.situation].rule


def screen(record: Record, codes: CodeMap | None = None) -> tuple[Match, ...]:
    """The situations that a minor's record meets, in the order of article 4; empty for most records."""
    signs = _signs(record, codes or code_map())
    found = _Elements(record=record, signs=tuple(signs))
    met = [
        ("GENITAL_INJURY", found.genital_injury()),
        ("GIRL_UNDER_14", found.girl_under_14()),
        ("GIRL_14_AND_OVER", found.girl_14_and_over()),
        ("SEVERAL_INJURIES", found.several_injuries()),
        ("ABNORMAL_CAUSE", found.abnormal_cause()),
        ("ABANDONED", found.with_any("neglect")),
        ("UNKNOWN_ORIGIN", found.with_any("unknown_origin")),
        ("BEGGING", found.with_any("begging")),
    ]
    matches = [Match(situation=name, signs=tuple(because)) for name, because in met if because]
    other = found.with_any("violence", "maltreatment", "sexual_assault", "anaesthetised")
    if other and not matches:
        matches.append(Match(situation="OTHER_HARM", signs=tuple(other)))
    return tuple(matches)


@dataclass(frozen=True, kw_only=True)
class _Elements:
    """The signs of one record, asked situation by situation; an answer is the signs that meet it, if any."""

    record: Record
    signs: tuple[Sign, ...]

    def with_any(self, *means: str) -> Sequence[Sign]:
        return [sign for sign in self.signs if sign.means & frozenset(means)]

    def has(self, *means: str) -> bool:
        return bool(self.with_any(*means))

    @property
    def explained(self) -> bool:
        """An accident is recorded and nothing points to harm by somebody."""
        return self.has("accident") and not self.has(*SUSPICION)

    def genital_injury(self) -> Sequence[Sign]:
        return [] if self.explained else self.with_any("genital_injury")

    def girl_under_14(self) -> Sequence[Sign]:
        # A pregnancy says female, whatever the sex field leaves open.
        if self.record.age >= 14 or self.record.sex == "MALE":
            return []
        if self.record.sex == "UNKNOWN" and not self.has("pregnancy"):
            return []
        return self.with_any("sexual_assault", "pregnancy")

    def girl_14_and_over(self) -> Sequence[Sign]:
        if self.record.age < 14 or self.record.sex == "MALE":
            return []
        both = self.has("pregnancy") and self.has("sexual_assault")
        return self.with_any("sexual_assault", "pregnancy") if both else []

    def several_injuries(self) -> Sequence[Sign]:
        several = self._several()
        if several and not self.explained:
            return [*several, *self.with_any(*SUSPICION)]
        weak = self.with_any("severe_malnutrition", "unconscious")
        suspicion = self.with_any(*SUSPICION)
        return [*weak, *suspicion] if weak and suspicion else []

    def abnormal_cause(self) -> Sequence[Sign]:
        own = self.with_any("self_harm", "poisoning")
        hurt = self.with_any("injury", "strain", "genital_injury")
        inflicted = self.with_any("violence", "work", "anaesthetised")
        return [*own, *inflicted, *hurt] if own or (inflicted and hurt) else []

    def _several(self) -> Sequence[Sign]:
        """Injuries that make "several": one sign that says so, or two or more distinct body regions."""
        injuries = self.with_any("injury", "multiple_injuries")
        regions = {sign.region for sign in injuries if sign.region and "injury" in sign.means}
        return injuries if self.has("multiple_injuries") or len(regions) >= 2 else []


def _signs(record: Record, codes: CodeMap) -> Iterable[Sign]:
    for finding in dict.fromkeys(record.findings):
        meaning = codes.meaning(finding.system, finding.code)
        if meaning is not None:
            system = "ICD-10" if finding.system == "ICD_10" else "SNOMED CT"
            name = f"{system} {finding.code}"
            label = Text(zh=f"{name} {meaning.title.zh}", en=f"{name} {meaning.title.en}")
            yield Sign(label=label, means=meaning.means, region=meaning.region)
    for word in codes.read(record.text):
        label = Text(zh=f"病历用语“{word.word}”", en=f"the record's word “{word.word}”")
        yield Sign(label=label, means=word.means)
