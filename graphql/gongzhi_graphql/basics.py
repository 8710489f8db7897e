"""Types that say who and what: regions, organs, scenes, states, actions, clocks, evidence, me.

Plain values in the request's language; what needs a read of the store stands in `casework`.
"""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from gongzhi.cases.views import ActionView, DeadlineView, EvidenceView, OrganView, StateView
from gongzhi.declarations import Text
from gongzhi.identity.actors import Actor
from gongzhi.identity.actors import Organ as OrganValue
from gongzhi_graphql.context import Context
from gongzhi_graphql.fields import field
from gongzhi_graphql.names import camel, global_id
from gongzhi_graphql.scalars import DivisionCode

Info = strawberry.Info[Context, None]


@strawberry.interface(description="可凭全局编号取得的对象。What can be found again by its global id.")
class Node:
    id: strawberry.ID


@strawberry.type(description="行政区划。A division of the region tree.")
class Region:
    code: DivisionCode
    name: str
    level: str
    above: strawberry.Private[str | None]

    @field("上一级。The division above; null for the root.")
    def parent(self, info: Info) -> Region | None:
        return Region.of(self.above, info.context) if self.above else None

    @classmethod
    def of(cls, code: str, context: Context) -> Region:
        region = context.host.tree.get(code)
        return cls(code=DivisionCode(code), name=region.name, level=region.level, above=region.parent)


@strawberry.type(description="单位。A public body.")
class Organ(Node):
    name: str
    type: str
    region_code: strawberry.Private[str]

    @field("所在地区；单位被隐去时为空。Where it sits; null where the organ is hidden from you.")
    def region(self, info: Info) -> Region | None:
        return Region.of(self.region_code, info.context) if self.region_code else None

    @classmethod
    def of(cls, organ: OrganView, context: Context) -> Organ:
        return cls(
            id=strawberry.ID(global_id("Organ", organ.id)),
            name=context.say(organ.name),
            type=organ.type,
            region_code=organ.region,
        )

    @classmethod
    def named(cls, organ: OrganValue, context: Context) -> Organ:
        """From identity's own value."""
        name = Text(zh=organ.name, en=organ.name_en or organ.name)
        return cls.of(OrganView(id=organ.id, name=name, type=organ.type, region=organ.region), context)


@strawberry.type(description="当前登录者。Who is signed in.")
class Me:
    id: strawberry.ID
    login: str
    name: str
    organ: Organ
    department: str
    title: str
    duties: list[str]
    language: str

    @classmethod
    def of(cls, actor: Actor, context: Context) -> Me:
        return cls(
            id=strawberry.ID(global_id("Account", actor.account_id)),
            login=actor.login,
            name=actor.name,
            organ=Organ.named(actor.organ, context),
            department=actor.department,
            title=actor.title,
            duties=sorted(actor.duties),
            language=actor.language,
        )


@strawberry.type(description="共治场景。A kind of work that several public bodies do together.")
class Scene:
    id: strawberry.ID
    title: str
    summary: str
    version: str


@strawberry.type(description="案件状态。An active state; `track` names the parallel track that it lies in.")
class State:
    id: strawberry.ID
    title: str
    track: str | None

    @classmethod
    def of(cls, state: StateView, context: Context) -> State:
        track = context.say(state.track) if state.track else None
        return cls(id=strawberry.ID(state.id), title=context.say(state.title), track=track)


@strawberry.type(
    description="可办理的事项。What I may do now, by `mutation { <namespace> { <mutation>(input: …) } }`;"
    " where `letter` is set, by `letters { sign }`."
)
class Action:
    name: str
    title: str
    namespace: str
    mutation: str = strawberry.field(description="写操作的字段名。The mutation's field below its namespace.")
    input_schema: JSON
    letter: strawberry.ID | None

    @classmethod
    def of(cls, action: ActionView, context: Context) -> Action:
        letter = global_id("Letter", action.letter_id) if action.letter_id else None
        return cls(
            name=action.name,
            title=context.say(action.title),
            namespace=camel(action.namespace),
            mutation=camel(action.name),
            input_schema=action.input_schema,
            letter=strawberry.ID(letter) if letter else None,
        )


@strawberry.type(
    description="法定期限。A legal clock; `dueAt` is exclusive, `explanation` tells its reckoning."
)
class Deadline:
    id: strawberry.ID
    kind: str
    title: str
    state: str
    organ: Organ | None
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    explanation: str
    article: str
    source: str = strawberry.field(
        description="数值的出处，供核对规则者使用，不译，不对办案人员显示。Where the figure comes from, for who checks the"
        " rules: English only, not meant for case handlers."
    )

    @classmethod
    def of(cls, deadline: DeadlineView, context: Context) -> Deadline:
        return cls(
            id=strawberry.ID(global_id("Deadline", deadline.id)),
            kind=deadline.kind,
            title=context.say(deadline.title),
            state=deadline.state,
            organ=Organ.of(deadline.organ, context) if deadline.organ else None,
            started_at=deadline.started_at,
            due_at=deadline.due_at,
            met_at=deadline.met_at,
            explanation=context.say(deadline.explanation),
            article=context.say(deadline.article),
            source=deadline.source,
        )


@strawberry.type(description="证据记录。Signed evidence of one step in a letter's life.")
class Evidence:
    id: strawberry.ID
    step: str
    positive: bool
    at: datetime
    record: JSON
    signature: str

    @classmethod
    def of(cls, evidence: EvidenceView) -> Evidence:
        return cls(
            id=strawberry.ID(global_id("Evidence", evidence.id)),
            step=evidence.step,
            positive=evidence.positive,
            at=evidence.at,
            record=evidence.record,
            signature=evidence.signature,
        )
