"""Deputies (AB角): a colleague of the same organ acts in the place of somebody absent, at that post's department and duties.

Only the duties of handling cases pass, and what passes is read anew at each request: a deputyship that an administrator
ended, whose days are over, or one of whose posts, accounts or organs is closed, admits nobody. Nothing passes on: a
deputy's own deputyships are not those of whoever stands in for the deputy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES, Actor, InPlaceOf
from gongzhi.identity.passwords import check_login
from gongzhi.store.unit_of_work import UnitOfWork

LONGEST_DAYS: Final = 90
"""A longer absence takes a new decision."""

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "leave": Text(zh="休假", en="Leave"),
        "illness": Text(zh="病假", en="Illness"),
        "business_trip": Text(zh="出差", en="Business trip"),
        "training": Text(zh="培训学习", en="Training"),
        "secondment": Text(zh="借调", en="Secondment"),
        "vacancy": Text(zh="等待接任", en="Until a successor comes"),
    }
)
"""Why somebody is absent, by code."""

OTHER_ORGAN: Final = Text(zh="须为同一单位的人员", en="it must be somebody of the same organ")
SAME_PERSON: Final = Text(zh="不能是缺位者本人", en="it must be another person")
NOTHING_PASSES: Final = Text(
    zh="该岗位没有可以代行的办理职责；管理职责不能代行",
    en="the post has no duty of handling; duties of administration have no deputy",
)
NOT_QUALIFIED: Final = Text(
    zh="承办和签发只能由承办人或签发人代行，登记由任一办理人员代行",
    en="a handler or approver stands in for handlers and approvers, anybody who handles for a clerk",
)
IN_THE_PAST: Final = Text(zh="不能早于今天", en="it must not be before today")
EMPTY_TIME: Final = Text(zh="须晚于起始日期", en="it must be after the first day")
TOO_LONG: Final = Text(zh=f"最长 {LONGEST_DAYS} 天", en=f"{LONGEST_DAYS} days at most")
OUTSIDE: Final = Text(
    zh="超出岗位的有效期，或账号、单位已失效",
    en="the post is not valid on all of these days, or its account or organ is closed",
)
TAKEN: Final = Text(
    zh="这些日子里缺位者已有代理人或正为他人代理，或代理人本身缺位",
    en="on some of these days the absent one has a deputy already or is one, or the deputy is absent",
)
UNKNOWN_REASON: Final = Text(zh=f"须为 {', '.join(REASONS)}", en=f"must be of {', '.join(REASONS)}")

_HOLDER: Final = """
SELECT a.id AS account_id, a.login, a.person_id, a.disabled_at, w.id AS post_id, w.duties, w.valid_from, w.valid_to,
    o.id AS organ_id, o.region, o.valid_to AS organ_to
FROM account a JOIN post w ON w.id = a.post_id JOIN organ o ON o.id = w.organ_id
WHERE a.login = $1 AND a.kind = 'person' FOR UPDATE OF w
"""
_MEETING: Final = """
SELECT id FROM deputyship WHERE ended_at IS NULL AND valid_from < $3 AND $2 < valid_to
    AND (post_id = ANY($1::uuid[]) OR deputy_post_id = $4)
"""
_OPEN: Final = f"""
SELECT d.id AS deputyship_id, d.post_id, d.valid_to, {ACTOR_COLUMNS}
FROM deputyship d JOIN account mine ON mine.post_id = d.deputy_post_id AND mine.id = $1
JOIN account a ON a.post_id = d.post_id {actor_joins("$2")}
WHERE d.ended_at IS NULL AND d.valid_from <= $2::date AND $2::date < d.valid_to ORDER BY d.valid_to, d.id, a.login
"""
LISTED: Final = """
SELECT d.id, absent.login AS absent, deputy.login AS deputy, d.valid_from, d.valid_to, d.reason, d.ended_at
FROM deputyship d JOIN post w ON w.id = d.post_id JOIN account absent ON absent.post_id = d.post_id
JOIN account deputy ON deputy.post_id = d.deputy_post_id
WHERE ($1::uuid IS NULL OR w.organ_id = $1) ORDER BY d.valid_from, d.decided_at, d.id
"""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A deputyship that holds now: who its deputy would act as, and the first day on which it no longer holds."""

    actor: Actor
    ground: InPlaceOf
    valid_to: date


def passing_duties(absent: Collection[str], deputy: Collection[str]) -> frozenset[str]:
    """The duties of an absent post that a deputy with these duties may carry out in its place.

    Handling and signing off pass to whoever has one of the two; registration to whoever handles cases at all. To a post of
    the three administrators nothing passes, nor to one that handles no case.
    """
    if set(deputy) & ADMINISTRATOR_DUTIES or not set(deputy) & HANDLING_DUTIES:
        return frozenset()
    passing = HANDLING_DUTIES & set(absent)
    return passing if set(deputy) & {"handler", "approver"} else passing & {"clerk"}


