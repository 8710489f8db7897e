"""The commands of the `access` namespace: being shown more of a case than one's post shows, with a reason, for a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from gongzhi.cases.acting import CaseActing
from gongzhi.cases.finding import Found
from gongzhi.cases.grants import (
    EMERGENCIES,
    GROUNDS,
    REVIEWS,
    Holder,
    broken_in_a_day,
    grant,
    notify,
    supervisors_of_case,
    watches_over,
)
from gongzhi.cases.records import record_of
from gongzhi.cases.reveals import REASONS, reading_role, reveal
from gongzhi.cases.scope import Trail
from gongzhi.cases.targets import target_of
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace, Handler
from gongzhi.errors import (
    ActionNotAllowed,
    GlassNotNeeded,
    GongzhiError,
    InvalidInput,
    NoSuchThing,
    TooManyRequests,
    UnsealingRefused,
)
from gongzhi.identity.acting import hold_account, legal_day
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, HANDLING_DUTIES, Actor
from gongzhi.identity.attempts import Attempts
from gongzhi.identity.policy import decide
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.scenes.schemas import validator
from gongzhi.settings import AccessTerms
from gongzhi.store import Store, UnitOfWork

REVEAL = Text(zh="显示遮蔽的内容", en="be shown what is masked")
BREAK = Text(zh="紧急查阅", en="break the glass")
REVIEW = Text(zh="评查紧急查阅", en="review a broken glass")
UNSEAL = Text(zh="依法向查询单位开放封存的案件", en="open a sealed case to who inquires by law")

END = Text(zh="提前结束查阅", en="end an access before its time")

_NOT_YET_OVER = Text(zh="已经结束", en="it is over already")
_NOT_YET_REVIEWED = Text(zh="已经评查过", en="it is reviewed already")
_ONE_OF = Text(zh="案件编号和文号须填且只填一项", en="give the case's id or a letter's number, one of them")

_NOTE = {
    "type": "string",
    "maxLength": 500,
    "title": "补充说明",
    "x-gongzhi-title-en": "In your own words",
    "description": "与案件的个人信息一起加密存放，不进入审计日志。",
    "x-gongzhi-description-en": "Sealed with what is personal in the case; it does not go into the audit log.",
}

REVEAL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reason"],
    "properties": {
        "fields": {
            "type": "array",
            "maxItems": 100,
            "uniqueItems": True,
            "title": "字段",
            "x-gongzhi-title-en": "Fields",
            "description": "JSON 指针；不填为您凭理由可见的全部。",
            "x-gongzhi-description-en": "JSON pointers; none means all that a reason shows you.",
            "items": {
                "type": "string",
                "maxLength": 200,
                "title": "JSON 指针",
                "x-gongzhi-title-en": "Pointer",
            },
        },
        "reason": {
            "title": "理由",
            "x-gongzhi-title-en": "Reason",
            "oneOf": [
                {"const": code, "title": said.zh, "x-gongzhi-title-en": said.en}
                for code, said in REASONS.items()
            ],
        },
        "note": _NOTE,
    },
}


def _choice(zh: str, en: str, codes: Mapping[str, Text]) -> dict[str, Any]:
    return {
        "title": zh,
        "x-gongzhi-title-en": en,
        "oneOf": [
            {"const": code, "title": said.zh, "x-gongzhi-title-en": said.en} for code, said in codes.items()
        ],
    }


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


_WHY = {**_NOTE, "title": "说明", "minLength": 5}
_UUID = {"type": "string", "format": "uuid", "title": "编号", "x-gongzhi-title-en": "Id"}

BREAK_SCHEMA = _object(
    ["reason", "note"],
    case=_UUID,
    number={
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
        "title": "文号",
        "x-gongzhi-title-en": "Number of a letter",
    },
    reason=_choice("紧急情形", "Emergency", EMERGENCIES),
    note=_WHY,
)
END_SCHEMA = _object(["grant"], grant=_UUID)
REVIEW_SCHEMA = _object(["grant", "finding"], grant=_UUID, finding=_choice("结论", "Finding", REVIEWS))
UNSEAL_SCHEMA = _object(
    ["ground", "request_number", "requester", "purpose", "days"],
    ground=_choice("依据", "Ground", GROUNDS),
    request_number={
        "type": "string",
        "minLength": 2,
        "maxLength": 100,
        "title": "来函文号",
        "x-gongzhi-title-en": "Number of the written request",
    },
    requester=_UUID,
    department={"type": "string", "maxLength": 60, "title": "部门", "x-gongzhi-title-en": "Department"},
    purpose={**_WHY, "title": "用途", "x-gongzhi-title-en": "Purpose"},
    days={"type": "integer", "minimum": 1, "maximum": 30, "title": "天数", "x-gongzhi-title-en": "Days"},
)


class AccessCommands:
    """Who is shown more, why and how long. One instance serves every request; it keeps no state."""

    def __init__(
        self, store: Store, tree: RegionTree, scenes: SceneHost, acting: CaseActing, terms: AccessTerms
    ) -> None:
        self._tree, self._scenes, self._acting, self._terms = tree, scenes, acting, terms
        self._attempts = Attempts(store.keys.secret("csrf"))

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        reveal_case = CommandDeclaration(
            name="reveal_case", title=REVEAL, input_schema=REVEAL_SCHEMA, acts_on_case=True
        )
        break_glass = CommandDeclaration(name="break_glass", title=BREAK, input_schema=BREAK_SCHEMA)
        review = CommandDeclaration(name="review_break_glass", title=REVIEW, input_schema=REVIEW_SCHEMA)
        unseal = CommandDeclaration(
            name="unseal", title=UNSEAL, input_schema=UNSEAL_SCHEMA, acts_on_case=True
        )
        end = CommandDeclaration(name="end_grant", title=END, input_schema=END_SCHEMA)
        handlers: list[tuple[CommandDeclaration, Handler]] = [
            (reveal_case, self.reveal_case),
            (break_glass, self.break_glass),
            (review, self.review_break_glass),
            (unseal, self.unseal),
            (end, self.end_grant),
        ]
        return CoreNamespace(
            id="access",
            title=Text(zh="查阅", en="Access"),
            commands={
                declared.name: CoreCommand(
                    declaration=declared,
                    check=_check_of(declared.input_schema),
                    handle=handle,
                    ahead=self._count_try if declared is break_glass else None,
                )
                for declared, handle in handlers
            },
        )

    async def reveal_case(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Show the actor masked fields of a case that they may read, for a coded reason and a short time.

        Raises `NoSuchThing`, `NothingToReveal`, `InvalidInput`.
        """
        if command.case_id is None:
            raise NoSuchThing(where="/case")
        trail.case_id = command.case_id
        found = await self._acting.scoping.finder.find(uow, actor, command.case_id, at=now)
        scene, case = found.scene, found.case
        trail.region, trail.version = case.row["region"], case.row["version"]
        reason, until = command.input["reason"], now + timedelta(minutes=self._terms.reveal_minutes)
        level = await reveal(
            uow,
            self._acting.vault,
            actor,
            scene,
            case,
            reading_role(scene, found.verdict.roles),
            fields=command.input.get("fields", ()),
            reason=reason,
            note=command.input.get("note", ""),
            now=now,
            until=until,
        )
        trail.code = f"{level}.{reason}"
        return ActResult(
            case_id=case.id,
            state=tuple(sorted(case.state)),
            output={"level": level, "until": until.isoformat()},
        )

    async def break_glass(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Open a case to somebody who is not entitled to it and has an emergency: to them alone, to read, for a short time.
        Its supervisors are told at once.

        They have to know the case's id or the exact number of one of its letters. No case, a sealed one, one whose
        scene knows no emergency and one that no other organ watches over are refused alike; each try counts.

        Raises `NoSuchThing`, `GlassNotNeeded`, `TooManyRequests`, `InvalidInput`.
        """
        value = _stripped(command.input)
        if ("case" in value) == ("number" in value):
            raise InvalidInput(where="/case", problem=_ONE_OF)
        await self._hold_back(uow, actor, now)
        row = await uow.fetchrow(
            f"SELECT c.* FROM cases c WHERE {_NAMED['case' if 'case' in value else 'number']} AND c.sealed_at IS NULL",
            UUID(value["case"]) if "case" in value else value["number"],
        )
        scene = None if row is None else _known(self._scenes, row)
        if row is None or scene is None or not self._may_break(actor, scene, row):
            raise NoSuchThing()
        case = await record_of(uow, self._acting.vault, row, now)
        reads = decide(actor, "read", target_of(scene, case, "read", None), self._tree).allowed
        watching = await supervisors_of_case(uow, self._tree, scene, case, now, apart_from=actor.organ.id)
        if not (reads or watching):  # nobody would be told, nor review it
            raise NoSuchThing()
        trail.case_id, trail.region, trail.version = case.id, case.row["region"], case.row["version"]
        if reads:
            raise GlassNotNeeded()
        until = now + timedelta(minutes=self._terms.break_glass_minutes)
        grant_id = await grant(
            uow,
            self._acting.vault,
            case,
            kind="break_glass",
            role=scene.manifest.emergency_role,
            to=Holder(organ_id=actor.organ.id, department=actor.department, account_id=actor.account_id),
            reason=value["reason"],
            note=value["note"],
            given_by=actor.account_id,
            now=now,
            until=until,
        )
        await notify(uow, "break_glass", case.id, watching, now=now)
        trail.code = f"break_glass.{value['reason']}"
        return ActResult(
            case_id=case.id,
            state=tuple(sorted(case.state)),
            output={"grant": str(grant_id), "until": until.isoformat()},
        )

    async def review_break_glass(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Say, as a supervisor of the case, whether the glass was broken for a reason.

        Raises `NoSuchThing`, `ActionNotAllowed`, `InvalidInput` where it is reviewed.
        """
        found, row = await self._reviewed_by(uow, actor, UUID(command.input["grant"]), REVIEW, now, trail)
        if row["reviewed_at"] is not None:
            raise InvalidInput(where="/grant", problem=_NOT_YET_REVIEWED)
        finding = command.input["finding"]
        await uow.update("case_grant", row, review=finding, reviewed_at=now, reviewed_by=actor.account_id)
        trail.code = f"break_glass.{finding}"
        return ActResult(case_id=found.case.id, state=tuple(sorted(found.case.state)))

    async def end_grant(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Take a grant back before its time: an unsealing by who may give one in that case, a broken glass by who may
        review it.

        Raises `NoSuchThing`, `ActionNotAllowed`, `InvalidInput` where it is over.
        """
        grant_id = UUID(command.input["grant"])
        kind = await uow.fetchval("SELECT kind FROM case_grant WHERE id = $1", grant_id)
        if kind == "break_glass":
            _, row = await self._reviewed_by(uow, actor, grant_id, END, now, trail)
        else:
            row = await self._given_by(uow, actor, grant_id, now, trail)
        if row["ended_at"] is not None or row["until"] <= now:
            raise InvalidInput(where="/grant", problem=_NOT_YET_OVER)
        await uow.update("case_grant", row, ended_at=now)
        trail.code = f"{row['kind']}.ended"
        return ActResult(case_id=None)

    async def _reviewed_by(
        self, uow: UnitOfWork, actor: Actor, grant_id: UUID, title: Text, now: datetime, trail: Trail
    ) -> tuple[Found, Mapping[str, Any]]:
        """The broken glass, locked, and its case, for a supervisor of it. Raises `NoSuchThing`, `ActionNotAllowed`."""
        found = await self._acting.scoping.finder.find(uow, actor, grant_id, at=now, by="grant")
        trail.case_id, trail.region = found.case.id, found.case.row["region"]
        trail.version = found.case.row["version"]
        row = await uow.fetchrow("SELECT * FROM case_grant WHERE id = $1 FOR UPDATE", grant_id)
        if row is None or row["kind"] != "break_glass":
            raise NoSuchThing()
        if not watches_over(found.scene, found.verdict) or row["organ_id"] == actor.organ.id:
            raise ActionNotAllowed(
                action=title,
                reason_zh="由监督该案的其他单位进行",
                reason_en="another organ, one that watches over the case, does it",
            )
        return found, row

    async def _given_by(
        self, uow: UnitOfWork, actor: Actor, grant_id: UUID, now: datetime, trail: Trail
    ) -> Mapping[str, Any]:
        """The unsealing, locked, for an approver of the organ that seals. Raises `NoSuchThing`."""
        case_id = await uow.fetchval(
            "SELECT case_id FROM case_grant WHERE id = $1 AND kind = 'unsealing'", grant_id
        )
        sealed = await uow.fetchrow(_SEALED, case_id, actor.organ.id, actor.department)
        scene = None if sealed is None else _known(self._scenes, sealed)
        if sealed is None or scene is None:
            raise NoSuchThing()
        case = await record_of(uow, self._acting.vault, sealed, now)
        if not decide(actor, "unseal", target_of(scene, case, "unseal", None), self._tree).allowed:
            raise NoSuchThing()
        trail.case_id, trail.region, trail.version = case.id, sealed["region"], sealed["version"]
        row = await uow.fetchrow("SELECT * FROM case_grant WHERE id = $1 FOR UPDATE", grant_id)
        if row is None:
            raise NoSuchThing()
        return row

    async def unseal(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Open a sealed case to the organ that inquires, on one of the two grounds of the law, until the days are over.

        For an approver of the organ that seals. The case stays sealed for everybody else. Whatever stands against it is
        refused in one and the same words, which do not tell whether there is a case.

        Raises `UnsealingRefused`.
        """
        value = _stripped(command.input)
        trail.case_id = command.case_id
        row = await uow.fetchrow(_SEALED, command.case_id, actor.organ.id, actor.department)
        scene = None if row is None else _known(self._scenes, row)
        if row is None or scene is None or not scene.manifest.inquiry_role:
            raise UnsealingRefused()
        case = await record_of(uow, self._acting.vault, row, now)
        if not decide(actor, "unseal", target_of(scene, case, "unseal", None), self._tree).allowed:
            raise UnsealingRefused()
        role = scene.manifest.roles[scene.manifest.inquiry_role]
        organ = await uow.fetchrow(
            "SELECT id, type FROM organ WHERE id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)",
            UUID(value["requester"]),
            legal_day(now),
        )
        if organ is None or organ["type"] not in role.organ_types:
            raise UnsealingRefused()
        department = value.get("department", "")
        if department and not await _has_department(uow, organ["id"], department, now):
            raise UnsealingRefused()
        trail.region, trail.version = case.row["region"], case.row["version"]
        until = now + timedelta(days=value["days"])
        to = Holder(organ_id=organ["id"], department=department)
        grant_id = await grant(
            uow,
            self._acting.vault,
            case,
            kind="unsealing",
            role=scene.manifest.inquiry_role,
            to=to,
            reason=value["ground"],
            note=value["purpose"],
            given_by=actor.account_id,
            now=now,
            until=until,
            request_number=value["request_number"],
        )
        await notify(uow, "unsealing", case.id, [to], now=now)
        trail.code = f"unsealing.{value['ground']}"
        return ActResult(case_id=None, output={"grant": str(grant_id), "until": until.isoformat()})

    def _may_break(self, actor: Actor, scene: LoadedScene, row: Mapping[str, Any]) -> bool:
        """Whether the scene opens such a case to such an organ in an emergency; what only the reporter knows it never
        does."""
        role = scene.manifest.roles.get(scene.manifest.emergency_role)
        return (
            role is not None
            and actor.kind == "person"
            and bool(actor.duties & HANDLING_DUTIES)
            and not actor.duties & ADMINISTRATOR_DUTIES
            and actor.organ.type in role.organ_types
            and role.department in ("", actor.department)
            and not scene.workflow.unsupervised & set(row["state"])
        )

    async def _count_try(self, uow: UnitOfWork, actor: Actor, now: datetime) -> None:
        """Count a try at breaking the glass before anything is looked up, so that being held back tells nothing.

        Raises `TooManyRequests`.
        """
        await hold_account(uow, actor.account_id)
        who = str(actor.account_id)
        seconds = await self._attempts.seconds_blocked(uow, "glass", who, now)
        if seconds:
            raise TooManyRequests(seconds=seconds)
        await self._attempts.fail(uow, "glass", who, now)

    async def _hold_back(self, uow: UnitOfWork, actor: Actor, now: datetime) -> None:
        """Hold to so many a day, before anything is looked up. Raises `TooManyRequests`."""
        await hold_account(uow, actor.account_id)
        broken = await broken_in_a_day(uow, actor.account_id, now)
        if len(broken) >= self._terms.break_glass_a_day:
            again = broken[-self._terms.break_glass_a_day] + timedelta(days=1) - now
            raise TooManyRequests(seconds=math.ceil(again.total_seconds()))


async def _has_department(uow: UnitOfWork, organ_id: UUID, name: str, now: datetime) -> bool:
    """Whether the organ has such a department; one that registers none may name any."""
    rows = await uow.fetch(
        "SELECT name FROM department WHERE organ_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)",
        organ_id,
        legal_day(now),
    )
    return not rows or name in {row["name"] for row in rows}


def _check_of(schema: Mapping[str, Any]) -> Callable[[Any], None]:
    """The check of an input by its schema, where blanks at either end of a text don't count."""
    check = validator(schema)
    return lambda value: check(_stripped(value) if isinstance(value, Mapping) else value)


def _stripped(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said.strip() if isinstance(said, str) else said for name, said in value.items()}


_NAMED: Final = {
    "case": "c.id = $1",
    "number": "c.id IN (SELECT l.case_id FROM letter l WHERE l.number = $1 GROUP BY l.case_id LIMIT 2)"
    " AND (SELECT count(DISTINCT l.case_id) FROM letter l WHERE l.number = $1) = 1",
}
"""How a case is named by who breaks the glass; a number that names two names none."""

_SEALED: Final = (
    "SELECT c.* FROM cases c WHERE c.id = $1 AND c.sealed_at IS NOT NULL AND EXISTS (SELECT 1 FROM case_organ co"
    " WHERE co.case_id = c.id AND co.organ_id = $2 AND co.department IN ('', $3) AND co.until IS NULL)"
)


def _known(scenes: SceneHost, row: Mapping[str, Any]) -> LoadedScene | None:
    """The scene of a case, or None where it can't be used: that too is refused as if there were no case."""
    try:
        return scenes.scene(row["scene"], row["version"])
    except GongzhiError:
        return None
