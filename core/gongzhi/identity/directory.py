"""The directory: organs, people, their posts and accounts, added and found.

Every method works in the caller's unit of work, and the caller records the act. Registration is strict:
types, lines, duties and codes that do not exist are refused, and so is one person with the duties of two
administrators.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from gongzhi.declarations import Text
from gongzhi.errors import AlreadyExists, DutiesExclude, InvalidInput, NoSuchThing
from gongzhi.identity import codes
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day, organ_of
from gongzhi.identity.actors import (
    DUTIES,
    HANDLING_DUTIES,
    LEVELS,
    LINE_OF_TYPE,
    LINES,
    ORGAN_TYPES,
    Actor,
    Organ,
    mixed_duties,
)
from gongzhi.identity.deputies import end_deputyships
from gongzhi.identity.passwords import Passwords, check_login, check_password
from gongzhi.identity.regions import RegionTree
from gongzhi.store.unit_of_work import UnitOfWork

TOKENS_ONLY: Final = Text(zh="服务账号只使用令牌", en="a service account uses tokens only")
EMPTY: Final = Text(zh="不能为空", en="must not be empty")
POST_OR_ORGAN: Final = Text(zh="须指定岗位或单位之一", en="give either a post or an organ")
LOGIN: Final = Text(zh="登录名", en="login")
DEPARTMENT: Final = Text(zh="部门名称", en="department's name")
STAFF_CODE: Final = Text(zh="人员编号", en="staff code")
CITIZEN_NUMBER: Final = Text(zh="不得使用公民身份号码", en="it must not be a citizen number")
OTHER_NAME: Final = Text(
    zh="该人员编号登记的是另一姓名", en="another name is registered with this staff code"
)
ENDS_BEFORE: Final = Text(zh="不能早于启用日期", en="it must not be before the first day")
CREDIT_CODE: Final = Text(zh="统一社会信用代码", en="unified social credit code")


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """Somebody on duty in an organ, as colleagues may know them."""

    account_id: UUID
    name: str
    department: str
    title: str
    duties: frozenset[str]


class Directory:
    """Adds and finds organs, people, posts and accounts; `valid_to` is the first day that is not valid."""

    def __init__(self, tree: RegionTree) -> None:
        self._tree = tree
        self._passwords = Passwords()

    async def organ_add(
        self,
        uow: UnitOfWork,
        *,
        name: str,
        name_en: str,
        type: str,
        level: str,
        region: str,
        valid_from: date,
        valid_to: date | None = None,
        line: str | None = None,
        uscc: str | None = None,
        code_word: str = "",
    ) -> Organ:
        """Register an organ; its line is that of its type unless given.

        Raises:
            InvalidInput: an unknown type, line or level, or a credit code whose check digit is wrong.
            NoSuchRegion: the division does not exist.
            AlreadyExists: another organ has this unified social credit code.
        """
        _refuse_unknown("/type", [type], ORGAN_TYPES)
        line = LINE_OF_TYPE[type] if line is None else line
        _refuse_unknown("/line", [line], LINES)
        _refuse_unknown("/level", [level], LEVELS)
        self._tree.get(region)
        row = {
            "id": uuid4(),
            "name": name,
            "name_en": name_en,
            "type": type,
            "line": line,
            "level": level,
            "region": region,
            "uscc": None if uscc is None else codes.uscc(uscc, where="/uscc"),
            "code_word": code_word,
            "valid_from": valid_from,
            "valid_to": valid_to,
        }
        return organ_of(await _insert(uow, "organ", row, unique=CREDIT_CODE))

    async def person_add(self, uow: UnitOfWork, *, name: str, staff_code: str = "") -> UUID:
        """Register a person by name and return the id; with a staff code that is known, the person who has it.

        Raises:
            InvalidInput: no name, another name than the staff code's, or a citizen number as a staff code.
        """
        name, staff_code = name.strip(), "".join(staff_code.split())
        if not name:
            raise InvalidInput(where="/name", problem=EMPTY)
        if codes.is_citizen_number(staff_code.upper()):
            raise InvalidInput(where="/staff_code", problem=CITIZEN_NUMBER)
        if staff_code:
            known = await uow.fetchrow("SELECT * FROM person WHERE staff_code = $1", staff_code)
            if known is not None and known["name"] != name:
                raise InvalidInput(where="/staff_code", problem=OTHER_NAME)
            if known is not None:
                person: UUID = known["id"]
                return person
        row = {"id": uuid4(), "name": name, "staff_code": staff_code or None}
        person_id: UUID = (await _insert(uow, "person", row, unique=STAFF_CODE))["id"]
        return person_id

    async def post_add(
        self,
        uow: UnitOfWork,
        *,
        person_id: UUID,
        organ_id: UUID,
        title: str,
        duties: Collection[str],
        valid_from: date,
        valid_to: date | None = None,
        department: str = "",
    ) -> UUID:
        """Give a person a post in an organ and return the post's id.

        Raises:
            InvalidInput: an unknown duty, or none.
            DutiesExclude: an administrator's duty beside another one, in this post or an overlapping one.
        """
        row = {
            "id": uuid4(),
            "person_id": person_id,
            "organ_id": organ_id,
            "department": department,
            "title": title,
            "duties": sorted(set(duties)),
            "valid_from": valid_from,
            "valid_to": valid_to,
        }
        await self._refuse_clash(uow, row)
        post_id: UUID = (await _insert(uow, "post", row))["id"]
        return post_id

    async def post_change(self, uow: UnitOfWork, post_id: UUID, **changes: Any) -> None:
        """Change title, department, duties or `valid_to` of a post, from now on.

        Raises:
            InvalidInput: an unknown duty, or none; a last day before the first.
            DutiesExclude: as for a new post.
            NoSuchThing: there is no such post.
        """
        row = await _row(uow, "post", "id", post_id)
        if "duties" in changes:
            changes["duties"] = sorted(set(changes["duties"]))
        after = {**row, **changes}
        if after["valid_to"] is not None and after["valid_to"] < after["valid_from"]:
            raise InvalidInput(where="/valid_to", problem=ENDS_BEFORE)
        await self._refuse_clash(uow, after)
        await uow.update("post", row, **changes)

    async def post_end(self, uow: UnitOfWork, post_id: UUID, *, valid_to: date) -> None:
        """End a post before `valid_to`; its account can't act from that day on. Raises as `post_change`."""
        await self.post_change(uow, post_id, valid_to=valid_to)

    async def _refuse_clash(self, uow: UnitOfWork, post: Mapping[str, Any]) -> None:
        """Refuse a post whose duties, with those that the person has at the same time, nobody may hold."""
        _refuse_unknown("/duties", post["duties"], DUTIES)
        if not post["duties"]:
            raise InvalidInput(where="/duties", problem=EMPTY)
        # One person's posts change one after the other, or the halves of a forbidden pair could slip through.
        await uow.fetchrow("SELECT id FROM person WHERE id = $1 FOR UPDATE", post["person_id"])
        others = await uow.fetch(
            "SELECT duties FROM post WHERE person_id = $1 AND id <> $4 AND (valid_to IS NULL OR valid_to > $2)"
            " AND ($3::date IS NULL OR valid_from < $3)",
            post["person_id"],
            post["valid_from"],
            post["valid_to"],
            post["id"],
        )
        _refuse_mixed({*post["duties"], *(duty for other in others for duty in other["duties"])})

    async def department_add(
        self, uow: UnitOfWork, *, organ_id: UUID, name: str, valid_from: date, code_word: str = ""
    ) -> UUID:
        """Register a department of an organ and return its id. Raises `AlreadyExists`, `NoSuchThing`."""
        if not name.strip():
            raise InvalidInput(where="/name", problem=EMPTY)
        row = {
            "id": uuid4(),
            "organ_id": organ_id,
            "name": name.strip(),
            "code_word": code_word.strip(),
            "valid_from": valid_from,
        }
        department_id: UUID = (await _insert(uow, "department", row, unique=DEPARTMENT))["id"]
        return department_id

    async def department_end(self, uow: UnitOfWork, organ_id: UUID, name: str, *, valid_to: date) -> None:
        """End a department before `valid_to`. Raises `NoSuchThing`."""
        row = await uow.fetchrow(
            "SELECT * FROM department WHERE organ_id = $1 AND name = $2 AND valid_to IS NULL", organ_id, name
        )
        if row is None:
            raise NoSuchThing(where="/department")
        await uow.update("department", row, valid_to=valid_to)

    async def account_add(
        self,
        uow: UnitOfWork,
        *,
        login: str,
        post_id: UUID | None = None,
        organ_id: UUID | None = None,
        password: str | None = None,
        language: str = "zh",
        demo: bool = False,
    ) -> UUID:
        """Open an account for a post, or a service account for an organ, and return its id.

        Without a password nobody can sign in by password: a service account uses tokens, a demo account is
        chosen from a list where the installation is a demo.

        Raises:
            InvalidInput: both or neither of post and organ, a malformed login, a weak password, or one for a
                service account.
            AlreadyExists: the login is taken.
            NoSuchThing: there is no such post.
        """
        if (post_id is None) == (organ_id is None):
            raise InvalidInput(where="/post_id", problem=POST_OR_ORGAN)
        if organ_id is not None and password is not None:
            raise InvalidInput(where="/password", problem=TOKENS_ONLY)
        _refuse_unknown("/language", [language], ("zh", "en"))
        login = check_login(login)
        row = {
            "id": uuid4(),
            "login": login,
            "kind": "service" if post_id is None else "person",
            "person_id": None if post_id is None else (await _row(uow, "post", "id", post_id))["person_id"],
            "post_id": post_id,
            "organ_id": organ_id,
            "password_hash": None if password is None else await self._hashed(password, login),
            "language": language,
            "demo": demo,
        }
        account_id: UUID = (await _insert(uow, "account", row, unique=LOGIN))["id"]
        return account_id

    async def password_set(self, uow: UnitOfWork, login: str, password: str) -> None:
        """Give an account a new password and lift its lock; sessions live on until revoked.

        Raises `NoSuchThing`.
        """
        row = await _row(uow, "account", "login", check_login(login))
        hashed = await self._hashed(password, row["login"])
        await uow.update("account", row, password_hash=hashed, failed_attempts=0, locked_until=None)

    async def account_disable(self, uow: UnitOfWork, login: str, now: datetime) -> None:
        """Close an account: from this commit on its sessions and tokens are refused. Raises `NoSuchThing`."""
        row = await _row(uow, "account", "login", check_login(login))
        await uow.update("account", row, disabled_at=now)
        if row["post_id"] is not None:
            await end_deputyships(uow, row["post_id"], now)

    async def account_enable(self, uow: UnitOfWork, login: str) -> None:
        """Open a closed or locked account again. Raises `NoSuchThing`."""
        row = await _row(uow, "account", "login", check_login(login))
        await uow.update("account", row, disabled_at=None, failed_attempts=0, locked_until=None)

    async def organ(self, uow: UnitOfWork, organ_id: UUID) -> Organ:
        """The organ with this id, past ones too. Raises `NoSuchThing`."""
        return organ_of(await _row(uow, "organ", "id", organ_id))

    async def organs(self, uow: UnitOfWork, organ_ids: Iterable[UUID]) -> dict[UUID, Organ]:
        """Those of the organs that exist, by id."""
        rows = await uow.fetch("SELECT * FROM organ WHERE id = ANY($1::uuid[])", list(organ_ids))
        return {row["id"]: organ_of(row) for row in rows}

    async def organs_of_region(
        self, uow: UnitOfWork, region: str, *, now: datetime, types: Collection[str] = ()
    ) -> list[Organ]:
        """The organs of exactly this division that are valid now, of the types if any, by type and name."""
        rows = await uow.fetch(
            "SELECT * FROM organ WHERE region = $1"
            " AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)"
            " AND (cardinality($3::text[]) = 0 OR type = ANY($3)) ORDER BY type, name, id",
            region,
            legal_day(now),
            sorted(types),
        )
        return [organ_of(row) for row in rows]

    async def on_duty(
        self,
        uow: UnitOfWork,
        organ_id: UUID,
        *,
        now: datetime,
        department: str = "",
        duties: Collection[str] = HANDLING_DUTIES,
    ) -> list[Colleague]:
        """Who can act now in an organ, or in one department of it, with one of the duties; by login."""
        rows = await uow.fetch(
            f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$2')}"
            " WHERE o.id = $1 AND a.kind = 'person' AND w.duties && $3::text[]"
            " AND ($4 = '' OR w.department = $4) ORDER BY a.login",
            organ_id,
            legal_day(now),
            sorted(duties),
            department,
        )
        return [
            Colleague(
                account_id=row["account_id"],
                name=row["person_name"],
                department=row["department"],
                title=row["title"],
                duties=frozenset(row["duties"]),
            )
            for row in rows
        ]

    async def actor(self, uow: UnitOfWork, login: str, now: datetime) -> Actor:
        """The actor that an account stands for now. Raises `NoSuchThing` when there is none."""
        row = await uow.fetchrow(
            f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$2')} WHERE a.login = $1",
            check_login(login),
            legal_day(now),
        )
        actor = None if row is None else actor_of(row)
        if actor is None:
            raise NoSuchThing(where="/login")
        return actor

    async def demo_actors(self, uow: UnitOfWork, now: datetime) -> list[Actor]:
        """The people that a demo offers to be, in the order in which their accounts were opened."""
        rows = await uow.fetch(
            f"SELECT {ACTOR_COLUMNS} FROM account a {actor_joins('$1')}"
            " WHERE a.demo AND a.kind = 'person' ORDER BY a.created_at, a.login",
            legal_day(now),
        )
        return [actor for actor in map(actor_of, rows) if actor is not None]

    async def _hashed(self, password: str, login: str) -> str:
        check_password(password, login)
        return await self._passwords.hash(password)


def _refuse_unknown(where: str, values: Iterable[str], known: Collection[str]) -> None:
    if not set(values) <= set(known):
        listed = ", ".join(sorted(known))
        raise InvalidInput(where=where, problem=Text(zh=f"须为 {listed}", en=f"must be of {listed}"))


def _refuse_mixed(duties: Collection[str]) -> None:
    if clash := mixed_duties(duties):
        raise DutiesExclude(where="/duties", first=clash[0], second=clash[1])


async def _insert(
    uow: UnitOfWork, table: str, row: Mapping[str, Any], unique: Text | None = None
) -> Mapping[str, Any]:
    try:
        return (await uow.insert(table, row))[0]
    except asyncpg.UniqueViolationError as error:
        raise AlreadyExists(where=f"/{table}", what=unique) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NoSuchThing(where=f"/{table}") from error


async def _row(uow: UnitOfWork, table: str, column: str, value: UUID | str) -> dict[str, Any]:
    row = await uow.fetchrow(f"SELECT * FROM {table} WHERE {column} = $1", value)
    if row is None:
        raise NoSuchThing(where=f"/{table}")
    return row
