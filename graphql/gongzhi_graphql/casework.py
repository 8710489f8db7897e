"""Cases, letters, timeline and inbox: what a handler works with, and what is read when it is asked for.

A case in a list is a summary; the first field that only an opened case has opens it, once an operation,
through `Context.open_case`, which leaves the access leaf.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from gongzhi.cases.views import CaseSummary, CaseView, Count, EventView, LetterView, NudgeView
from gongzhi.cases.views import InboxItem as InboxValue
from gongzhi.declarations import ActResult as ActValue
from gongzhi.declarations import Json
from gongzhi.errors import NotAllowed, NotFound
from gongzhi_graphql.basics import Action, Deadline, Evidence, Info, Node, Organ, Region, Scene, State
from gongzhi_graphql.context import Context
from gongzhi_graphql.fields import field
from gongzhi_graphql.names import global_id
from gongzhi_graphql.pages import Connection


class CaseData(dict[str, Json]):
    """A case's masked data, with the name of the generated type that shows it."""

    def __init__(self, data: Json, *, type_name: str, case_id: UUID) -> None:
        super().__init__(data or {})
        self.type_name = type_name
        self.case_id = global_id("Case", case_id)


@strawberry.interface(
    description="场景自有的案件数据。A case's own data, by scene; fields you may not see are null."
)
class CaseDetail:
    case_id: strawberry.ID


@strawberry.type(description="参与单位。An organ in a case and its role there.")
class CaseOrgan:
    organ: Organ
    role: str


@strawberry.type(description="遮蔽字段。A masked field that you are shown once you say why.")
class RevealableField:
    pointer: str = strawberry.field(description="JSON 指针。Its JSON pointer.")
    level: str = strawberry.field(description="敏感级别。Its level, L3 or L4.")


@strawberry.type(description="催办。A supervisor's reminder to the organ that must act; it decides nothing.")
class Nudge:
    id: strawberry.ID
    at: datetime
    from_: Organ = strawberry.field(name="from")
    to: Organ
    letter: strawberry.ID | None
    deadline: strawberry.ID | None
    reason: str | None = strawberry.field(
        description="催办理由；其他单位发出的催办不显示。Why; null in a nudge of another supervisor's."
    )

    @classmethod
    def of(cls, nudge: NudgeView, context: Context) -> Nudge:
        return cls(
            id=strawberry.ID(global_id("Nudge", nudge.id)),
            at=nudge.at,
            from_=Organ.of(nudge.from_organ, context),
            to=Organ.of(nudge.to_organ, context),
            letter=strawberry.ID(global_id("Letter", nudge.letter_id)) if nudge.letter_id else None,
            deadline=strawberry.ID(global_id("Deadline", nudge.deadline_id)) if nudge.deadline_id else None,
            reason=nudge.reason,
        )


