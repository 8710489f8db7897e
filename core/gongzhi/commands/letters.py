"""The commands of the `letters` namespace: signing for a letter (签收), and taking note of a notice (知悉)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from gongzhi.cases.acting import CaseActing
from gongzhi.cases.scope import Trail
from gongzhi.cases.targets import target_of
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace
from gongzhi.errors import ActionNotAllowed, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Target, decide
from gongzhi.identity.regions import RegionTree
from gongzhi.messaging import letters
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.schemas import validator
from gongzhi.store import Store, UnitOfWork

SIGN = Text(zh="签收", en="sign for it")
NOTE = Text(zh="知悉", en="take note of it")

SIGN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["letter"],
    "properties": {
        "letter": {"type": "string", "format": "uuid", "title": "文书", "x-gongzhi-title-en": "Letter"}
    },
}

READ_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["notice"],
    "properties": {
        "notice": {"type": "string", "format": "uuid", "title": "提醒", "x-gongzhi-title-en": "Notice"}
    },
}


class LetterCommands:
    """What may be done with a letter. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree, scenes: SceneHost, acting: CaseActing) -> None:
        self._store, self._tree, self._scenes, self._acting = store, tree, scenes, acting

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        sign = CommandDeclaration(name="sign", title=SIGN, input_schema=SIGN_SCHEMA)
        mark_read = CommandDeclaration(name="mark_read", title=NOTE, input_schema=READ_SCHEMA)
        return CoreNamespace(
            id="letters",
            title=Text(zh="文书", en="Letters"),
            commands={
                "sign": CoreCommand(declaration=sign, check=validator(SIGN_SCHEMA), handle=self.sign),
                "mark_read": CoreCommand(
                    declaration=mark_read, check=validator(READ_SCHEMA), handle=self.mark_read
                ),
            },
        )

    async def sign(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Sign for a letter (签收); where the workflow ties an action to it, that action is taken."""
        letter_id = UUID(command.input["letter"])
        found = await self._acting.scoping.finder.find(uow, actor, letter_id, at=now, by="letter", lock=True)
        scene, case = found.scene, found.case
        trail.case_id, trail.region, trail.version = case.id, case.row["region"], case.row["version"]
        letter = await uow.fetchrow("SELECT * FROM letter WHERE id = $1 FOR UPDATE", letter_id)
        assert letter is not None
        target = target_of(scene, case, "sign", None)
        if letter["to_organ"] != actor.organ.id or letter["to_department"] not in ("", actor.department):
            raise ActionNotAllowed(
                where="/letter",
                action=SIGN,
                reason_zh="文书不是发给本单位或本部门的",
                reason_en="the letter is not addressed to your organ or department",
            )
        bound = [
            name
            for name, spec in scene.workflow.file.actions.items()
            if spec.signs == letter["kind"] and letter["copy_of"] is None
        ]
        if bound and letter["state"] == "delivered":
            action = Command(namespace=scene.id, action=bound[0], input={}, key=command.key, case_id=case.id)
            return await self._acting.act(uow, actor, action, now, trail)
        verdict = decide(actor, "act", _signing(target, letter["role"]), self._tree)
        if not verdict.allowed:
            raise verdict.refusal(SIGN)
        await self._acting.scoping.at_work(uow, scene, case.row["region"], letter["role"])
        await letters.sign_for(uow, self._store.keys, letter, now=now, actor_id=actor.account_id)
        return ActResult(case_id=case.id, state=tuple(sorted(case.state)), letter_ids=(letter_id,))

    async def mark_read(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Take note of a notice to the actor's organ and department: it leaves their inbox. Twice changes nothing."""
        notice_id = UUID(command.input["notice"])
        found = await self._acting.scoping.finder.find(uow, actor, notice_id, at=now, by="notice")
        case = found.case
        trail.case_id, trail.region, trail.version = case.id, case.row["region"], case.row["version"]
        notice = await uow.fetchrow(
            "SELECT * FROM notice WHERE id = $1 AND organ_id = $2 AND department IN ('', $3) FOR UPDATE",
            notice_id,
            actor.organ.id,
            actor.department,
        )
        if notice is None:
            raise NoSuchThing()
        if notice["read_at"] is None:
            await uow.execute("UPDATE notice SET read_at = $2 WHERE id = $1", notice["id"], now)
            uow.touch(notice["case_id"])
        return ActResult(case_id=case.id, state=tuple(sorted(case.state)))


def _signing(target: Target, role: str) -> Target:
    """Signing for a letter is open to whoever plays the role that it was sent to."""
    return replace(target, action="sign", action_roles=frozenset({role}))
