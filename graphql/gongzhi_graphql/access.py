"""The mutations of `access`: being shown more of a case than one's post shows, with a reason, for a time."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from gongzhi.cases.grants import EMERGENCIES, GROUNDS, REVIEWS, BrokenGlass
from gongzhi.cases.reveals import REASONS
from gongzhi.declarations import Command, Text
from gongzhi_graphql.basics import Info, Organ
from gongzhi_graphql.casework import ActResult
from gongzhi_graphql.fields import field
from gongzhi_graphql.names import global_id, local_id
from gongzhi_graphql.scalars import DivisionCode


def enum_of(name: str, description: str, codes: dict[str, Text]) -> Any:
    """An enumeration of codes, their texts as descriptions; its names are in capitals."""
    values = Enum(name, {code.upper(): code for code in codes})  # type: ignore[misc]
    made: Any = strawberry.enum(values, name=name, description=description)
    for value in made.__strawberry_definition__.values:
        said = codes[value.value]
        value.description = f"{said.zh} ({said.en})"
    return made


RevealReason: Any = enum_of("RevealReason", "显示遮蔽内容的理由。Why masked fields are shown.", REASONS)

Emergency: Any = enum_of("Emergency", "紧急情形。Why the glass may be broken.", EMERGENCIES)
UnsealingGround: Any = enum_of(
    "UnsealingGround",
    "开放封存案件的两种法定依据。The two grounds on which a sealed case is opened.",
    GROUNDS,
)
GlassFinding: Any = enum_of("GlassFinding", "评查结论。What a supervisor finds of a broken glass.", REVIEWS)


@strawberry.type(
    description="一次紧急查阅。A breaking of the glass, for those who watch over the case; security administrators are told"
    " which organ and account, and no case."
)
class GlassBroken:
    id: strawberry.ID
    at: datetime
    until: datetime
    region: DivisionCode
    organ: str
    login: str
    reason: Emergency
    note: str = strawberry.field(
        description="说明；安全管理员看不到。In their own words; none for administrators."
    )
    finding: GlassFinding | None
    case_id: strawberry.ID | None

    @classmethod
    def of(cls, glass: BrokenGlass) -> GlassBroken:
        return cls(
            id=strawberry.ID(global_id("Grant", glass.id)),
            at=glass.at,
            until=glass.until,
            region=DivisionCode(glass.region),
            organ=glass.by_organ,
            login=glass.by_login,
            reason=Emergency(glass.reason),
            note=glass.note,
            finding=GlassFinding(glass.review) if glass.review else None,
            case_id=strawberry.ID(global_id("Case", glass.case_id)) if glass.case_id else None,
        )


@strawberry.type(description="查阅。What was shown to whom beyond their post.")
class AccessQuery:
    @field(
        "本辖区的紧急查阅，最多 50 次：监督机关先见未评查的，等得最久的在前，评查后即让位；再见已评查的，新的在前；"
        "案件封存后不再列出。安全管理员按时间，新的在前。The broken glasses of your jurisdiction, at most 50: for"
        " supervisors those not reviewed yet, the longest waiting first, then the reviewed, newest first, and none of a case"
        " sealed since; for security administrators the newest first; empty for others."
    )
    async def broken_glass(self, info: Info) -> list[GlassBroken]:
        context = info.context
        context.spend_read()
        return [GlassBroken.of(glass) for glass in await context.host.reading.broken_glass(context.actor)]

    @field(
        "可以依法查询封存案件的单位，属于这一区划或其上级，近者在前，最多 100 个。The organs that may inquire by law, of a"
        " division and of those above it, nearest first, at most 100; for approvers, empty for others."
    )
    async def inquirers(self, info: Info, division: DivisionCode) -> list[Organ]:
        context = info.context
        context.spend_read()
        found = await context.host.reading.inquirers(context.actor, division)
        return [Organ.of(organ, context) for organ in found]


@strawberry.type(description="查阅。Being shown more of a case than your post shows; each act is on record.")
class AccessMutation:
    @field(
        "说明理由，显示遮蔽的字段一段时间；不指明字段即您凭理由可见的全部。Says why, and is shown masked fields for a while:"
        " those that the JSON pointers name, or all that a reason shows you. What your role hides stays hidden."
    )
    async def reveal_case(
        self,
        info: Info,
        case: strawberry.ID,
        reason: RevealReason,
        key: str,
        fields: list[str] | None = None,
        note: str | None = None,
    ) -> ActResult | None:
        given: dict[str, Any] = {"reason": reason.value}
        if fields is not None:
            given["fields"] = fields
        if note:
            given["note"] = note
        command = Command(
            namespace="access", action="reveal_case", input=given, key=key, case_id=local_id("Case", case)
        )
        return ActResult.of(await info.context.act(command))

    @field(
        "紧急查阅：无权而情况紧急的，凭案件编号或文号打开一件案，只读，限时，立即告知监督机关，事后评查。Breaks the glass:"
        " opens a case to you alone, to read, for a short time, by its id or the exact number of a letter. Supervisors are"
        " told at once and review it."
    )
    async def break_glass(
        self,
        info: Info,
        reason: Emergency,
        note: str,
        key: str,
        case: strawberry.ID | None = None,
        number: str | None = None,
    ) -> ActResult | None:
        given: dict[str, Any] = {"reason": reason.value, "note": note}
        if case is not None:
            given["case"] = str(local_id("Case", case))
        if number is not None:
            given["number"] = number
        command = Command(namespace="access", action="break_glass", input=given, key=key)
        return ActResult.of(await info.context.act(command))

    @field("评查一次紧急查阅。Says, as a supervisor, whether a broken glass was justified.")
    async def review_break_glass(
        self, info: Info, glass: strawberry.ID, finding: GlassFinding, key: str
    ) -> ActResult | None:
        given = {"grant": str(local_id("Grant", glass)), "finding": finding.value}
        command = Command(namespace="access", action="review_break_glass", input=given, key=key)
        return ActResult.of(await info.context.act(command))

    @field(
        "依法向查询单位开放封存的案件若干日，期满自动恢复封存。Opens a sealed case to an organ that inquires by law, for so"
        " many days; for approvers of the organ that sealed."
    )
    async def unseal(
        self,
        info: Info,
        case: strawberry.ID,
        ground: UnsealingGround,
        request_number: str,
        requester: strawberry.ID,
        purpose: str,
        days: int,
        key: str,
        department: str | None = None,
    ) -> ActResult | None:
        given: dict[str, Any] = {
            "ground": ground.value,
            "request_number": request_number,
            "requester": str(local_id("Organ", requester)),
            "purpose": purpose,
            "days": days,
        }
        if department:
            given["department"] = department
        command = Command(
            namespace="access", action="unseal", input=given, key=key, case_id=local_id("Case", case)
        )
        return ActResult.of(await info.context.act(command))

    @field(
        "提前结束查阅：依法开放的，由原单位有签发职责的人；紧急查阅，由评查它的单位。Ends an access before its time: an"
        " opening by law by an approver of the organ that sealed, a broken glass by who reviews it. `grant` is its id."
    )
    async def end_grant(self, info: Info, grant: strawberry.ID, key: str) -> ActResult | None:
        given = {"grant": str(local_id("Grant", grant))}
        command = Command(namespace="access", action="end_grant", input=given, key=key)
        return ActResult.of(await info.context.act(command))
