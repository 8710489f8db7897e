"""The one door for writes: every act of every actor passes `Dispatcher.act`.

It opens the unit of work and the audit entry, recognises a repeated key, lets the namespace's handler act, and
stores case, letters, clocks, audit row and outbox rows in one transaction. A refusal is audited in a second
transaction, since the first rolls back.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from gongzhi.audit.leaf import Leaf, Outcome
from gongzhi.audit.log import AuditLog
from gongzhi.cases.acting import CaseActing
from gongzhi.cases.scope import Trail
from gongzhi.clock import Clock
from gongzhi.declarations import ActResult, Command, CommandDeclaration, QueryDeclaration, Text
from gongzhi.errors import (
    GongzhiError,
    InternalError,
    InvalidInput,
    KeyMissing,
    KeyReused,
    RowChanged,
    SceneFault,
    StoreUnavailable,
)
from gongzhi.identity.actors import Actor
from gongzhi.identity.policy import outside_region
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.scopes import require_act
from gongzhi.scenes.schemas import clean_text
from gongzhi.store import Store, UnitOfWork

log = structlog.get_logger()

PRACTICE = "practice"
"""What acts under a practice key are counted as; they leave no entry, since nothing came of them."""

ATTEMPTS = 6
"""Tries at a transaction that lost a race."""

LOST_RACES = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    # Whatever another request inserted before us (the same key, the same row) is there to be found on the next try.
    asyncpg.UniqueViolationError,
)

Handler = Callable[[UnitOfWork, Actor, Command, str, datetime, Trail], Awaitable[ActResult]]
Ahead = Callable[[UnitOfWork, Actor, datetime], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class CoreCommand:
    """A command that core itself carries out: its declaration for the edges, and its handler.

    `ahead` is what has to be stored before the act and whatever comes of it, such as a count of tries; a refusal there
    ends the act.
    """

    declaration: CommandDeclaration
    check: Callable[[Any], None]
    handle: Handler
    ahead: Ahead | None = None


@dataclass(frozen=True, kw_only=True)
class CoreNamespace:
    """A namespace of core's own commands, by command name, and queries; `duties` as in `Namespace`."""

    id: str
    title: Text
    commands: Mapping[str, CoreCommand]
    queries: Sequence[QueryDeclaration] = ()
    duties: frozenset[str] = frozenset()


class _Undo(Exception):
    """Carries the result out of a savepoint that it undoes."""

    def __init__(self, result: ActResult) -> None:
        super().__init__()
        self.result = result


