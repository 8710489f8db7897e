"""Opening cases, letters and documents: policy first, fields masked for the reader, an access leaf for what was opened.

Lists (`gongzhi.cases.lists`) stay masked and leave no leaf. What an actor may not know of is `not_found`, and that
they asked for it stays on record.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.cases.batches import deadline_views, letter_views, summary_of
from gongzhi.cases.cursor import after_cursor, page_limit, page_of
from gongzhi.cases.delivery import open_document
from gongzhi.cases.finding import CaseFinder, Found
from gongzhi.cases.grants import BrokenGlass, broken_glass, open_until
from gongzhi.cases.lists import MARK, CaseLists
from gongzhi.cases.masking import masked_view
from gongzhi.cases.notes import open_note
from gongzhi.cases.nudges import NUDGE, next_nudges_at, not_yet_told, nudge_views, who_must_act
from gongzhi.cases.queries import SUMMARY
from gongzhi.cases.records import CaseRecord
from gongzhi.cases.reveals import documents_masked, reading_role, revealed_to, sight_of
from gongzhi.cases.scope import Trail
from gongzhi.cases.shaping import Names, event_view, organ_view, role_title
from gongzhi.cases.targets import loaded, readers_of, target_of
from gongzhi.cases.views import (
    ActionView,
    CaseSummary,
    CaseView,
    EventView,
    LetterView,
    OrganView,
    Page,
)
from gongzhi.clock import Clock, HolidayCalendar
from gongzhi.errors import NoSuchThing, Refused, RevealFirst
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import Verdict, decide, visible_cases
from gongzhi.identity.regions import RegionTree
from gongzhi.scenes.enablement import working
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import LoadedScene
from gongzhi.store import Store, SubjectVault, UnitOfWork


class Reading(CaseLists):
    """What actors see. One instance serves every request; it keeps no state."""

    def __init__(
        self, store: Store, clock: Clock, tree: RegionTree, scenes: SceneHost, audit: AuditLog
    ) -> None:
        super().__init__(store, clock, tree, scenes)
        self._audit = audit
        self._vault = SubjectVault(store.keys)
        self._finder = CaseFinder(tree, scenes, self._vault)

    async def open_case(self, actor: Actor, case_id: UUID, *, asked: bool = True) -> CaseView:
        """A case in full, as this actor may see it; writes an access leaf.

        `asked` False says that it only follows from something else, such as an act that sealed it: then a refusal is
        nobody's attempt, and not on record.

        Raises `NoSuchThing` where it isn't there, is sealed, or is none of the actor's.
        """
        async with self._opening(actor, "open_case", case_id, asked=asked) as (uow, _):
            found = await self._finder.find(uow, actor, case_id, at=self._clock.now())
            await self._leave_trace(uow, actor, "open_case", found.case)
            return await self._case_view(uow, actor, found.scene, found.case, found.verdict)

    async def watched_case(self, actor: Actor, case_id: UUID) -> tuple[CaseSummary, int]:
        """A case as lists show it, for who wants to hear of changes, and its mark as in `case_mark`.

        Raises `NoSuchThing` as `open_case` does, and that it was tried is on record.
        """
        async with self._opening(actor, "watch_case", case_id) as (uow, _):
            row = await self._visible(uow, actor, case_id, f"{SUMMARY}, {MARK} AS mark")
        return summary_of(self._scenes, self._tree, row), int(row["mark"])

    async def timeline(
        self, actor: Actor, case_id: UUID, *, first: int = 50, after: str | None = None
    ) -> Page[EventView]:
        """What happened in a case, oldest first; for whoever has opened it, so it leaves no access leaf of its own.

        Raises `NoSuchThing` as `open_case` does.
        """
        limit = page_limit(first)
        values: list[Any] = [case_id]
        condition = ""
        if after is not None:
            values.append(after_cursor(after)[1])
            condition = "AND seq > (SELECT seq FROM case_event WHERE id = $2 AND case_id = $1)"
        async with self._opening(actor, "open_case", case_id) as (uow, _):
            found = await self._finder.find(uow, actor, case_id, at=self._clock.now())
            rows = await uow.fetch(
                f"SELECT * FROM case_event WHERE case_id = $1 {condition} ORDER BY seq LIMIT {limit + 1}",
                *values,
            )
            names = await Names.load(uow, [row["organ_id"] for row in rows])
        return page_of(
            rows,
            limit,
            lambda row: (row["at"], row["id"]),
            lambda row: event_view(found.scene, names, row, found.verdict.roles),
        )

    async def letter(self, actor: Actor, letter_id: UUID) -> LetterView:
        """One letter of a case that the actor may read.

        Raises `NoSuchThing`.
        """
        async with self._opening(actor, "read_letter") as (uow, trail):
            found = await self._finder.find(uow, actor, letter_id, by="letter", at=self._clock.now())
            trail.case_id = found.case.id
            roles = found.verdict.roles
            views = await letter_views(self._scenes, self._tree, uow, actor, [letter_id], roles)
            return views[letter_id]

    async def document(self, actor: Actor, letter_id: UUID) -> bytes:
        """The letter's document as PDF, in the version made for its addressee; writes an access leaf.

        Only those get it who read the case in the addressee's role or in the sender's; where the addressee's people have
        to say why before they see all of the case, only while they have.

        Raises `NoSuchThing` where there is none, or none for this actor, and `RevealFirst`.
        """
        async with self._opening(actor, "read_document") as (uow, trail):
            found = await self._finder.find(uow, actor, letter_id, by="letter", at=self._clock.now())
            case = found.case
            trail.case_id = case.id
            letter = await uow.fetchrow("SELECT * FROM letter WHERE id = $1", letter_id)
            assert letter is not None
            holding = {letter["role"], letter["from_role"]} & set(found.verdict.roles)
            if not holding or letter["document_sha256"] is None:
                raise NoSuchThing()
            revealed = await revealed_to(uow, actor, case.id, self._clock.now())
            if documents_masked(found.scene, reading_role(found.scene, holding), revealed):
                raise RevealFirst()
            blob = await self._store.files.get(letter["document_sha256"])
            pdf = open_document(case, blob)
            if pdf is None:
                raise NoSuchThing()
            await self._leave_trace(uow, actor, "read_document", case)
            return pdf

    async def broken_glass(self, actor: Actor) -> list[BrokenGlass]:
        """The broken glasses that the actor watches over, 50 at most.

        A supervisor sees those of cases that they may read, so none of a case that was sealed since, with the words of who
        broke it, and leaves an access leaf where there are any: those not reviewed yet, the longest waiting first, so that
        each comes to sight, and then the reviewed, newest first. A security administrator sees those of their organ's
        subtree, newest first, and no case. Nobody else sees any, and no app does in somebody's name.
        """
        security = "security_admin" in actor.duties
        scenes = [s.id for s in loaded(self._scenes) if actor.organ.type in s.manifest.supervisors]
        condition, args = visible_cases(actor, self._tree, 3, scenes=readers_of(self._scenes))
        if security:
            condition, args = "true", ()
        elif not scenes:
            return []
        if actor.scopes is not None:
            return []
        order = "g.at DESC, g.id DESC"
        if not security:
            order = f"g.review IS NOT NULL, CASE WHEN g.review IS NULL THEN g.at END, {order}"
        async with self._store.unit_of_work() as uow:
            rows = await uow.fetch(
                "SELECT g.*, c.region, c.scene, o.name AS organ_name, a.login FROM case_grant g"
                " JOIN cases c ON c.id = g.case_id JOIN organ o ON o.id = g.organ_id JOIN account a ON a.id = g.account_id"
                f" WHERE g.kind = 'break_glass' AND c.region LIKE $1 AND ($2::text[] IS NULL OR c.scene = ANY($2))"
                f" AND {condition} ORDER BY {order} LIMIT 50",
                self._tree.prefix(actor.organ.region),
                None if security else scenes,
                *args,
            )
            notes = [
                "" if security else await open_note(uow, self._vault, row["subject_id"], row["note"])
                for row in rows
            ]
            for case_id, region, scene in {(r["case_id"], r["region"], r["scene"]) for r in rows}:
                if not security:
                    await self._audit.append(
                        uow,
                        Leaf(
                            at=self._clock.now(),
                            actor=actor.account_id,
                            organ=actor.organ.id,
                            namespace=scene,
                            version="",
                            action="read_broken_glass",
                            region=region,
                            case_id=case_id,
                            outcome="read",
                            in_place_of=actor.in_place_of,
                        ),
                    )
        return [
            broken_glass(row, note, names_case=not security) for row, note in zip(rows, notes, strict=True)
        ]

    async def inquirers(self, actor: Actor, division: str) -> list[OrganView]:
        """The organs to which a sealed case may be opened by law, of a division and of those above it; nearest first, 100
        at most. For approvers, and empty for others: it says nothing of any case."""
        if "approver" not in actor.duties or actor.scopes is not None:
            return []
        types = {
            organ_type
            for scene in loaded(self._scenes)
            if scene.manifest.inquiry_role
            for organ_type in scene.manifest.roles[scene.manifest.inquiry_role].organ_types
        }
        async with self._store.unit_of_work() as uow:
            rows = await uow.fetch(
                "SELECT id, name, name_en, type, region FROM organ WHERE type = ANY($1) AND region = ANY($2)"
                " AND valid_from <= $3 AND (valid_to IS NULL OR $3 < valid_to)"
                " ORDER BY array_position($2, region), name, id LIMIT 100",
                sorted(types),
                [region.code for region in self._tree.ancestors(division)],
                legal_day(self._clock.now()),
            )
        return [organ_view(row) for row in rows]

    def openable(self, actor: Actor, scene: LoadedScene) -> list[ActionView]:
        """Actions that open a case of `scene` and that the actor's organ and duty admit."""
        roles = scene.manifest.roles
        views = []
        for name, spec in scene.workflow.file.actions.items():
            fits = any(
                actor.organ.type in roles[role].organ_types and not roles[role].bound
                for role in spec.by
                if role in roles
            )
            if spec.opens_case and fits:
                views.append(_action_view(scene, name, None))
        return views

    @asynccontextmanager
    async def _opening(
        self, actor: Actor, action: str, case_id: UUID | None = None, *, asked: bool = True
    ) -> AsyncIterator[tuple[UnitOfWork, Trail]]:
        """A unit of work that opens something; a refusal in it is audited in a second one, since it rolls back."""
        trail = Trail(region=actor.organ.region, case_id=case_id)
        try:
            async with self._store.unit_of_work() as uow:
                yield uow, trail
        except Refused as refusal:
            if not asked:
                raise
            leaf = Leaf(
                at=self._clock.now(),
                actor=actor.account_id,
                organ=actor.organ.id,
                namespace="cases",
                version="",
                action=action,
                region=trail.region,
                case_id=trail.case_id,
                outcome="refused",
                code=refusal.code,
                app=actor.app_id,
                in_place_of=actor.in_place_of,
            )
            async with self._store.unit_of_work() as uow:
                await self._audit.refuse(uow, leaf, practice=actor.practice)
            raise

    async def _case_view(
        self, uow: UnitOfWork, actor: Actor, scene: LoadedScene, case: CaseRecord, verdict: Verdict
    ) -> CaseView:
        row, found = case.row, Found(scene=scene, case=case, verdict=verdict)
        role = reading_role(scene, verdict.roles)
        revealed = await revealed_to(uow, actor, case.id, self._clock.now())
        sight = sight_of(scene, role, revealed)
        shown = masked_view(scene.case_schema, case.data, sight, minor=scene.manifest.minor)
        letter_ids = await uow.fetch(
            "SELECT id FROM letter WHERE case_id = $1 ORDER BY accepted_at, copy_of NULLS FIRST, role, id",
            row["id"],
        )
        letters = await letter_views(
            self._scenes, self._tree, uow, actor, [r["id"] for r in letter_ids], verdict.roles
        )
        place = (row["scene"], row["region"])
        at_work = bool(await working(uow, self._tree, {place}))
        deadline_ids = await uow.fetch(
            "SELECT id FROM deadline WHERE case_id = $1 ORDER BY started_at, id", row["id"]
        )
        clocks = await deadline_views(
            self._scenes, uow, actor, [r["id"] for r in deadline_ids], verdict.roles
        )
        names = await Names.load(uow, [organ.organ_id for organ in case.organs])
        supervises = decide(actor, NUDGE, target_of(scene, case, NUDGE, None), self._tree).allowed
        may_nudge, nudged_until = await self._nudging(uow, actor, found, supervises and at_work)
        waiting = ("running", "overdue") if row["closed_at"] is None else ()
        open_clocks = [c.due_at for c in clocks.values() if c.state in waiting]
        summary = summary_of(self._scenes, self._tree, {**row, "next_due_at": min(open_clocks, default=None)})
        return CaseView(
            **vars(summary),
            data=shown.data,
            masked=shown.masked,
            revealable=shown.revealable,
            revealed_until=revealed.until,
            documents_masked=documents_masked(scene, role, revealed),
            role=scene.manifest.roles[role].title.text,
            actions=self._actions(actor, scene, case, list(letters.values())) if at_work else [],
            letters=list(letters.values()),
            deadlines=list(clocks.values()),
            organs=[
                (
                    names.playing(organ.role, organ.organ_id, scene, verdict.roles),
                    role_title(scene, organ.role),
                )
                for organ in case.organs
            ],
            nudges=await nudge_views(uow, self._vault, actor, found, supervises=supervises),
            may_nudge=may_nudge,
            nudged_until=nudged_until,
            open_until=open_until(actor, found),
            sealed_at=row["sealed_at"],
        )

    async def _nudging(
        self, uow: UnitOfWork, actor: Actor, found: Found, may: bool
    ) -> tuple[bool, datetime | None]:
        """Whether a supervisor can nudge somebody now and, where all who must act were nudged already, from when."""
        due = await who_must_act(uow, found, actor) if may else []
        if not due:
            return False, None
        calendar, now = HolidayCalendar.load(), self._clock.now()
        if await not_yet_told(uow, calendar, found, due, now):
            return True, None
        return False, next_nudges_at(calendar, now)

    def _actions(
        self, actor: Actor, scene: LoadedScene, case: CaseRecord, letters: Sequence[LetterView]
    ) -> list[ActionView]:
        """What this actor may do now, guards left aside: a guard's refusal says what is missing."""
        views = []
        for name in scene.workflow.possible(case.state):
            spec = scene.workflow.actions[name]
            if not decide(actor, "act", target_of(scene, case, name, spec), self._tree).allowed:
                continue
            letter_id = None
            if spec.signs is not None:
                waiting = [item for item in letters if item.kind == spec.signs and item.may_sign]
                if not waiting:
                    continue
                letter_id = waiting[0].id
            views.append(_action_view(scene, name, letter_id))
        return views

    async def _leave_trace(self, uow: UnitOfWork, actor: Actor, action: str, case: CaseRecord) -> None:
        await self._audit.append(
            uow,
            Leaf(
                at=self._clock.now(),
                actor=actor.account_id,
                organ=actor.organ.id,
                namespace=case.row["scene"],
                version=case.row["version"],
                action=action,
                region=case.row["region"],
                case_id=case.id,
                outcome="read",
                app=actor.app_id,
                in_place_of=actor.in_place_of,
            ),
        )


def _action_view(scene: LoadedScene, name: str, letter_id: UUID | None) -> ActionView:
    return ActionView(
        name=name,
        title=scene.workflow.actions[name].title.text,
        namespace=scene.id,
        input_schema=scene.inputs[name],
        letter_id=letter_id,
    )
