"""One act on a case: scope, schema, facts, rule, workflow, and everything that the workflow says follows.

Runs inside the unit of work that `gongzhi.dispatch` opened. The scene's rule is pure; only this module and the
rooms it calls write.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import orjson
import structlog

from gongzhi.cases.consequences import involve, run_clocks, send_letters, settle_letters
from gongzhi.cases.records import CaseChange, merged, open_case, save_case
from gongzhi.cases.scope import Scope, Scoping, Trail
from gongzhi.cases.search import case_tokens, index_case
from gongzhi.clock import HolidayCalendar
from gongzhi.declarations import Act, ActResult, Command, Decision, Json, Refusal, Text
from gongzhi.errors import GongzhiError, SceneFault, SceneRefused
from gongzhi.identity.actors import Actor
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.successors import predecessors
from gongzhi.messaging import letters
from gongzhi.scenes.host import SceneHost
from gongzhi.scenes.loading import SCENE_RAISES
from gongzhi.scenes.schemas import clean_text
from gongzhi.store import Store, SubjectVault, UnitOfWork

log = structlog.get_logger()

_BAD_SQL = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.DataError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.InterfaceError,
    asyncpg.QueryCanceledError,
)
"""What a wrong query of a scene raises: bad syntax, no such table, a wrong value, an attempt to write, too long."""


class CaseActing:
    """Carries out scene actions. One instance serves every request; it keeps no state."""

    def __init__(self, store: Store, tree: RegionTree, scenes: SceneHost, calendar: HolidayCalendar) -> None:
        self.scenes, self.vault = scenes, SubjectVault(store.keys)
        self._keys, self._calendar = store.keys, calendar
        self.scoping = Scoping(tree, scenes, self.vault)

    async def act(
        self, uow: UnitOfWork, actor: Actor, command: Command, now: datetime, trail: Trail
    ) -> ActResult:
        """Take `command.action` of the scene `command.namespace`.

        Raises any `Refused`, or `SceneFault`; the caller rolls back and audits.
        """
        scope = await self.scoping.of(uow, actor, command, now, trail)
        scope.scene.checks[scope.action](scope.input)
        facts = await self._facts(uow, scope)
        decision = self._decide(scope, facts)
        if decision.unique_key is not None and scope.case is None:
            existing = await self._existing(uow, scope, decision.unique_key)
            if existing is not None:
                trail.case_id = existing
                return await self.as_it_stands(
                    uow, scope.actor, ActResult(case_id=existing, existing=True), scope.now
                )
        return await self._carry_out(uow, scope, decision, trail)

    async def as_it_stands(
        self, uow: UnitOfWork, actor: Actor, result: ActResult, now: datetime
    ) -> ActResult:
        """The result of an act done before, under the actor's present rights: the case's state is today's, and a case
        that they may no longer read is left out."""
        if result.case_id is None:
            return result
        try:
            case = (await self.scoping.finder.find(uow, actor, result.case_id, at=now)).case
        except GongzhiError:
            return replace(result, case_id=None, state=(), letter_ids=(), output=None)
        return replace(result, state=tuple(sorted(case.state)))

    async def _facts(self, uow: UnitOfWork, scope: Scope) -> dict[str, Json]:
        facts: dict[str, Json] = {}
        for name in scope.spec.facts:
            try:
                async with uow.read_only():
                    facts[name] = await uow.fetch(scope.scene.facts[name].sql, scope.region)
            except _BAD_SQL as error:
                if uow.connection.is_closed():
                    raise
                scene = scope.scene
                log.error("scene fact failed", scene=scene.id, fact=name, error=type(error).__name__)
                raise SceneFault(where=f"/{scope.action}", scene=scene.id, version=scene.version) from error
        return facts

    def _decide(self, scope: Scope, facts: Mapping[str, Json]) -> Decision:
        scene, spec = scope.scene, scope.spec
        if spec.rule is None:
            return Decision(data=scope.input)
        act = Act(
            action=scope.action,
            case=scope.case.values if scope.case else None,
            input=scope.input,
            facts=facts,
            config=scope.enablement.values if scope.enablement else {},
            region=scope.region,
            role=scope.role,
            now=scope.now,
        )
        try:
            return _sound(scene.rules[spec.rule](act))
        except Refusal as no:
            raise refused(no) from no
        except GongzhiError:
            raise
        except SCENE_RAISES as error:
            # Class and place only: the text of a scene's exception may quote a person.
            log.error("scene rule failed", scene=scene.id, rule=spec.rule, error=type(error).__name__)
            raise SceneFault(where=f"/{scope.action}", scene=scene.id, version=scene.version) from error

    async def _existing(self, uow: UnitOfWork, scope: Scope, key: str) -> UUID | None:
        holder = self._holder(scope)
        digest = self._unique_hash(scope, holder, key)
        await uow.execute("SELECT pg_advisory_xact_lock($1)", int.from_bytes(digest[:8], "big", signed=True))
        # What an organ has reported whose place this one took is its own by now; its own comes first.
        before = await predecessors(uow, holder)
        case_id: UUID | None = await uow.fetchval(
            "SELECT case_id FROM case_unique WHERE scene = $1 AND key_hash = ANY($2)"
            " ORDER BY array_position($2::bytea[], key_hash) LIMIT 1",
            scope.scene.id,
            [digest, *(self._unique_hash(scope, organ, key) for organ in before)],
        )
        return case_id

    def _holder(self, scope: Scope) -> UUID:
        # Bound to the acting organ: one organ's key must not tell another that a case exists.
        # An app that practises stands for itself alone, and so meets no case that its organ has.
        return scope.actor.account_id if scope.actor.practice else scope.actor.organ.id

    def _unique_hash(self, scope: Scope, holder: UUID, key: str) -> bytes:
        text = f"{scope.scene.id}\n{holder}\n{key}".encode()
        return hmac.new(self._keys.unique_key, text, hashlib.sha256).digest()

    async def _carry_out(self, uow: UnitOfWork, scope: Scope, decision: Decision, trail: Trail) -> ActResult:
        scene, spec, case, now = scope.scene, scope.spec, scope.case, scope.now
        before = case.state if case else frozenset()
        state = scene.workflow.next_state(before, scope.action, decision.guards)
        data = merged(case.data if case else {}, decision.data)
        clean_text(data)
        title = decision.title or (_text(case.row["title"]) if case else scene.title)
        change = CaseChange(
            region=scope.region,
            state=state,
            data=data,
            title=title,
            now=now,
            erases_personal=spec.erases_personal,
            seals=spec.seals,
            closes=spec.closes,
        )
        if case is not None and spec.seals:
            await letters.refuse_unsigned(uow, case.id, now)
        if case is None:
            after = await open_case(uow, self.vault, scene, change)
        else:
            after = await save_case(uow, self.vault, scene, case, change)
        row, case_id = after.row, after.id
        trail.case_id = case_id
        if decision.unique_key is not None and case is None:
            await uow.execute(
                "INSERT INTO case_unique (scene, key_hash, case_id) VALUES ($1, $2, $3)",
                scene.id,
                self._unique_hash(scope, self._holder(scope), decision.unique_key),
                case_id,
            )
        organs = await involve(uow, scope, case_id)
        await run_clocks(uow, scope, case_id, organs, self._calendar)
        await settle_letters(uow, scope, case_id, self._keys)
        letter_ids = await send_letters(uow, scope, after, organs, keys=self._keys, calendar=self._calendar)
        # An act on a case that was sealed before does not put it back among what is found.
        sealed = change.seals or row["sealed_at"] is not None
        words = [] if sealed else case_tokens(scene.case_schema, row["title"], row["data"])
        await index_case(uow, case_id, words)
        trail.events.append(
            {
                "id": uuid4(),
                "case_id": case_id,
                "seq": row["row_version"],
                "action": scope.action,
                "actor_id": scope.actor.account_id,
                "organ_id": None if scope.role == "platform" else scope.actor.organ.id,
                "role": scope.role,
                "at": now,
                "state_from": sorted(before),
                "state_to": list(state),
            }
        )
        return ActResult(case_id=case_id, state=state, letter_ids=tuple(letter_ids))


def _sound(decision: object) -> Decision:
    """The rule's answer, if it is what it should be. Raises `TypeError` when it is not, or cannot be stored."""
    if not isinstance(decision, Decision):
        raise TypeError(f"{type(decision).__name__} is no Decision")
    for value, types in (
        (decision.data, Mapping),
        (decision.guards, Mapping),
        (decision.unique_key, str | None),
        (decision.title, Text | None),
    ):
        if not isinstance(value, types):
            raise TypeError(f"{type(value).__name__} in a Decision")
    orjson.dumps(dict(decision.data))
    return decision


def refused(no: Refusal) -> SceneRefused:
    """A scene's no as an error of ours, in the scene's words."""
    return SceneRefused(
        where=no.where,
        rule=no.rule,
        text_zh=no.zh,
        text_en=no.en,
        advice_zh=no.advice_zh,
        advice_en=no.advice_en,
    )


def _text(value: Mapping[str, str]) -> Text:
    return Text(zh=value["zh"], en=value["en"])
