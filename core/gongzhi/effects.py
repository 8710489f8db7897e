"""What the worker does with promised messages: deliver letters, and act when a clock runs out.

Each effect runs in the transaction that marks its message done, and leaves an audit entry in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from gongzhi.audit.leaf import Leaf, Outcome
from gongzhi.audit.log import AuditLog
from gongzhi.cases.acting import CaseActing
from gongzhi.cases.consequences import DUE
from gongzhi.cases.delivery import document_for
from gongzhi.cases.grants import LAPSE
from gongzhi.cases.records import load_case
from gongzhi.cases.scope import Trail
from gongzhi.declarations import Command
from gongzhi.errors import Refused, SceneFault
from gongzhi.identity.actors import PLATFORM, Actor, Organ
from gongzhi.identity.successors import present_organ
from gongzhi.messaging.evidence import attest
from gongzhi.messaging.letters import DELIVER, number_of
from gongzhi.messaging.outbox import Message, promise
from gongzhi.messaging.worker import Effect
from gongzhi.scenes.host import SceneHost
from gongzhi.settings import Settings
from gongzhi.store import Store, UnitOfWork

UNDELIVERED = "undelivered"
"""The step of the evidence and the kind of the notice for a letter that was given up."""

AUTOMATIC = "deadline.automatic"
"""The topic of the automatic action of a clock that ran out."""

LONGEST_PAUSE = timedelta(days=1)
"""Between tries at an automatic act whose scene is broken; each leaves an audit entry."""

PLATFORM_ACTOR = Actor(
    account_id=UUID(int=1),
    login="platform",
    name="平台",
    kind="service",
    organ=Organ(
        id=UUID(int=1),
        name="平台",
        name_en="Platform",
        type=PLATFORM,
        line=PLATFORM,
        level="province",
        region="330000",
        code_word="",
    ),
    department="",
    title="",
    duties=frozenset({"handler"}),
    language="zh",
)
"""The platform itself, who acts when a clock runs out; it has no account and nobody can sign in as it."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """All effects over one store; `topics()` is what the worker wants."""

    settings: Settings
    store: Store
    scenes: SceneHost
    audit: AuditLog
    acting: CaseActing

    def topics(self) -> Mapping[str, Effect]:
        """Effect by topic."""
        return {
            DELIVER: self.deliver,
            DUE: self.run_out,
            AUTOMATIC: self.act_automatically,
            LAPSE: self.lapse,
        }

    async def deliver(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        """Make the addressee's version of the document, and put the letter on their desk."""
        letter = await uow.fetchrow(
            "SELECT * FROM letter WHERE id = $1 FOR UPDATE", UUID(message.payload["letter"])
        )
        if letter is None or letter["state"] != "accepted":
            return
        case = await load_case(uow, self.acting.vault, letter["case_id"], lock=False)
        scene = self.scenes.scene(case.row["scene"], case.row["version"])
        kind = scene.workflow.letters[letter["kind"]].document
        number = await number_of(uow, letter, scene.documents.get(kind) if kind else None)
        numbered = {**letter, "number": number}
        digest = await document_for(uow, self.store, self.settings, scene, case, numbered)
        delivered = await uow.update(
            "letter", letter, state="delivered", delivered_at=now, document_sha256=digest, number=number
        )
        await attest(uow, self.store.keys, "delivered", [delivered], at=now, actor_id=None)
        await self._leaf(uow, case.row, "deliver_letter", now)

    async def run_out(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        """A clock ran out: mark it, tell those whom the workflow names, promise the automatic action if there is one.

        That has a transaction of its own, so that one that is refused or fails takes nothing of this back.
        """
        deadline_id = UUID(message.payload["deadline"])
        case_id = await uow.fetchval("SELECT case_id FROM deadline WHERE id = $1", deadline_id)
        if case_id is None:
            return
        # The case first, as acts do: the other way round each could wait for the other.
        case = await load_case(uow, self.acting.vault, case_id, lock=True)
        deadline = await uow.fetchrow("SELECT * FROM deadline WHERE id = $1 FOR UPDATE", deadline_id)
        if deadline is None or deadline["state"] != "running":
            return
        scene = self.scenes.scene(case.row["scene"], case.row["version"])
        spec = scene.workflow.deadlines[deadline["kind"]]
        await uow.update("deadline", deadline, state="overdue", reminded_at=now)
        told = [organ for role in spec.remind if (organ := case.organ_of(role)) is not None]
        if told:
            await uow.insert(
                "notice",
                *(
                    {
                        "id": uuid4(),
                        "organ_id": organ.organ_id,
                        "department": organ.department,
                        "kind": "overdue",
                        "case_id": case.id,
                        "deadline_id": deadline["id"],
                        "at": now,
                    }
                    for organ in told
                ),
            )
        await self._silence(uow, case.id, deadline, now)
        await self._leaf(uow, case.row, "deadline_overdue", now)
        if spec.on_overdue:
            await promise(uow, AUTOMATIC, [{"deadline": str(deadline_id), "faults": 0}], now=now)

    async def act_automatically(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        """The platform's own act when a clock has run out. A refusal of it stands; a scene's fault is tried again for
        as long as it takes, since the act may be what erases a person's data."""
        row = await uow.fetchrow(
            "SELECT case_id, kind FROM deadline WHERE id = $1", UUID(message.payload["deadline"])
        )
        if row is None:
            return
        case = await _case_row(uow, row["case_id"])
        action = ""
        try:
            async with uow.savepoint():
                scene = self.scenes.scene(case["scene"], case["version"])
                action = scene.workflow.deadlines[row["kind"]].on_overdue or ""
                await self._automatic(uow, scene.id, action, case["id"], now)
        except Refused as refusal:
            await self._leaf(uow, case, action, now, outcome="refused", code=refusal.code)
        except SceneFault as fault:
            await self._leaf(uow, case, action or "automatic_act", now, outcome="fault", code=fault.code)
            faults = message.payload["faults"] + 1
            pause = min(LONGEST_PAUSE, timedelta(minutes=2**faults))
            again = {**message.payload, "faults": faults}
            await promise(uow, AUTOMATIC, [again], now=now, at=now + pause)

    async def lapse(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        """A grant is over. It has opened nothing since its last instant; this puts the end on record."""
        grant_id = UUID(message.payload["grant"])
        case_id = await uow.fetchval("SELECT case_id FROM case_grant WHERE id = $1", grant_id)
        grant = await uow.fetchrow("SELECT * FROM case_grant WHERE id = $1 FOR UPDATE", grant_id)
        if grant is None or grant["ended_at"] is not None:
            return
        await uow.update("case_grant", grant, ended_at=now)
        action = "seal_again" if grant["sealed"] else "break_glass_over"
        await self._leaf(uow, await _case_row(uow, case_id), action, now)

    async def give_up(self, uow: UnitOfWork, message: Message, now: datetime) -> None:
        """A message is dead: a letter's sender is told, with a signed record that it did not arrive."""
        if message.topic == LAPSE:
            # It ended by itself at its instant; only the record of that is missing.
            case_id = await uow.fetchval(
                "SELECT case_id FROM case_grant WHERE id = $1", UUID(message.payload["grant"])
            )
            await self._leaf(uow, await _case_row(uow, case_id), "access_end_not_recorded", now)
            return
        if message.topic in (DUE, AUTOMATIC):
            deadline_id = UUID(message.payload["deadline"])
            case_id = await uow.fetchval("SELECT case_id FROM deadline WHERE id = $1", deadline_id)
            undone = "deadline_not_handled" if message.topic == DUE else "automatic_act_not_handled"
            await self._leaf(uow, await _case_row(uow, case_id), undone, now)
            return
        letter = await uow.fetchrow(
            "SELECT * FROM letter WHERE id = $1 FOR UPDATE", UUID(message.payload["letter"])
        )
        if letter is None or letter["state"] != "accepted":
            return
        await attest(uow, self.store.keys, UNDELIVERED, [letter], at=now, actor_id=None, positive=False)
        known = await uow.fetchval(
            "SELECT 1 FROM notice WHERE letter_id = $1 AND kind = $2", letter["id"], UNDELIVERED
        )
        if known is None:  # it is there when an operator tried the message again, in vain
            await uow.insert(
                "notice",
                {
                    "id": uuid4(),
                    "organ_id": await present_organ(uow, letter["from_organ"]),
                    "kind": UNDELIVERED,
                    "case_id": letter["case_id"],
                    "letter_id": letter["id"],
                    "at": now,
                },
            )
        await self._leaf(uow, await _case_row(uow, letter["case_id"]), "letter_undelivered", now)

    async def _silence(
        self, uow: UnitOfWork, case_id: UUID, deadline: Mapping[str, Any], now: datetime
    ) -> None:
        """Silence at a deadline is evidence too: a signed record on each unanswered letter to the organ that was late."""
        letters = await uow.fetch(
            "SELECT * FROM letter WHERE case_id = $1 AND to_organ = $2 AND copy_of IS NULL"
            " AND state IN ('delivered', 'signed')",
            case_id,
            deadline["organ_id"],
        )
        await attest(uow, self.store.keys, "overdue", list(letters), at=now, actor_id=None, positive=False)

    async def _automatic(
        self, uow: UnitOfWork, scene: str, action: str, case_id: UUID, now: datetime
    ) -> None:
        trail = Trail()
        command = Command(
            namespace=scene, action=action, input={}, key=f"automatic-{case_id}", case_id=case_id
        )
        await self.acting.act(uow, PLATFORM_ACTOR, command, now, trail)
        leaf_hash = await self.audit.append(
            uow,
            Leaf(
                at=now,
                actor=PLATFORM_ACTOR.account_id,
                organ=None,
                namespace=scene,
                version=trail.version,
                action=action,
                region=trail.region,
                case_id=case_id,
                outcome="done",
                rows=tuple(uow.changes),
            ),
        )
        await uow.insert("case_event", *({**event, "leaf_hash": leaf_hash} for event in trail.events))

    async def _leaf(
        self,
        uow: UnitOfWork,
        case: Mapping[str, Any],
        action: str,
        now: datetime,
        *,
        outcome: Outcome = "done",
        code: str = "",
    ) -> None:
        await self.audit.append(
            uow,
            Leaf(
                at=now,
                actor=PLATFORM_ACTOR.account_id,
                organ=None,
                namespace=case["scene"],
                version=case["version"],
                action=action,
                region=case["region"],
                case_id=case["id"],
                outcome=outcome,
                code=code,
                rows=tuple(uow.changes),
            ),
        )


async def _case_row(uow: UnitOfWork, case_id: UUID) -> Mapping[str, Any]:
    row = await uow.fetchrow("SELECT id, scene, version, region FROM cases WHERE id = $1", case_id)
    assert row is not None
    return row