class Dispatcher:
    """The door. `wake` is called after each commit, so that worker and sequencer need not wait for their poll."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tree: RegionTree,
        audit: AuditLog,
        acting: CaseActing,
        namespaces: Mapping[str, CoreNamespace],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._clock, self._tree, self._audit = store, clock, tree, audit
        self._acting, self._namespaces, self._wake = acting, namespaces, wake
        self._digest_key = store.keys.secret("idempotency")

    async def act(self, actor: Actor, command: Command, region: str) -> ActResult:
        """Carry out one command at the address `region`; all of it is stored, or nothing.

        Raises any `Refused` (audited), `SceneFault` (audited) or `StoreFault`.
        """
        digest: bytes | None = None
        started = time.perf_counter()
        trail = Trail(region=region)
        try:
            require_act(actor, command.namespace, command.action)
            _check_key(command.key)
            clean_text(command.input)
            digest = _digest(command, self._digest_key, actor)
            await self._ahead(actor, command)
            result = await self._repeated(actor, command, region, digest, trail)
        except GongzhiError as refusal:
            await self._audit_refusal(actor, command, digest, trail, refusal)
            raise
        except Exception:
            # Unforeseen, so the edge will not say more than this either; that it was tried stays on record.
            await self._audit_refusal(actor, command, digest, trail, InternalError())
            raise
        self._wake()
        log.info(
            "act",
            namespace=command.namespace,
            action=command.action,
            replayed=result.replayed,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return result

    async def record_refusal(
        self,
        actor: Actor,
        *,
        namespace: str,
        action: str,
        region: str,
        code: str,
        version: str = "",
        outcome: Outcome = "refused",
    ) -> None:
        """Audit a refusal of what was no command, or not yet: a body that is no JSON, a query, a reply that failed."""
        async with self._store.unit_of_work() as uow:
            leaf = Leaf(
                at=self._clock.now(),
                actor=actor.account_id,
                organ=actor.organ.id,
                namespace=namespace,
                version=version,
                action=action,
                region=region,
                case_id=None,
                outcome=outcome,
                code=code,
                app=actor.app_id,
                in_place_of=actor.in_place_of,
            )
            await self._audit.refuse(uow, leaf, practice=actor.practice)
        self._wake()

    async def _ahead(self, actor: Actor, command: Command) -> None:
        """What a command stores ahead of itself, in a transaction of its own; nothing for a key that comes back."""
        own = self._namespaces.get(command.namespace)
        core_command = own.commands.get(command.action) if own else None
        if core_command is None or core_command.ahead is None:
            return
        core_command.check(command.input)
        async with self._store.unit_of_work() as uow:
            known = await uow.fetchval(
                "SELECT 1 FROM idempotency WHERE actor_id = $1 AND key = $2", actor.account_id, command.key
            )
            if known is None:
                await core_command.ahead(uow, actor, self._clock.now())

    async def _repeated(
        self, actor: Actor, command: Command, region: str, digest: bytes, trail: Trail
    ) -> ActResult:
        for attempt in range(1, ATTEMPTS + 1):
            trail.events.clear()
            try:
                return await self._once(actor, command, region, digest, trail)
            except LOST_RACES:
                if attempt == ATTEMPTS:
                    raise
            except RowChanged:
                # Somebody changed a row that we had not locked; unless the caller named a version, look again.
                if command.row_version is not None or attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self, actor: Actor, command: Command, region: str, digest: bytes, trail: Trail
    ) -> ActResult:
        now = self._clock.now()
        async with self._store.unit_of_work() as uow:
            if actor.practice:
                return await self._rehearse(uow, actor, command, region, now, trail)
            known = await uow.fetchrow(
                "SELECT body_hash, result FROM idempotency WHERE actor_id = $1 AND key = $2",
                actor.account_id,
                command.key,
            )
            if known is not None:
                return await self._acting.as_it_stands(uow, actor, _replayed(known, digest), now)
            outside_region(actor, region, self._tree, "platform")
            result = await self._handle(uow, actor, command, region, now, trail)
            leaf_hash = await self._audit.append(
                uow, self._leaf(actor, command, digest, trail, now, "done", trail.code, uow)
            )
            if trail.events:
                ground = None if actor.in_place_of is None else actor.in_place_of.deputyship_id
                more = {"leaf_hash": leaf_hash, "deputyship_id": ground}
                await uow.insert("case_event", *({**event, **more} for event in trail.events))
            await uow.insert(
                "idempotency",
                {
                    "actor_id": actor.account_id,
                    "key": command.key,
                    "body_hash": digest,
                    "result": _stored(result),
                    "at": now,
                },
            )
            return result

    async def _rehearse(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        """Do all of an act and undo it; that it was tried is counted. What it would have come to is in `output`."""
        outside_region(actor, region, self._tree, "platform")
        try:
            async with uow.savepoint():
                raise _Undo(await self._handle(uow, actor, command, region, now, trail))
        except _Undo as undo:
            came = undo.result
        await self._audit.count(uow, PRACTICE, now)
        output = {"state": list(came.state), "letters": len(came.letter_ids)}
        return ActResult(case_id=None, output=output, practice=True)

    async def _handle(
        self, uow: UnitOfWork, actor: Actor, command: Command, region: str, now: datetime, trail: Trail
    ) -> ActResult:
        own = self._namespaces.get(command.namespace)
        if own is None:
            return await self._acting.act(uow, actor, command, now, trail)
        core_command = own.commands.get(command.action)
        if core_command is None:
            raise InvalidInput(where="/action", problem=Text(zh="没有此操作", en="there is no such action"))
        core_command.check(command.input)
        return await core_command.handle(uow, actor, command, region, now, trail)

    async def _audit_refusal(
        self, actor: Actor, command: Command, digest: bytes | None, trail: Trail, refusal: GongzhiError
    ) -> None:
        outcome: Outcome = "fault" if isinstance(refusal, (SceneFault, InternalError)) else "refused"
        if isinstance(refusal, StoreUnavailable):
            return
        now = self._clock.now()
        async with self._store.unit_of_work() as uow:
            leaf = self._leaf(actor, command, digest, trail, now, outcome, refusal.code, uow)
            await self._audit.refuse(uow, leaf, practice=actor.practice)
        self._wake()

    def _leaf(
        self,
        actor: Actor,
        command: Command,
        digest: bytes | None,
        trail: Trail,
        now: datetime,
        outcome: Outcome,
        code: str,
        uow: UnitOfWork,
    ) -> Leaf:
        return Leaf(
            at=now,
            actor=actor.account_id,
            organ=actor.organ.id,
            namespace=command.namespace,
            version=trail.version,
            action=command.action,
            region=trail.region,
            case_id=trail.case_id,
            outcome=outcome,
            code=code,
            rows=tuple(uow.changes),
            input_hash=digest,
            app=actor.app_id,
            in_place_of=actor.in_place_of,
        )


def _digest(command: Command, key: bytes, actor: Actor) -> bytes:
    """A keyed hash of what is asked, so that a key that comes back with another body, or in another's place, is noticed.

    Keyed, since it outlives personal data that was asked with: an unkeyed hash of a name and a birth date is guessed.
    """
    body = [
        command.namespace,
        command.action,
        str(command.case_id) if command.case_id else None,
        command.input,
    ]
    if actor.in_place_of is not None:
        body.append(str(actor.in_place_of.deputyship_id))
    try:
        return hmac.digest(key, orjson.dumps(body, option=orjson.OPT_SORT_KEYS), "sha256")
    except TypeError as error:  # a scene's intake made the command of what is no JSON
        raise InvalidInput(
            where="/", problem=Text(zh="含有不可保存的字符或数值", en="it has a value that cannot be stored")
        ) from error


def _check_key(key: str) -> None:
    if not (8 <= len(key) <= 100 and key.isascii() and key.isprintable()):
        raise KeyMissing(where="/key")


def _stored(result: ActResult) -> dict[str, Any]:
    return {
        "case_id": str(result.case_id) if result.case_id else None,
        "state": list(result.state),
        "letter_ids": [str(letter) for letter in result.letter_ids],
        "existing": result.existing,
        "output": result.output,
    }


def _replayed(row: Mapping[str, Any], digest: bytes) -> ActResult:
    if row["body_hash"] != digest:
        raise KeyReused(where="/key")
    stored = row["result"]
    return ActResult(
        case_id=UUID(stored["case_id"]) if stored["case_id"] else None,
        state=tuple(stored["state"]),
        letter_ids=tuple(UUID(letter) for letter in stored["letter_ids"]),
        replayed=True,
        existing=stored["existing"],
        output=stored["output"],
    )