@strawberry.type(description="案件。A case; everything below `role` opens it, and opening is put on record.")
class Case(Node):
    summary: strawberry.Private[CaseSummary]
    title: str
    states: list[State]
    next_due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    row_version: int

    @classmethod
    def of(cls, case: CaseSummary, context: Context) -> Case:
        return cls(
            summary=case,
            id=strawberry.ID(global_id("Case", case.id)),
            title=context.say(case.title),
            states=[State.of(state, context) for state in case.state],
            next_due_at=case.next_due_at,
            created_at=case.created_at,
            updated_at=case.updated_at,
            closed_at=case.closed_at,
            row_version=case.row_version,
        )

    async def opened(self, info: Info) -> CaseView:
        if isinstance(self.summary, CaseView):
            return self.summary
        return await info.context.open_case(self.summary.id)

    @field()
    def scene(self, info: Info) -> Scene:
        shown = info.context.view.scenes[self.summary.scene]
        return Scene(
            id=strawberry.ID(self.summary.scene),
            title=info.context.say(self.summary.scene_title),
            summary=info.context.say(shown.summary),
            version=self.summary.version,
        )

    @field()
    def region(self, info: Info) -> Region:
        return Region.of(self.summary.region, info.context)

    @field("本单位的角色。The role in which you see it.")
    async def role(self, info: Info) -> str:
        return info.context.say((await self.opened(info)).role)

    @field(
        "催办：本单位发出的和收到的，监督单位可见全部。Nudges that your organ sent or got; supervisors see all of them."
    )
    async def nudges(self, info: Info) -> list[Nudge]:
        return [Nudge.of(nudge, info.context) for nudge in (await self.opened(info)).nudges]

    @field("现在可否催办。Whether you may nudge those who must act now, by `supervision { nudge }`.")
    async def may_nudge(self, info: Info) -> bool:
        return (await self.opened(info)).may_nudge

    @field(
        "全部已催办时，何时起可再催办；仅监督单位可见。Once all who must act were nudged: from when supervisors may again."
    )
    async def nudged_until(self, info: Info) -> datetime | None:
        return (await self.opened(info)).nudged_until

    @field(
        "仅凭紧急查阅或依法开放查阅的，何时到期。"
        "When the case closes again to you, who read it by broken glass or an opening by law alone."
    )
    async def open_until(self, info: Info) -> datetime | None:
        return (await self.opened(info)).open_until

    @field()
    async def sealed_at(self, info: Info) -> datetime | None:
        return (await self.opened(info)).sealed_at

    @field("现在可办理的事项。What you may do now.")
    async def actions(self, info: Info) -> list[Action]:
        return [Action.of(action, info.context) for action in (await self.opened(info)).actions]

    @field()
    async def letters(self, info: Info) -> list[Letter]:
        return [Letter.of(letter, info.context) for letter in (await self.opened(info)).letters]

    @field()
    async def deadlines(self, info: Info) -> list[Deadline]:
        return [Deadline.of(deadline, info.context) for deadline in (await self.opened(info)).deadlines]

    @field()
    async def organs(self, info: Info) -> list[CaseOrgan]:
        context = info.context
        organs = (await self.opened(info)).organs
        return [CaseOrgan(organ=Organ.of(organ, context), role=context.say(role)) for organ, role in organs]

    @field()
    async def timeline(self, info: Info, first: int = 50, after: str | None = None) -> TimelineConnection:
        context = info.context
        await self.opened(info)
        context.spend_read()
        page = await context.host.reading.timeline(
            context.actor, self.summary.id, first=context.page_size(first), after=after
        )
        return TimelineConnection.showing(page, lambda event: TimelineEvent.of(event, context))

    @field("场景自有的数据。The scene's own data.", graphql_type=CaseDetail | None)
    async def detail(self, info: Info) -> CaseData | None:
        return case_data(await self.opened(info), info.context)

    @field("已遮蔽字段的 JSON 指针。JSON pointers of what is masked or withheld.")
    async def masked(self, info: Info) -> list[str]:
        return list((await self.opened(info)).masked)

    @field(
        "说明理由后可以显示的遮蔽字段（access.revealCase）。What of the masked you are shown once you say why, by"
        " `access { revealCase }`."
    )
    async def revealable(self, info: Info) -> list[RevealableField]:
        fields = (await self.opened(info)).revealable
        return [RevealableField(pointer=pointer, level=level) for pointer, level in fields.items()]

    @field("凭理由显示的内容何时重新遮蔽。When what was shown to you for a reason is masked again.")
    async def revealed_until(self, info: Info) -> datetime | None:
        return (await self.opened(info)).revealed_until

    @field("文书须先显示全部内容才能打开。Whether documents open only once you are shown all.")
    async def documents_masked(self, info: Info) -> bool:
        return (await self.opened(info)).documents_masked


def case_data(case: CaseView, context: Context) -> CaseData | None:
    """The case's data under the type that this view has for its scene; None when the scene has no type."""
    type_name = context.view.detail_types.get(case.scene)
    return CaseData(case.data, type_name=type_name, case_id=case.id) if type_name else None


@strawberry.type(description="文书。A letter from organ to organ; a copy names its original in `copyOf`.")
class Letter(Node):
    case_uuid: strawberry.Private[UUID]
    kind: str
    case_title: str
    number: str | None
    title: str
    from_: Organ = strawberry.field(name="from")
    to: Organ
    department: str
    role: str
    copy_of: strawberry.ID | None
    basis: str
    state: str
    reply_by: datetime | None
    accepted_at: datetime
    delivered_at: datetime | None
    signed_at: datetime | None
    replied_at: datetime | None
    document_url: str | None
    may_sign: bool
    evidence: list[Evidence]

    @field("所属案件。Null when you may not open it.")
    async def case(self, info: Info) -> Case | None:
        return await visible_case(self.case_uuid, info.context)

    @classmethod
    def of(cls, letter: LetterView, context: Context) -> Letter:
        copy_of = strawberry.ID(global_id("Letter", letter.copy_of)) if letter.copy_of else None
        return cls(
            id=strawberry.ID(global_id("Letter", letter.id)),
            case_uuid=letter.case_id,
            kind=letter.kind,
            case_title=context.say(letter.case_title),
            number=letter.number,
            title=context.say(letter.title),
            from_=Organ.of(letter.from_organ, context),
            to=Organ.of(letter.to_organ, context),
            department=letter.to_department,
            role=context.say(letter.role),
            copy_of=copy_of,
            basis=letter.basis,
            state=letter.state,
            reply_by=letter.reply_by,
            accepted_at=letter.accepted_at,
            delivered_at=letter.delivered_at,
            signed_at=letter.signed_at,
            replied_at=letter.replied_at,
            document_url=f"/documents/{letter.id}.pdf" if letter.has_document else None,
            may_sign=letter.may_sign,
            evidence=[Evidence.of(evidence) for evidence in letter.evidence],
        )


async def visible_case(case_id: UUID, context: Context) -> Case | None:
    """The case, opened, or None when this actor may not open it."""
    try:
        return Case.of(await context.open_case(case_id, asked=False), context)
    except (NotFound, NotAllowed):
        return None


