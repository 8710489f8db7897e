"""What sign-in reports, put into the audit log: the one adapter between identity and audit."""

from __future__ import annotations

from datetime import datetime

from gongzhi.audit.leaf import Leaf
from gongzhi.audit.log import AuditLog
from gongzhi.identity.journal import IdentityAct
from gongzhi.store import UnitOfWork


class AuditJournal:
    """Keeps identity's acts as leaves, and anonymous refusals as counters by the hour."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def act(self, uow: UnitOfWork, act: IdentityAct) -> None:
        """Append one act."""
        await self._audit.append(
            uow,
            Leaf(
                at=act.at,
                actor=act.account_id,
                organ=act.organ_id,
                namespace="identity",
                version="",
                action=act.action,
                region=act.region,
                case_id=None,
                outcome=act.outcome,
                code=act.code,
                rows=act.rows,
            ),
        )

    async def count(self, uow: UnitOfWork, code: str, at: datetime) -> None:
        """Count one refused attempt of somebody unknown."""
        await self._audit.count(uow, code, at)
