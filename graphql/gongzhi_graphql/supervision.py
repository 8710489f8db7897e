"""The mutations of `supervision`: what supervisors may do, which is to remind, never to decide."""

from __future__ import annotations

import strawberry

from gongzhi.declarations import Command
from gongzhi_graphql.basics import Info
from gongzhi_graphql.casework import ActResult
from gongzhi_graphql.fields import field
from gongzhi_graphql.names import local_id


@strawberry.type(
    description="监督。What supervisors may do in the cases that they read; they decide nothing."
)
class SupervisionMutation:
    @field(
        "催办要办理的单位，可指明文书或期限；每案每单位每个工作日一次。Reminds those who must act, in the case or about one"
        " letter or clock; each once a working day. `reason` reaches them with the case, and stays out of the audit log."
    )
    async def nudge(
        self,
        info: Info,
        case: strawberry.ID,
        reason: str,
        key: str,
        letter: strawberry.ID | None = None,
        deadline: strawberry.ID | None = None,
    ) -> ActResult | None:
        given = {"reason": reason}
        if letter is not None:
            given["letter"] = str(local_id("Letter", letter))
        if deadline is not None:
            given["deadline"] = str(local_id("Deadline", deadline))
        command = Command(
            namespace="supervision", action="nudge", input=given, key=key, case_id=local_id("Case", case)
        )
        return ActResult.of(await info.context.act(command))
