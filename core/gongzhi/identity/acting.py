"""From an account to the actor that it stands for at a moment: one SQL fragment, one reading of its rows.

For the rest of this room; others ask `Directory` or `authenticate`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

from gongzhi.identity.actors import Actor, Organ
from gongzhi.store.unit_of_work import UnitOfWork

_CHINA: Final = timezone(timedelta(hours=8))

_ORGAN: Final = ("id", "name", "name_en", "type", "line", "level", "region", "code_word")

ACTOR_COLUMNS: Final = "a.id AS account_id, a.login, a.kind, a.language, p.name AS person_name, " + ", ".join(
    ["w.department", "w.title", "w.duties", *(f"o.{name}" for name in _ORGAN)]
)


def actor_joins(day: str) -> str:
    """The joins from an account `a` to its post `w`, person `p` and organ `o`; `day` is a parameter (`$2`).

    Every column of the organ is null once the account is disabled, or when its post or organ is not valid.
    """
    return f"""
LEFT JOIN post w ON w.id = a.post_id AND w.person_id = a.person_id AND a.kind = 'person'
    AND w.valid_from <= {day}::date AND (w.valid_to IS NULL OR {day}::date < w.valid_to)
LEFT JOIN person p ON p.id = w.person_id
LEFT JOIN organ o ON o.id = CASE a.kind WHEN 'service' THEN a.organ_id ELSE w.organ_id END
    AND o.valid_from <= {day}::date AND (o.valid_to IS NULL OR {day}::date < o.valid_to)
    AND a.disabled_at IS NULL
"""


def legal_day(now: datetime) -> date:
    """The day that an instant falls on in China (UTC+8 all year)."""
    return now.astimezone(_CHINA).date()


def organ_of(row: Mapping[str, Any]) -> Organ:
    """The organ in a row of the table `organ`, or of `ACTOR_COLUMNS`."""
    return Organ(**{name: row[name] for name in _ORGAN})


def actor_of(row: Mapping[str, Any]) -> Actor | None:
    """The actor in a row of `ACTOR_COLUMNS`, or None if the account may not act now."""
    if row["id"] is None:
        return None
    organ = organ_of(row)
    service = row["kind"] == "service"
    return Actor(
        account_id=row["account_id"],
        login=row["login"],
        name=organ.name if service else row["person_name"],
        kind="service" if service else "person",
        organ=organ,
        department="" if service else row["department"],
        title="" if service else row["title"],
        duties=frozenset({"handler"} if service else row["duties"]),
        language="en" if row["language"] == "en" else "zh",
    )


async def people_of(uow: UnitOfWork, organs: Collection[UUID], now: datetime) -> list[Actor]:
    """Everybody who may act for one of the organs now, in no order; no service accounts."""
    rows = await uow.fetch(
        f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$2')} WHERE a.kind = 'person' AND o.id = ANY($1)",
        list(organs),
        legal_day(now),
    )
    return [actor for actor in map(actor_of, rows) if actor is not None]


async def hold_account(uow: UnitOfWork, account_id: UUID) -> None:
    """Take turns, until the unit of work ends, with whoever else begins, ends or counts what an account holds or tries.

    Each then sees what those before it came to.
    """
    await uow.execute("SELECT 1 FROM account WHERE id = $1 FOR NO KEY UPDATE", account_id)
