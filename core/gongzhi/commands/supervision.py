"""The commands of the `supervision` namespace: nudging (催办) those who must act. A supervisor decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gongzhi.cases.acting import CaseActing
from gongzhi.cases.nudges import NUDGE, TITLE, nudge
from gongzhi.cases.scope import Trail
from gongzhi.cases.targets import target_of
from gongzhi.clock import HolidayCalendar
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace
from gongzhi.errors import InvalidInput, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import decide
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.schemas import validator
from gongzhi.store import UnitOfWork

_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

NUDGE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["reason"],
    "properties": {
        "letter": {
            "type": "string",
            "pattern": f"^(Letter:)?{_UUID}",
            "title": "文书",
            "x-gongzhi-title-en": "Letter",
        },
        "deadline": {
            "type": "string",
            "pattern": f"^(Deadline:)?{_UUID}",
            "title": "期限",
            "x-gongzhi-title-en": "Clock",
        },
        "reason": {
            "type": "string",
            "minLength": 1,
            "maxLength": 500,
            "title": "催办理由",
            "x-gongzhi-title-en": "Why",
            "description": "与案件的个人信息一起加密存放，不进入审计日志。",
            "x-gongzhi-description-en": "Sealed with what is personal in the case; it does not go into the audit log.",
            "x-gongzhi-ui": "textarea",
        },
    },
}


class SupervisionCommands:
    """What supervisors may do. One instance serves every request; it keeps no state."""

    def __init__(self, tree: RegionTree, acting: CaseActing, calendar: HolidayCalendar) -> None:
        self._tree, self._acting, self._calendar = tree, acting, calendar

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        declaration = CommandDeclaration(
            name="nudge", title=TITLE, input_schema=NUDGE_SCHEMA, acts_on_case=True
        )
        return CoreNamespace(
            id="supervision",
            title=Text(zh="监督", en="Supervision"),
            commands={
                "nudge": CoreCommand(
                    declaration=declaration, check=validator(NUDGE_SCHEMA), handle=self.nudge
                )
            },
        )

    async def nudge(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Remind those who must act in a case that the actor supervises; once a working day each.

        Raises `NoSuchThing`, `ActionNotAllowed`, `SceneReadOnly`, `NothingToNudge`, `NudgedAlready`, `InvalidInput`.
        """
        if command.case_id is None:
            raise NoSuchThing(where="/case")
        if not command.input["reason"].strip():
            raise InvalidInput(where="/reason", problem=Text(zh="不能为空", en="it can't be empty"))
        trail.case_id = command.case_id
        found = await self._acting.scoping.finder.find(uow, actor, command.case_id, at=now, lock=True)
        scene, case = found.scene, found.case
        trail.region, trail.version = case.row["region"], case.row["version"]
        verdict = decide(actor, NUDGE, target_of(scene, case, NUDGE, None), self._tree)
        if not verdict.allowed or verdict.role is None:
            raise verdict.refusal(TITLE)
        await self._acting.scoping.at_work(uow, scene, case.row["region"], verdict.role)
        number = await nudge(
            uow,
            self._acting.vault,
            self._calendar,
            found,
            actor,
            letter=_id(command.input.get("letter")),
            clock=_id(command.input.get("deadline")),
            reason=command.input["reason"].strip(),
            now=now,
        )
        state = tuple(sorted(case.state))
        trail.events.append(
            {
                "id": uuid4(),
                "case_id": case.id,
                "seq": number,
                "action": NUDGE,
                "actor_id": actor.account_id,
                "organ_id": actor.organ.id,
                "role": verdict.role,
                "at": now,
                "state_from": list(state),
                "state_to": list(state),
            }
        )
        return ActResult(case_id=case.id, state=state)


def _id(text: str | None) -> UUID | None:
    return UUID(text.rpartition(":")[2]) if text else None
