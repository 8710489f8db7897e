"""What an actor is shown of cases, letters and clocks: plain values, masked already.

Edges turn these into their own types; nobody outside `gongzhi.cases` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Literal, TypeAlias, TypeVar, get_args
from uuid import UUID

from gongzhi.declarations import Json, Text
from gongzhi.scenes.workflow import StateView

__all__ = [
    "ActionView",
    "CaseSummary",
    "CaseView",
    "Count",
    "DeadlineView",
    "EventView",
    "EvidenceView",
    "InboxItem",
    "LetterView",
    "NudgeView",
    "OrganView",
    "Page",
    "StateView",
]

T = TypeVar("T")

Waits: TypeAlias = Literal[
    "sign", "answer", "read", "act", "overdue", "undelivered", "nudged", "break_glass", "unsealed"
]
WAITS: Final[tuple[Waits, ...]] = get_args(Waits)
"""What an item of an inbox waits for."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a keyset list. `cursors` has one opaque cursor an item; `has_next` says whether more follow."""

    items: Sequence[T]
    cursors: Sequence[str]
    has_next: bool


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many there are: `count` of them, or, where not `exact`, more than that, since nobody counts on for ever."""

    count: int
    exact: bool

    @classmethod
    def up_to(cls, bound: int, counted: int) -> Count:
        """From what was counted up to one more than `bound`."""
        return cls(count=min(counted, bound), exact=counted <= bound)


@dataclass(frozen=True, kw_only=True)
class OrganView:
    """An organ as others see it; `region` is a GB/T 2260 code."""

    id: UUID
    name: Text
    type: str
    region: str


@dataclass(frozen=True, kw_only=True)
class ActionView:
    """An action that this actor may take on this case now.

    `letter_id` names the letter to sign, where signing is how the action is taken. `input_schema` is a JSON
    Schema; one without properties asks nothing.
    """

    name: str
    title: Text
    namespace: str
    input_schema: Json
    letter_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class EventView:
    """One entry of the timeline. `leaf_hash` is the RFC 6962 leaf hash in the audit log, hex; `by_deputy` where somebody
    acted in the place (代) of an absent colleague."""

    id: UUID
    seq: int
    action: str
    title: Text
    at: datetime
    organ: OrganView | None
    role: Text
    state: tuple[StateView, ...]
    leaf_hash: str
    by_deputy: bool


@dataclass(frozen=True, kw_only=True)
class EvidenceView:
    """One piece of evidence in a letter's life; `signature` is Ed25519 over the record's canonical JSON, hex."""

    id: UUID
    step: str
    positive: bool
    at: datetime
    record: Json
    signature: str


@dataclass(frozen=True, kw_only=True)
class LetterView:
    """A letter from organ to organ; a copy names its original in `copy_of`."""

    id: UUID
    case_id: UUID
    case_title: Text
    kind: str
    number: str | None
    title: Text
    from_organ: OrganView
    to_organ: OrganView
    to_department: str
    role: Text
    copy_of: UUID | None
    basis: str
    state: Literal["accepted", "delivered", "signed", "replied", "withdrawn"]
    reply_by: datetime | None
    accepted_at: datetime
    delivered_at: datetime | None
    signed_at: datetime | None
    replied_at: datetime | None
    has_document: bool
    may_sign: bool
    evidence: Sequence[EvidenceView]


@dataclass(frozen=True, kw_only=True)
class DeadlineView:
    """A legal clock of a case; `due_at` is exclusive. `explanation` says how the date was reached."""

    id: UUID
    kind: str
    title: Text
    state: Literal["running", "met", "overdue", "cancelled"]
    organ: OrganView | None
    started_at: datetime
    due_at: datetime
    met_at: datetime | None
    explanation: Text
    article: Text
    source: str


@dataclass(frozen=True, kw_only=True)
class NudgeView:
    """A nudge (催办) as the organ that sent it, the one that got it and the case's supervisors see it. `reason` is in the
    sender's words; None for supervisors of other organs."""

    id: UUID
    at: datetime
    from_organ: OrganView
    to_organ: OrganView
    letter_id: UUID | None
    deadline_id: UUID | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class CaseSummary:
    """A case in a list: nothing personal in it."""

    id: UUID
    scene: str
    scene_title: Text
    version: str
    region: str
    region_name: str
    title: Text
    state: tuple[StateView, ...]
    next_due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    row_version: int


@dataclass(frozen=True, kw_only=True)
class CaseView(CaseSummary):
    """A case opened by an actor. `data` follows the scene's case schema; what the actor may not see in clear is
    masked or null there, and listed as JSON pointers in `masked`; those of them that they see once they say why stand
    in `revealable` with their level. `revealed_until` is when what they have been shown so is masked again.
    `documents_masked` says that documents open only once all is revealed. `nudged_until` is set for a supervisor while
    all who must act have been nudged: from then they may be nudged again. `open_until` is when the case closes again to
    who reads it by a grant alone. `sealed_at` is set for those who may still
    read."""

    data: Json
    masked: Sequence[str]
    revealable: Mapping[str, str]
    revealed_until: datetime | None
    documents_masked: bool
    role: Text
    actions: Sequence[ActionView]
    letters: Sequence[LetterView]
    deadlines: Sequence[DeadlineView]
    organs: Sequence[tuple[OrganView, Text]]
    nudges: Sequence[NudgeView]
    may_nudge: bool
    nudged_until: datetime | None
    open_until: datetime | None
    sealed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class InboxItem:
    """What waits for the actor's organ: a letter to sign or answer, or a notice that a clock needs attention or that a
    letter of its own did not arrive.

    `waits` is what is expected; `due_at` until when, where a clock runs.
    """

    id: UUID
    waits: Waits
    at: datetime
    due_at: datetime | None
    case_id: UUID
    case_title: Text
    region: str
    letter: LetterView | None
    deadline: DeadlineView | None