@strawberry.type(
    description="办理过程的一步。One act; `leafHash` is its RFC 6962 leaf hash in the audit log, hex."
)
class TimelineEvent:
    id: strawberry.ID
    seq: int
    action: str
    title: str
    at: datetime
    organ: Organ | None
    role: str
    states: list[State]
    leaf_hash: str
    by_deputy: bool = strawberry.field(
        description="由代理人（代）办理。Somebody acted in the place of an absent colleague."
    )

    @classmethod
    def of(cls, event: EventView, context: Context) -> TimelineEvent:
        return cls(
            id=strawberry.ID(global_id("TimelineEvent", event.id)),
            seq=event.seq,
            action=event.action,
            title=context.say(event.title),
            at=event.at,
            organ=Organ.of(event.organ, context) if event.organ else None,
            role=context.say(event.role),
            states=[State.of(state, context) for state in event.state],
            leaf_hash=event.leaf_hash,
            by_deputy=event.by_deputy,
        )


@strawberry.type(
    description="待办。What waits for my organ: to sign, to answer, to read, a clock that runs or ran out, a letter of ours"
    " that was not delivered."
)
class InboxItem:
    id: strawberry.ID
    waits: str
    at: datetime
    due_at: datetime | None
    case_id: strawberry.ID
    case_title: str
    region: Region
    letter: Letter | None
    deadline: Deadline | None

    @classmethod
    def of(cls, item: InboxValue, context: Context) -> InboxItem:
        return cls(
            id=strawberry.ID(global_id("InboxItem", item.id)),
            waits=item.waits,
            at=item.at,
            due_at=item.due_at,
            case_id=strawberry.ID(global_id("Case", item.case_id)),
            case_title=context.say(item.case_title),
            region=Region.of(item.region, context),
            letter=Letter.of(item.letter, context) if item.letter else None,
            deadline=Deadline.of(item.deadline, context) if item.deadline else None,
        )


@strawberry.type(
    description="总数。How many there are; where not `exact`, more than `count`: nobody counts on for ever."
)
class Total:
    count: int
    exact: bool


@strawberry.type
class CaseConnection(Connection[Case]):
    counting: strawberry.Private[Callable[[], Awaitable[Count]] | None] = None

    @field(
        "各页合计，数到一万为止，检索数到一千。Of all pages, counted up to 10,000, with a search up to 1,000;"
        " an extra read, done only when it is asked for."
    )
    async def total(self) -> Total:
        assert self.counting is not None
        counted = await self.counting()
        return Total(count=counted.count, exact=counted.exact)


@strawberry.type(description="某类待办的件数。How many items of an inbox wait for the same thing.")
class InboxCount:
    waits: str
    count: int
    exact: bool


@strawberry.type
class InboxConnection(Connection[InboxItem]):
    @field(
        "各类待办的件数，每类数到一千为止。How many items of each kind there are on all pages, each counted up to 1,000;"
        " an extra read, done only when it is asked for."
    )
    async def counts(self, info: Info) -> list[InboxCount]:
        context = info.context
        context.spend_read()
        counts = await context.host.reading.inbox_counts(context.actor)
        return [
            InboxCount(waits=waits, count=counted.count, exact=counted.exact)
            for waits, counted in counts.items()
        ]


@strawberry.type
class TimelineConnection(Connection[TimelineEvent]):
    pass


@strawberry.type(description="办理结果。What an act brought about, read again under your present rights.")
class ActResult:
    value: strawberry.Private[ActValue]
    replayed: bool = strawberry.field(description="同一幂等键此前已办理。The key was seen before.")
    existing: bool = strawberry.field(description="已有同一事项的案件。The case was there already.")
    practice: bool = strawberry.field(
        description="练习密钥：已完整检查，随后全部撤销。Checked in full and then undone, under a practice key."
    )
    output: strawberry.scalars.JSON | None

    @classmethod
    def of(cls, result: ActValue) -> ActResult:
        output: Any = result.output
        if result.once is not None:
            output = {**(result.output or {}), **result.once}
        return cls(
            value=result,
            replayed=result.replayed,
            existing=result.existing,
            practice=result.practice,
            output=output,
        )

    @field()
    async def case(self, info: Info) -> Case | None:
        return await visible_case(self.value.case_id, info.context) if self.value.case_id else None

    @field("本次制发的文书。Letters of this act that you may see, originals first.")
    async def letters(self, info: Info) -> list[Letter]:
        case = await self.case_view(info.context)
        by_id = {letter.id: letter for letter in case.letters} if case else {}
        return [Letter.of(by_id[id_], info.context) for id_ in self.value.letter_ids if id_ in by_id]

    async def case_view(self, context: Context) -> CaseView | None:
        if self.value.case_id is None:
            return None
        try:
            return await context.open_case(self.value.case_id, asked=False)
        except (NotFound, NotAllowed):
            return None
