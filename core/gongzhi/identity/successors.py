"""Organs whose place another has taken; who takes whose place is `gongzhi.commands.succession`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from gongzhi.store import UnitOfWork

PREDECESSORS: Final = """
SELECT s.organ_id FROM (WITH RECURSIVE before AS (
    SELECT organ_id FROM organ_successor WHERE successor_id = {organ}
    UNION SELECT s.organ_id FROM organ_successor s JOIN before b ON s.successor_id = b.organ_id
) SELECT organ_id FROM before) AS s
"""
"""The organs before `{organ}`, a parameter such as `$3::uuid`, however far back."""


async def predecessors(uow: UnitOfWork, organ_id: UUID) -> list[UUID]:
    """The organs whose place this one has taken, however far back."""
    rows = await uow.fetch(PREDECESSORS.format(organ="$1::uuid"), organ_id)
    return [row["organ_id"] for row in rows]


async def present_organ(uow: UnitOfWork, organ_id: UUID) -> UUID:
    """The organ that stands where this one stood: itself while it has no successor."""
    after = await uow.fetchval("SELECT successor_id FROM organ_successor WHERE organ_id = $1", organ_id)
    return organ_id if after is None else await present_organ(uow, after)
