"""What sign-in reports to whoever keeps the audit trail; identity itself knows no audit log.

The wiring of the application gives a `Journal` that appends a leaf for each act and adds to a counter for
each anonymous attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from gongzhi.errors import Refused
from gongzhi.identity.actors import Actor
from gongzhi.store.unit_of_work import RowChange, UnitOfWork

Action: TypeAlias = Literal[
    "sign_in",
    "demo_sign_in",
    "first_step",
    "second_step",
    "reset_second_step",
    "sign_out",
    "sign_out_everywhere",
    "authenticate",
    "issue_token",
    "revoke",
    "add_organ",
    "add_account",
    "set_password",
    "close_account",
    "open_account",
    "import_directory",
    "undo_import",
    "oidc_sign_in",
    "make_secret",
    "revoke_secret",
    "client_token",
    "link_identity",
    "unlink_identity",
    "register_app",
    "renew_app",
    "revoke_app",
    "grant_app",
    "refresh_app",
    "change_duties",
    "end_post",
    "succeed_organ",
    "deputise",
    "end_deputyship",
    "leave",
]


@dataclass(frozen=True, kw_only=True)
class IdentityAct:
    """An act of sign-in by a known account, or of the command line, which is none; `rows` are the audited rows changed.

    `organ_id` is None and `region` empty for an account that may not act. `code` is the refusal's, or empty.
    """

    at: datetime
    action: Action
    account_id: UUID | None
    organ_id: UUID | None
    region: str
    outcome: Literal["done", "refused"]
    code: str
    rows: tuple[RowChange, ...]


class Journal(Protocol):
    """Keeps both in the caller's transaction; if it raises, the act is refused."""

    async def act(self, uow: UnitOfWork, act: IdentityAct) -> None:
        """Append one act."""

    async def count(self, uow: UnitOfWork, code: str, at: datetime) -> None:
        """Count one refused attempt of somebody unknown, under the refusal's code."""


def act_of(
    action: Action,
    account_id: UUID,
    actor: Actor | None,
    at: datetime,
    *,
    refusal: Refused | None = None,
    rows: tuple[RowChange, ...] = (),
) -> IdentityAct:
    """The act of an account, standing for `actor` if it may act; refused if there is a refusal."""
    return IdentityAct(
        at=at,
        action=action,
        account_id=account_id,
        organ_id=None if actor is None else actor.organ.id,
        region="" if actor is None else actor.organ.region,
        outcome="done" if refusal is None else "refused",
        code="" if refusal is None else refusal.code,
        rows=rows,
    )
