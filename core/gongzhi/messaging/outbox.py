"""The outbox: effects that a transaction promises and a worker carries out later, at least once.

An effect is idempotent because its own transaction inserts the message id into `inbox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from gongzhi.declarations import Json
from gongzhi.store import Row, UnitOfWork

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 12
"""With doubling pauses from 2 s to one hour this is about five hours; then the message is dead and shown as such."""
MAX_LOST = 5
"""Leases that may run out with no word of success or failure, each of them a process that died, before we give up.

Being killed is no attempt, so restarts never wear a message out. But one that kills its process every time (a crash
inside a library, memory) would do so for ever, and nothing else would be delivered.
"""
MOST_COUNTED = 10_000
"""Anybody may ask how many messages there are, so counting them must not cost more the more there are."""


class LeasesLost(Exception):
    """A message whose leases ran out too often, so that carrying it out is not tried again."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A promised effect."""

    id: UUID
    topic: str
    payload: Json
    attempts: int


async def promise(
    uow: UnitOfWork, topic: str, payloads: Sequence[Json], *, now: datetime, at: datetime | None = None
) -> None:
    """Write one message a payload; each becomes due at `at` (now, when None)."""
    if payloads:
        await uow.insert(
            "outbox",
            *(
                {
                    "id": uuid4(),
                    "topic": topic,
                    "payload": payload,
                    "available_at": at or now,
                    "created_at": now,
                }
                for payload in payloads
            ),
        )


async def lease(uow: UnitOfWork, now: datetime, limit: int, *, idle: bool) -> list[UUID]:
    """Take due messages for `LEASE`: up to `limit`, or only one whose last lease ran out, and that when we are `idle`.

    Whoever held that lease died, perhaps of this very message. Two such are never under way together, so that a
    deadly one does not use up the others' leases with its own.
    """
    lost = await uow.fetchval(
        "SELECT id FROM outbox WHERE leased_until <= $1 AND NOT dead"
        " ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED",
        now,
    )
    if lost is not None:
        if not idle:
            return []
        await uow.execute(
            "UPDATE outbox SET leased_until = $2, lost = lost + 1 WHERE id = $1", lost, now + LEASE
        )
        return [lost]
    rows = await uow.fetch(
        "UPDATE outbox SET leased_until = $2 WHERE id IN ("
        " SELECT id FROM outbox WHERE available_at <= $1 AND NOT dead AND leased_until IS NULL"
        " ORDER BY available_at LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING id",
        now,
        now + LEASE,
        limit,
    )
    return [row["id"] for row in rows]


async def take(uow: UnitOfWork, message_id: UUID, now: datetime) -> Message | None:
    """Lock a leased message inside its effect's transaction; None when it was done already.

    Raises `LeasesLost`.
    """
    row = await uow.fetchrow("SELECT * FROM outbox WHERE id = $1 AND NOT dead FOR UPDATE", message_id)
    if row is None:
        return None
    if row["lost"] >= MAX_LOST:
        raise LeasesLost
    fresh = await uow.fetchval(
        "INSERT INTO inbox (message_id, done_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
        message_id,
        now,
    )
    await uow.execute("DELETE FROM outbox WHERE id = $1", message_id)
    if not fresh:
        return None
    return _message(row)


async def put_back(uow: UnitOfWork, message_id: UUID, now: datetime, problem: str) -> Message | None:
    """Count a failed attempt, to be repeated later or not at all. Answers the message if it is dead now.

    `problem` is the error's class, never its text, which may quote a person.
    """
    row = await uow.fetchrow("SELECT * FROM outbox WHERE id = $1 AND NOT dead FOR UPDATE", message_id)
    if row is None:
        return None
    attempts: int = row["attempts"] + 1
    dead = attempts >= MAX_ATTEMPTS or row["lost"] >= MAX_LOST
    pause = timedelta(seconds=min(3600, 2**attempts))
    await uow.execute(
        "UPDATE outbox SET attempts = $2, available_at = $3, leased_until = NULL, last_error = $4, dead = $5"
        " WHERE id = $1",
        message_id,
        attempts,
        now + pause,
        problem,
        dead,
    )
    return _message({**row, "attempts": attempts}) if dead else None


async def release(uow: UnitOfWork, message_ids: Sequence[UUID]) -> None:
    """Give leases back that nobody will come round to, so that they don't run out as if somebody had died.

    One that is still locked by its effect's transaction is left: waiting for it could take for ever.
    """
    await uow.execute(
        "UPDATE outbox SET leased_until = NULL WHERE id IN"
        " (SELECT id FROM outbox WHERE id = ANY($1) FOR UPDATE SKIP LOCKED)",
        message_ids,
    )


async def dead_messages(uow: UnitOfWork) -> list[Row]:
    """Messages that were given up, oldest promise first."""
    return await uow.fetch("SELECT * FROM outbox WHERE dead ORDER BY created_at, id")


async def retry(uow: UnitOfWork, now: datetime, message_id: UUID | None = None) -> list[UUID]:
    """Let a dead message, or all of them, be tried afresh from now on; answers which."""
    rows = await uow.fetch(
        "UPDATE outbox SET dead = false, attempts = 0, lost = 0, available_at = $1"
        " WHERE dead AND ($2::uuid IS NULL OR id = $2) RETURNING id",
        now,
        message_id,
    )
    return [row["id"] for row in rows]


async def backlog(uow: UnitOfWork) -> dict[str, int]:
    """How many messages wait and how many are dead, each counted up to `MOST_COUNTED`."""
    row = await uow.fetchrow(
        "SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE NOT dead LIMIT $1) AS _) AS waiting,"
        " (SELECT count(*) FROM (SELECT FROM outbox WHERE dead LIMIT $1) AS _) AS dead",
        MOST_COUNTED,
    )
    return dict(row or {})


def _message(row: Row) -> Message:
    return Message(id=row["id"], topic=row["topic"], payload=row["payload"], attempts=row["attempts"])
