"""What a scene or an edge declares to the host: plain values, no behaviour of the host.

Scenes reach these through `gongzhi.plugin`; edges and core import them from here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

Json: TypeAlias = Any
"""A JSON value as Python holds it: dict, list, str, int, bool or None; floats are refused in stored data."""

Schema: TypeAlias = Mapping[str, Any]
"""A JSON Schema 2020-12 object."""

Language = Literal["zh", "en"]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text in Chinese and English."""

    zh: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, kw_only=True)
class CaseValues:
    """What a rule sees of a case: `state` names the active states, `data` holds personal fields in clear."""

    id: UUID
    region: str
    state: frozenset[str]
    data: Mapping[str, Json]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Act:
    """Everything a rule may know. `case` is None for an action that opens a case; `now` is aware UTC."""

    action: str
    case: CaseValues | None
    input: Mapping[str, Json]
    facts: Mapping[str, Json]
    config: Mapping[str, Json]
    region: str
    role: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a rule answers; the workflow decides everything else.

    `data` is merged into the case, key by key (None deletes); `guards` are the truth values that the
    workflow's transitions name; `unique_key` makes the case the only one of the scene with that key (it is
    stored as a keyed hash); `title` names the case in lists, never personally.
    """

    data: Mapping[str, Json] = field(default_factory=dict)
    guards: Mapping[str, bool] = field(default_factory=dict)
    unique_key: str | None = None
    title: Text | None = None


class Refusal(Exception):
    """A rule's no. `rule` names the numbered behaviour rule; texts are shown as they stand."""

    def __init__(
        self, rule: str, *, zh: str, en: str, advice_zh: str = "", advice_en: str = "", where: str = ""
    ) -> None:
        super().__init__(f"{rule}: {en}")
        self.rule, self.zh, self.en, self.where = rule, zh, en, where
        self.advice_zh, self.advice_en = advice_zh, advice_en


Rule: TypeAlias = Callable[[Act], Decision]
"""A pure function. Raises `Refusal` to say no; anything else it raises is the scene's fault."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A read-only query that an action may name; SQL runs in a read-only savepoint with `$1` = region code.

    The scene's manifest must ask for the permission `facts` to register any.
    """

    name: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A wish to act. `case_id` None opens a case; `key` is the idempotency key, unique per actor.

    `row_version`, where given, must be the case's present one.
    """

    namespace: str
    action: str
    input: Mapping[str, Json]
    key: str
    case_id: UUID | None = None
    row_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class ActResult:
    """What an act brought about. `replayed` says that the key was seen before; `output` is a core command's
    own answer (JSON); `letter_ids` are those created by this act, originals first.

    `once` is output that is not kept with the key, such as a secret: a replay has none. `practice` says that the act was
    checked like any other and then undone.
    """

    case_id: UUID | None
    state: tuple[str, ...] = ()
    letter_ids: tuple[UUID, ...] = ()
    replayed: bool = False
    existing: bool = False
    output: Json = None
    once: Json = None
    practice: bool = False


@dataclass(frozen=True, kw_only=True)
class IntakeRequest:
    """An HTTP request to a scene, already authenticated, size-limited and parsed.

    `path` holds the path's parameters; `headers` have lower-case names; `body` is the parsed JSON or None;
    `config` is the scene's effective configuration in `region`; `base_url` has no trailing slash; `now` is aware UTC.
    """

    region: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json
    config: Mapping[str, Json]
    base_url: str
    language: Language
    now: datetime


@dataclass(frozen=True, kw_only=True)
class IntakeReply:
    """An HTTP answer: JSON body."""

    status: int = 200
    body: Json = None


@dataclass(frozen=True, kw_only=True)
class Intake:
    """An HTTP door of a scene, below `/r/<division code>/`; request in, command out, both pure.

    `translate` answers at once (`IntakeReply`) or names the commands to dispatch, in order, each in a transaction
    of its own; `respond` sees their results. Where one was refused, `refused` may answer in the door's own form from
    the refusal's code (None: the refusal is answered as it is). `authentication` `service` wants a service account's
    bearer token.
    """

    method: Literal["GET", "POST"]
    path: str
    authentication: Literal["none", "service"]
    translate: Callable[[IntakeRequest], IntakeReply | Sequence[Command]]
    respond: Callable[[IntakeRequest, Sequence[ActResult]], IntakeReply] | None = None
    refused: Callable[[IntakeRequest, str], IntakeReply | None] | None = None
    body_limit_bytes: int = 1_000_000
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A legal document: a typst template (path inside the scene's package) and its number's code word.

    `number` is a template over `{code}`, `{year}` and `{n}`, such as `{code}强报〔{year}〕{n}号`; None = unnumbered.
    """

    kind: str
    title: Text
    template: str
    number: str | None = None


@dataclass(frozen=True, kw_only=True)
class CommandDeclaration:
    """A command of a namespace as the outside sees it; the GraphQL edge makes it a mutation.

    `opens_case` and `acts_on_case` say whether a case id is absent, allowed or required.
    """

    name: str
    title: Text
    input_schema: Schema
    opens_case: bool = False
    acts_on_case: bool = False
    output_schema: Schema | None = None


@dataclass(frozen=True, kw_only=True)
class QueryDeclaration:
    """A read of core's or an edge's namespace; `read(actor, region, input)` answers JSON that fits `output_schema`.

    Others ask it through `Host.query`, which audits a refusal."""

    name: str
    title: Text
    input_schema: Schema
    output_schema: Schema
    read: Callable[[Any, str, Mapping[str, Json]], Awaitable[Json]]


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """One namespaced root field per root (`query { minorProtection { … } }`). `id` is snake_case.

    `duties`, unless empty, are those of which an actor needs one to be shown the namespace at all.
    """

    id: str
    title: Text
    commands: Sequence[CommandDeclaration] = ()
    queries: Sequence[QueryDeclaration] = ()
    duties: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class EdgeDeclarations:
    """What an edge brings: Litestar route handlers and namespaces for the GraphQL edge to show."""

    handlers: Sequence[Any] = ()
    namespaces: Sequence[Namespace] = ()
