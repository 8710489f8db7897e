"""One clinic record screened: what every intake comes down to before it asks for an act. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gongzhi.plugin import Command, Json, Refusal

from .age import birth_day, minor_age
from .situations import Coded, Match, Record, screen

NAMESPACE = "minor_protection"


@dataclass(frozen=True, kw_only=True)
class Screening:
    """A minor's record and the situations that it meets, perhaps none; `input` is that of `prompt`."""

    input: Mapping[str, Json]
    matches: Sequence[Match]
    age: int


def screened(given: Mapping[str, Json], birth_text: str, on: date, where: str) -> Screening | None:
    """Screen the record in `given` (a prompt's input without birth date); None for somebody who is no minor.

    Raises `Refusal` MP-1 for an impossible birth date.
    """
    born = birth_day(birth_text, on=on, where=where)
    try:
        age = minor_age(born, on, where=where)
    except Refusal:
        return None
    record = Record(
        age=age,
        sex=given["child"].get("sex", "UNKNOWN"),
        findings=tuple(Coded(system=f["system"], code=f["code"]) for f in given.get("findings", ())),
        text=given.get("facts", ""),
    )
    # A year alone is no birth date to store; the age that it gives is.
    exact = {"birth_date": born.isoformat()} if len(birth_text.strip()) == 10 else {}
    whole = {**given, "child": {**given["child"], **exact}}
    if not exact:
        whole["age_years"] = age
    return Screening(
        input={name: value for name, value in whole.items() if value not in ("", [], {}, None)},
        matches=screen(record),
        age=age,
    )


def division_of(region: str) -> str | None:
    """The reporter's division as the address of the intake gives it; None where that is no county.

    Codes of provinces and cities end in 00; from there only place or residence lead to a county.
    """
    return None if region.endswith("00") else region


def command(action: str, given: Mapping[str, Json], key: str) -> Command:
    """A command of this scene that opens a case."""
    return Command(namespace=NAMESPACE, action=action, input=given, key=key)


def key_of(kind: str, *parts: Json) -> str:
    """An idempotency key over what is asked: the same request again is the same act."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, default=str)
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