async def deputise(
    uow: UnitOfWork,
    *,
    absent: str,
    deputy: str,
    valid_from: date,
    valid_to: date,
    reason: str,
    decided_by: UUID | None,
    now: datetime,
) -> UUID:
    """Let the account `deputy` act in the place of the account `absent` before `valid_to`; answers the deputyship's id.

    Raises:
        NoSuchThing: a login that no person has.
        InvalidInput: two that can't stand in for each other, days that don't fit, an unknown reason.
    """
    if reason not in REASONS:
        raise InvalidInput(where="/reason", problem=UNKNOWN_REASON)
    if valid_from < legal_day(now):
        raise InvalidInput(where="/from", problem=IN_THE_PAST)
    if valid_to <= valid_from:
        raise InvalidInput(where="/to", problem=EMPTY_TIME)
    if valid_to - valid_from > timedelta(days=LONGEST_DAYS):
        raise InvalidInput(where="/to", problem=TOO_LONG)
    # In one order, whoever is absent: decisions about the same people come one after the other.
    held = {
        login: await holder_of(uow, login) for login in sorted({check_login(absent), check_login(deputy)})
    }
    away, there = held[check_login(absent)], held[check_login(deputy)]
    if away["person_id"] == there["person_id"]:
        raise InvalidInput(where="/deputy", problem=SAME_PERSON)
    if away["organ_id"] != there["organ_id"]:
        raise InvalidInput(where="/deputy", problem=OTHER_ORGAN)
    if not HANDLING_DUTIES & set(away["duties"]):
        raise InvalidInput(where="/absent", problem=NOTHING_PASSES)
    if passing_duties(away["duties"], there["duties"]) != HANDLING_DUTIES & set(away["duties"]):
        raise InvalidInput(where="/deputy", problem=NOT_QUALIFIED)
    for where, row in (("/absent", away), ("/deputy", there)):
        if not _lasts(row, valid_from, valid_to):
            raise InvalidInput(where=where, problem=OUTSIDE)
    posts = [away["post_id"], there["post_id"]]
    if await uow.fetchval(_MEETING, posts, valid_from, valid_to, away["post_id"]):
        raise InvalidInput(where="/from", problem=TAKEN)
    row = {
        "id": uuid4(),
        "post_id": away["post_id"],
        "deputy_post_id": there["post_id"],
        "valid_from": valid_from,
        "valid_to": valid_to,
        "reason": reason,
        "decided_by": decided_by,
        "decided_at": now,
    }
    deputyship_id: UUID = (await uow.insert("deputyship", row))[0]["id"]
    return deputyship_id


async def holder_of(uow: UnitOfWork, login: str) -> dict[str, Any]:
    """The person's account with this login, its post and organ, the post locked. Raises `NoSuchThing`."""
    row = await uow.fetchrow(_HOLDER, check_login(login))
    if row is None:
        raise NoSuchThing(where="/login")
    return row


async def end_deputyship(uow: UnitOfWork, deputyship_id: UUID, now: datetime) -> None:
    """End a deputyship from this commit on; one that is over stays as it is. Raises `NoSuchThing`."""
    row = await uow.fetchrow("SELECT * FROM deputyship WHERE id = $1", deputyship_id)
    if row is None:
        raise NoSuchThing(where="/deputyship")
    if row["ended_at"] is None:
        await uow.update("deputyship", row, ended_at=now)


async def end_deputyships(uow: UnitOfWork, post_id: UUID, now: datetime) -> None:
    """End every deputyship of a post, as the absent one's and as the deputy's."""
    rows = await uow.fetch(
        "SELECT * FROM deputyship WHERE (post_id = $1 OR deputy_post_id = $1) AND ended_at IS NULL ORDER BY id",
        post_id,
    )
    for row in rows:
        await uow.update("deputyship", row, ended_at=now)


async def offered(uow: UnitOfWork, actor: Actor, now: datetime) -> list[Offered]:
    """Whom the actor, at the own post, may act in the place of now, by the day on which it ends."""
    if actor.in_place_of is not None or actor.kind != "person" or actor.app_id is not None:
        return []
    found: dict[UUID, Offered] = {}
    for row in await uow.fetch(_OPEN, actor.account_id, legal_day(now)):
        absent = actor_of(row)
        duties = frozenset() if absent is None else passing_duties(absent.duties, actor.duties)
        if absent is None or not duties or absent.organ.id != actor.organ.id:
            continue
        ground = InPlaceOf(
            deputyship_id=row["deputyship_id"],
            post_id=row["post_id"],
            account_id=absent.account_id,
            name=absent.name,
        )
        acting = replace(
            actor, department=absent.department, title=absent.title, duties=duties, in_place_of=ground
        )
        found.setdefault(ground.deputyship_id, Offered(actor=acting, ground=ground, valid_to=row["valid_to"]))
    return list(found.values())


async def in_place(uow: UnitOfWork, actor: Actor, deputyship: str, now: datetime) -> Actor | None:
    """Who the actor is under a deputyship, by its id; None where it does not hold for the actor now."""
    for one in await offered(uow, actor, now):
        if str(one.ground.deputyship_id) == deputyship:
            return one.actor
    return None


def _lasts(row: Mapping[str, Any], first: date, until: date) -> bool:
    ends = [day for day in (row["valid_to"], row["organ_to"]) if day is not None]
    return row["disabled_at"] is None and row["valid_from"] <= first and all(until <= day for day in ends)
