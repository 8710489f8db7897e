"""The namespace `accounts`: what a security administrator does about an account that may be in wrong hands.

Sessions, tokens and secrets end with the commit: each request looks its own up (`gongzhi.identity.credentials`). Opening,
closing and changing accounts is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gongzhi.cases.scope import Trail
from gongzhi.declarations import ActResult, Command, CommandDeclaration, Text
from gongzhi.dispatch import CoreCommand, CoreNamespace
from gongzhi.errors import ActionNotAllowed, NoSuchThing
from gongzhi.identity.actors import Actor
from gongzhi.identity.passwords import normal_login
from gongzhi.identity.policy import NO_DUTY
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.revoking import revoke_access
from gongzhi.identity.second_step import forget_factor
from gongzhi.scenes.schemas import validator
from gongzhi.store import UnitOfWork

DUTY: Final = "security_admin"

_OF_LOGIN: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["login"],
    "properties": {
        "login": {"type": "string", "maxLength": 64, "title": "登录名", "x-gongzhi-title-en": "Login"}
    },
}
_END_ACCESS: Final = Text(zh="结束账号的会话、令牌和密钥", en="end an account's sessions, tokens and secrets")
_RESET: Final = Text(zh="重置账号的第二步验证", en="reset an account's second step")
_ONESELF: Final = Text(zh="须由另一名管理员办理", en="another administrator has to do it")

_ACCOUNT: Final = """
SELECT a.id, a.person_id, o.region FROM account a LEFT JOIN post w ON w.id = a.post_id
JOIN organ o ON o.id = coalesce(a.organ_id, w.organ_id) WHERE a.login = $1
"""


class AccountCommands:
    """What security administrators do. One instance serves every request; it keeps no state."""

    def __init__(self, tree: RegionTree) -> None:
        self._tree = tree

    def namespace(self) -> CoreNamespace:
        """The namespace, for dispatch and the edges."""
        revoke = CommandDeclaration(name="revoke", title=_END_ACCESS, input_schema=_OF_LOGIN)
        reset = CommandDeclaration(name="reset_second_step", title=_RESET, input_schema=_OF_LOGIN)
        return CoreNamespace(
            id="accounts",
            title=Text(zh="账号安全", en="Accounts' security"),
            duties=frozenset({DUTY}),
            commands={
                "revoke": CoreCommand(declaration=revoke, check=validator(_OF_LOGIN), handle=self.revoke),
                "reset_second_step": CoreCommand(
                    declaration=reset, check=validator(_OF_LOGIN), handle=self.reset_second_step
                ),
            },
        )

    async def revoke(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """End every session, token and secret of an account at once.

        Raises `ActionNotAllowed` without the duty, `NoSuchThing` for an account that is not of the actor's region.
        """
        account = await self._account(uow, actor, command.input["login"], _END_ACCESS, trail)
        await revoke_access(uow, account["id"], now)
        return ActResult(case_id=None, output={"login": normal_login(command.input["login"])})

    async def reset_second_step(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Take an account's second factor away, whose phone is lost, and all that it holds: it enrols anew.

        Raises like `revoke`; `ActionNotAllowed` for one's own account, `NoSuchThing` where none is enrolled.
        """
        account = await self._account(uow, actor, command.input["login"], _RESET, trail)
        own = await uow.fetchval("SELECT person_id FROM account WHERE id = $1", actor.account_id)
        if account["id"] == actor.account_id or (own is not None and account["person_id"] == own):
            raise ActionNotAllowed(action=_RESET, reason_zh=_ONESELF.zh, reason_en=_ONESELF.en)
        await revoke_access(
            uow, account["id"], now
        )  # first, since it holds the account's row, as signing in does
        await forget_factor(uow, account["id"])
        return ActResult(case_id=None, output={"login": normal_login(command.input["login"])})

    async def _account(
        self, uow: UnitOfWork, actor: Actor, login: str, action: Text, trail: Trail
    ) -> Mapping[str, Any]:
        if DUTY not in actor.duties:
            raise ActionNotAllowed(action=action, reason_zh=NO_DUTY.zh, reason_en=NO_DUTY.en)
        account = await uow.fetchrow(_ACCOUNT, normal_login(login))
        if account is None or not self._tree.contains(actor.organ.region, account["region"]):
            raise NoSuchThing(where="/login")
        trail.region = account["region"]
        return account
