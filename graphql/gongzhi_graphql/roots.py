"""The roots that every region's view has, and the Strawberry schema of everything that is written by hand."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import islice

import strawberry
from graphql import GraphQLInterfaceType
from strawberry.schema.config import StrawberryConfig

from gongzhi.clock import LEGAL_ZONE
from gongzhi.declarations import Command
from gongzhi.errors import NoSuchThing
from gongzhi_graphql.access import AccessMutation, AccessQuery
from gongzhi_graphql.basics import Info, Me, Node, Organ, Region, Scene
from gongzhi_graphql.casework import (
    ActResult,
    Case,
    CaseConnection,
    CaseDetail,
    InboxConnection,
    InboxItem,
    Letter,
)
from gongzhi_graphql.context import Source
from gongzhi_graphql.fields import field
from gongzhi_graphql.names import local_id, split_id
from gongzhi_graphql.scalars import DivisionCode, scalar_map
from gongzhi_graphql.supervision import SupervisionMutation


@strawberry.type
class Query:
    @field("当前登录者。Who is signed in.")
    def me(self, info: Info) -> Me:
        return Me.of(info.context.actor, info.context)

    @field("按全局编号查找。Finds a case, letter or organ by its global id.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        kind, uuid = split_id(id)
        context = info.context
        if kind == "Case":
            return Case.of(await context.open_case(uuid), context)
        context.spend_read()
        if kind == "Letter":
            return Letter.of(await context.host.reading.letter(context.actor, uuid), context)
        if kind == "Organ":
            async with context.host.store.unit_of_work() as uow:
                return Organ.named(await context.host.directory.organ(uow, uuid), context)
        raise NoSuchThing(where="/id")

    @field("打开案件。Opens a case; the opening is put on record.")
    async def case(self, info: Info, id: strawberry.ID) -> Case | None:
        return Case.of(await info.context.open_case(local_id("Case", id)), info.context)

    @field("本地区的案件。Cases of this region and below that you may see, newest first.")
    async def cases(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        scene: str | None = None,
        search: str | None = None,
        open: bool | None = None,
    ) -> CaseConnection:
        context = info.context
        page = await context.cases(first=first, after=after, scene=scene, search=search, open_=open)
        connection = CaseConnection.showing(page, lambda case: Case.of(case, context))
        connection.counting = lambda: context.case_count(scene=scene, search=search, open_=open)
        return connection

    @field(
        "本单位的待办；`waits` 只要一类。What waits for your organ; `waits` is the one kind wanted, as items have it."
    )
    async def inbox(
        self, info: Info, first: int = 20, after: str | None = None, waits: str | None = None
    ) -> InboxConnection:
        context = info.context
        context.spend_read()
        page = await context.host.reading.inbox(
            context.actor, first=context.page_size(first), after=after, waits=waits
        )
        return InboxConnection.showing(page, lambda item: InboxItem.of(item, context))

    @field()
    async def letter(self, info: Info, id: strawberry.ID) -> Letter | None:
        context = info.context
        context.spend_read()
        view = await context.host.reading.letter(context.actor, local_id("Letter", id))
        return Letter.of(view, context)

    @field(
        "服务器的当前时刻，期限以此为准。The present instant; deadlines go by it, whatever a client's clock says."
    )
    def now(self, info: Info) -> datetime:
        return info.context.host.clock.now()

    @field(
        "本视图的地区，或指明代码的区划。The region of this view, or the division of a code, abolished ones too."
    )
    def region(self, info: Info, code: DivisionCode | None = None) -> Region:
        return Region.of(code or info.context.region, info.context)

    @field(
        "下一级行政区划，不指明上级时为各省；`search` 按名称的一部分或代码的开头查找各级，最多 50 个。Divisions right below"
        " another, or the provinces; with `search` those of any level, by part of a name or a code's beginning, at"
        " most 50. Those of today."
    )
    def regions(
        self, info: Info, parent: DivisionCode | None = None, search: str | None = None
    ) -> list[Region]:
        context = info.context
        tree, today = context.host.tree, context.host.clock.now().astimezone(LEGAL_ZONE).date()
        if search is None:
            return [Region.of(region.code, context) for region in tree.children(parent, on=today)]
        below = (region for region in tree if parent is None or tree.contains(parent, region.code))
        named = (region for region in below if search in region.name or region.code.startswith(search))
        return [Region.of(r.code, context) for r in islice((r for r in named if r.valid_on(today)), 50)]

    @field("查阅。What was shown to whom beyond their post.")
    def access(self) -> AccessQuery:
        return AccessQuery()

    @field("本地区的场景。The scenes of this view, by id.")
    def scenes(self, info: Info) -> list[Scene]:
        context = info.context
        return [
            Scene(
                id=strawberry.ID(scene.id),
                title=context.say(scene.title),
                summary=context.say(scene.summary),
                version=scene.version,
            )
            for scene in context.view.scenes.values()
        ]


@strawberry.type(description="文书办理。Acts on letters.")
class LetterMutation:
    @field("签收。Signs for a letter that is addressed to your organ.")
    async def sign(self, info: Info, letter: strawberry.ID, key: str) -> ActResult | None:
        command = Command(
            namespace="letters", action="sign", input={"letter": str(local_id("Letter", letter))}, key=key
        )
        return ActResult.of(await info.context.act(command))

    @field(
        "知悉提醒，使其移出待办。Takes note of a notice, an item of your inbox without a letter to act on."
    )
    async def mark_read(self, info: Info, item: strawberry.ID, key: str) -> ActResult | None:
        command = Command(
            namespace="letters",
            action="mark_read",
            input={"notice": str(local_id("InboxItem", item))},
            key=key,
        )
        return ActResult.of(await info.context.act(command))


@strawberry.type
class Mutation:
    @field("文书办理。Acts on letters.")
    def letters(self) -> LetterMutation:
        return LetterMutation()

    @field("查阅。Being shown more of a case, for a reason and a time.")
    def access(self) -> AccessMutation:
        return AccessMutation()

    @field("监督。What supervisors may do; they decide nothing.")
    def supervision(self) -> SupervisionMutation:
        return SupervisionMutation()


@strawberry.type(
    description="订阅，经 `text/event-stream`：先给出现状，此后每次变化再给一次。Subscriptions, by `text/event-stream`:"
    " how things stand, and again after each change."
)
class Subscription:
    @field(
        "本单位的待办的第一页，变化时再给。The first page of what waits for your organ, again when it changes."
    )
    async def inbox_changed(self, info: Info, first: int = 20) -> InboxConnection:
        context = info.context
        context.source_is(Source(interest=f"organ:{context.actor.organ.id}"))
        context.spend_read()
        page = await context.host.reading.inbox(context.actor, first=context.page_size(first))
        return InboxConnection.showing(page, lambda item: InboxItem.of(item, context))

    @field(
        "您可见的一件案件，变化时再给；不再可见时结束。A case that you may see, again when it, its letters, clocks or organs"
        " change; ends when you may not any more."
    )
    async def case_changed(self, info: Info, id: strawberry.ID) -> Case | None:
        context, case_id = info.context, local_id("Case", id)
        context.spend_read()
        summary, mark = await context.host.reading.watched_case(context.actor, case_id)
        if not context.shows(summary):
            raise NoSuchThing(where="/id")
        look = partial(context.host.reading.case_mark, case_id=case_id)
        context.source_is(Source(interest=f"case:{case_id}", look=look, mark=mark))
        return Case.of(summary, context)


CORE_NAMESPACES = frozenset({"access", "letters", "supervision"})
"""Namespaces whose root fields are written here; declarations of the same id are not generated again."""


def written_schema() -> strawberry.Schema:
    """A schema of its own each time, since generated types are hung beside these."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[CaseDetail, Case, Letter, Organ],
        config=StrawberryConfig(scalar_map=scalar_map()),
    )
    detail = schema._schema.get_type("CaseDetail")
    assert isinstance(detail, GraphQLInterfaceType)
    detail.resolve_type = lambda value, _info, _type: value.type_name
    return schema
