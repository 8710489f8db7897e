"""The namespace `directory`: delegated administration of organs, departments, posts and accounts.

Who may do what is `gongzhi.identity.reach`; what is registered how is `gongzhi.identity.directory`. No password passes
here: a new account has none, see `gongzhi account password` and sign-in through a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from gongzhi.cases.scope import Trail
from gongzhi.commands import directory_forms as forms
from gongzhi.commands.deputies import DeputyCommands
from gongzhi.commands.succession import succeed
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Json, QueryDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace, Handler
from gongzhi.errors import NoSuchThing
from gongzhi.identity.acting import legal_day, organ_of
from gongzhi.identity.actors import Actor, Organ
from gongzhi.identity.directory import Directory
from gongzhi.identity.leaving import leave
from gongzhi.identity.passwords import check_login
from gongzhi.identity.reach import (
    DIRECTORY_DUTIES,
    ONESELF,
    OWN_ORGAN,
    may_register,
    no_reach,
    not_allowed,
    reaches,
    refuse_beyond,
    refuse_no_reach,
    secures,
)
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.revoking import revoke_access, revoke_new_administrators
from gongzhi.scenes.schemas import validator
from gongzhi.store import Store, UnitOfWork

ADMINISTER: Final = Text(zh="管理单位和人员", en="administer organs and people")
GRANT: Final = Text(zh="授予职责", en="grant duties")

_HOLDER: Final = """
SELECT a.id AS account_id, a.login, a.person_id, a.disabled_at, w.id AS post_id, w.duties, w.department, o.*
FROM account a JOIN post w ON w.id = a.post_id JOIN organ o ON o.id = w.organ_id
WHERE a.login = $1 AND a.kind = 'person'
"""

_PEOPLE: Final = """
SELECT a.login, p.name, w.department, w.title, w.duties, w.valid_from, w.valid_to, a.disabled_at
FROM post w JOIN person p ON p.id = w.person_id JOIN account a ON a.post_id = w.id
WHERE w.organ_id = $1 ORDER BY a.login
"""

_ORGANS: Final = """
SELECT o.*, ARRAY(
    SELECT d.name FROM department d WHERE d.organ_id = o.id AND d.valid_to IS NULL ORDER BY d.name
) AS departments
FROM organ o WHERE o.region LIKE $1 ORDER BY o.region, o.type, o.name, o.id LIMIT 5000
"""


@dataclass(frozen=True, kw_only=True)
class _Holder:
    """The account that an act is about, with its post and organ."""

    account_id: UUID
    login: str
    post_id: UUID
    duties: frozenset[str]
    organ: Organ


class DirectoryCommands:
    """What delegated administrators do. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree) -> None:
        self._store, self._tree, self._directory = store, tree, Directory(tree)
        self._deputies = DeputyCommands(store, tree)

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        commands = (
            _command("add_organ", "登记单位", "Register an organ", forms.ADD_ORGAN, self.add_organ),
            _command(
                "add_department",
                "登记部门",
                "Register a department",
                forms.ADD_DEPARTMENT,
                self.add_department,
            ),
            _command(
                "end_department", "结束部门", "End a department", forms.END_DEPARTMENT, self.end_department
            ),
            _command(
                "add_account",
                "登记岗位并开通账号",
                "Give a post and open its account",
                forms.ADD_ACCOUNT,
                self.add_account,
            ),
            _command("change_post", "变更岗位", "Change a post", forms.CHANGE_POST, self.change_post),
            _command("end_post", "结束岗位", "End a post", forms.END_POST, self.end_post),
            _command(
                "succeed_organ",
                "登记继受单位",
                "Let an organ take another's place",
                forms.SUCCEED,
                self.succeed_organ,
            ),
            _command("leave", "办理离任", "See a leaver off", forms.LEAVE, self.leave),
            _command("deputise", "登记代理人", "Name a deputy", forms.DEPUTISE, self._deputies.deputise),
            _command(
                "end_deputyship",
                "结束代理",
                "End a deputyship",
                forms.OF_DEPUTYSHIP,
                self._deputies.end_deputyship,
            ),
            _command("close_account", "关闭账号", "Close an account", forms.OF_LOGIN, self.close_account),
            _command(
                "open_account", "重新开通账号", "Open an account again", forms.OF_LOGIN, self.open_account
            ),
        )
        queries = (
            QueryDeclaration(
                name="organs",
                title=Text(zh="管理范围内的单位", en="Organs in reach"),
                input_schema=forms.OF_DIVISION,
                output_schema=forms.ORGANS,
                read=self.organs,
            ),
            QueryDeclaration(
                name="people",
                title=Text(zh="单位的岗位和账号", en="Posts and accounts of an organ"),
                input_schema=forms.OF_ORGAN,
                output_schema=forms.PEOPLE,
                read=self.people,
            ),
            self._deputies.query(),
        )
        return CoreNamespace(
            id="directory",
            title=Text(zh="组织与人员", en="Directory"),
            duties=DIRECTORY_DUTIES,
            commands={command.declaration.name: command for command in commands},
            queries=queries,
        )

    async def organs(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """The organs of a division and below that the actor administers, past ones too."""
        where = self._tree.prefix(value["region"])
        async with self._store.unit_of_work() as uow:
            rows = await uow.fetch(_ORGANS, where)
        return {
            "organs": [
                {
                    "id": str(row["id"]),
                    **{name: row[name] for name in ("name", "type", "level", "region", "departments")},
                    "valid_to": _told(row["valid_to"]),
                }
                for row in rows
                if reaches(actor, organ_of(row), self._tree) or secures(actor, organ_of(row), self._tree)
            ]
        }

    async def people(self, actor: Actor, region: str, value: Mapping[str, Json]) -> Json:
        """Every post of an organ with its account. Raises `ActionNotAllowed` beyond the actor's reach."""
        async with self._store.unit_of_work() as uow:
            organ = await self._directory.organ(uow, _organ_id(value["organ"]))
            if not reaches(actor, organ, self._tree) and not secures(actor, organ, self._tree):
                raise not_allowed(ADMINISTER, no_reach(actor))
            rows = await uow.fetch(_PEOPLE, organ.id)
        return {
            "people": [
                {
                    **{name: row[name] for name in ("login", "name", "department", "title", "duties")},
                    "valid_from": row["valid_from"].isoformat(),
                    "valid_to": _told(row["valid_to"]),
                    "closed": row["disabled_at"] is not None,
                }
                for row in rows
            ]
        }

    async def add_organ(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Register an organ in the actor's divisions."""
        value = command.input
        level = self._tree.get(value["region"]).level
        trail.region = value["region"]
        if problem := may_register(actor, value["region"], value["type"], self._tree):
            raise not_allowed(ADMINISTER, problem)
        organ = await self._directory.organ_add(
            uow,
            name=value["name"].strip(),
            name_en=value.get("name_en", "").strip() or value["name"].strip(),
            type=value["type"],
            level=value.get("level", level),
            region=value["region"],
            valid_from=legal_day(now),
            line=value.get("line"),
            uscc=value.get("uscc") or None,
            code_word=value.get("code_word", "").strip(),
        )
        return ActResult(case_id=None, output={"organ": str(organ.id)})

    async def succeed_organ(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Let an organ take another's place, both in the actor's divisions and neither the actor's own."""
        value = command.input
        old = await self._directory.organ(uow, _organ_id(value["organ"]))
        new = await self._directory.organ(uow, _organ_id(value["successor"]))
        trail.region = new.region
        for organ in (old, new):
            if problem := may_register(actor, organ.region, organ.type, self._tree):
                raise not_allowed(ADMINISTER, problem)
        if actor.organ.id in (old.id, new.id):
            raise not_allowed(ADMINISTER, OWN_ORGAN)
        since = _day(value.get("since"), now)
        taken = await succeed(
            uow,
            old.id,
            new.id,
            since=since,
            document=value["document"],
            now=now,
            elsewhere=value.get("elsewhere", False),
        )
        return ActResult(case_id=None, output=dict(taken))

    async def add_department(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Register a department of an organ in reach."""
        organ = await self._organ_in_reach(uow, actor, command.input["organ"], trail)
        department_id = await self._directory.department_add(
            uow,
            organ_id=organ.id,
            name=command.input["name"],
            valid_from=legal_day(now),
            code_word=command.input.get("code_word", ""),
        )
        return ActResult(case_id=None, output={"department": str(department_id)})

    async def end_department(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """End a department of an organ in reach; posts in it stay until they are changed."""
        organ = await self._organ_in_reach(uow, actor, command.input["organ"], trail)
        day = _day(command.input.get("valid_to"), now)
        await self._directory.department_end(uow, organ.id, command.input["name"], valid_to=day)
        return ActResult(case_id=None, output={})

    async def add_account(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Give somebody a post with duties that the actor may give, and open its account, without a password."""
        value = command.input
        organ = await self._directory.organ(uow, _organ_id(value["organ"]))
        trail.region = organ.region
        refuse_beyond(actor, organ, value["duties"], self._tree, action=GRANT)
        person_id = await self._directory.person_add(
            uow, name=value["name"], staff_code=value.get("staff_code", "")
        )
        await self._refuse_oneself(uow, actor, person_id)
        post_id = await self._directory.post_add(
            uow,
            person_id=person_id,
            organ_id=organ.id,
            title=value["title"].strip(),
            duties=value["duties"],
            valid_from=legal_day(now),
            department=value.get("department", "").strip(),
        )
        await self._directory.account_add(uow, login=value["login"], post_id=post_id)
        return ActResult(case_id=None, output={"post": str(post_id)})

    async def change_post(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Change department, title or duties: the actor must reach both what was and what will be."""
        value = command.input
        holder = await self._holder(uow, actor, value["login"], trail)
        refuse_beyond(actor, holder.organ, value.get("duties", ()), self._tree, action=GRANT)
        changes = {name: value[name] for name in ("department", "title", "duties") if name in value}
        if changes:
            await self._directory.post_change(uow, holder.post_id, **changes)
        if "duties" in changes:
            await revoke_new_administrators(uow, now, posts=[holder.post_id])
        return ActResult(case_id=None, output={})

    async def end_post(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """End a post; its account can't act from that day on."""
        holder = await self._holder(uow, actor, command.input["login"], trail)
        day = _day(command.input.get("valid_to"), now)
        await self._directory.post_end(uow, holder.post_id, valid_to=day)
        return ActResult(case_id=None, output={})

    async def leave(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """End a leaver's post today with all that the account holds; duties left empty go to a successor in reach."""
        holder = await self._holder(uow, actor, command.input["login"], trail)
        successor = command.input.get("successor")
        if successor is not None:
            await self._holder(uow, actor, successor, trail)
        given = await leave(uow, self._directory, holder.login, successor=successor, now=now)
        return ActResult(case_id=None, output={"duties": list(given)})

    async def close_account(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Close an account; its sessions and tokens are void from this commit on, and stay so."""
        holder = await self._holder(uow, actor, command.input["login"], trail)
        await self._directory.account_disable(uow, holder.login, now)
        await revoke_access(uow, holder.account_id, now)
        return ActResult(case_id=None, output={})

    async def open_account(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Open an account again that was closed or locked."""
        holder = await self._holder(uow, actor, command.input["login"], trail)
        await self._directory.account_enable(uow, holder.login)
        return ActResult(case_id=None, output={})

    async def _organ_in_reach(self, uow: UnitOfWork, actor: Actor, said: str, trail: Trail) -> Organ:
        organ = await self._directory.organ(uow, _organ_id(said))
        trail.region = organ.region
        refuse_no_reach(actor, organ, self._tree, action=ADMINISTER)
        return organ

    async def _holder(self, uow: UnitOfWork, actor: Actor, login: str, trail: Trail) -> _Holder:
        """The account with this login, if the actor may take what it has; else there is none for them."""
        row = await uow.fetchrow(_HOLDER, check_login(login))
        if row is None:
            raise NoSuchThing(where="/login")
        organ, duties = organ_of(row), frozenset(row["duties"])
        trail.region = organ.region
        # A post that went over to a successor may have no duty left: nothing of it is a security administrator's then.
        if not reaches(actor, organ, self._tree) and not (duties and secures(actor, organ, self._tree)):
            raise NoSuchThing(where="/login")
        refuse_beyond(actor, organ, duties, self._tree, action=ADMINISTER)
        await self._refuse_oneself(uow, actor, row["person_id"])
        return _Holder(
            account_id=row["account_id"],
            login=row["login"],
            post_id=row["post_id"],
            duties=duties,
            organ=organ,
        )

    async def _refuse_oneself(self, uow: UnitOfWork, actor: Actor, person_id: UUID) -> None:
        own = await uow.fetchval("SELECT person_id FROM account WHERE id = $1", actor.account_id)
        if own == person_id:
            raise not_allowed(ADMINISTER, ONESELF)


def _command(name: str, zh: str, en: str, schema: dict[str, Any], handle: Handler) -> CoreCommand:
    declaration = CommandDeclaration(name=name, title=Text(zh=zh, en=en), input_schema=schema)
    return CoreCommand(declaration=declaration, check=validator(schema), handle=handle)


def _organ_id(said: str) -> UUID:
    return UUID(said.removeprefix("Organ:"))


def _told(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _day(said: str | None, now: datetime) -> date:
    return legal_day(now) if said is None else date.fromisoformat(said)
