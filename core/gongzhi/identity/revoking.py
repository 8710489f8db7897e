"""Ending all that an account holds at once: sessions, bearer tokens, secrets, codes of apps. Valid from the commit on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from gongzhi.identity.acting import hold_account
from gongzhi.identity.actors import HANDLING_DUTIES
from gongzhi.identity.client_secrets import revoke_secrets
from gongzhi.identity.sessions import end_sessions
from gongzhi.identity.tokens import revoke_tokens
from gongzhi.store.unit_of_work import UnitOfWork


async def revoke_access(uow: UnitOfWork, account_id: UUID, now: datetime) -> None:
    """End every session, token, secret and unspent code of an account; the account itself stays as it is."""
    # Whoever makes a token holds the row as well: else one made meanwhile would be seen by nobody here, and live on.
    await hold_account(uow, account_id)
    await end_sessions(uow, account_id, now)
    await revoke_tokens(uow, account_id, now)
    await revoke_secrets(uow, account_id, now)


async def revoke_new_administrators(
    uow: UnitOfWork, now: datetime, *, posts: Collection[UUID] = (), accounts: Collection[UUID] = ()
) -> None:
    """End what is held by the accounts, and those at the posts, that administer by now: call it when duties have changed.

    Duties count from the next request on, and a handler's session or token took no second step.
    """
    rows = await uow.fetch(
        "SELECT a.id FROM account a JOIN post w ON w.id = a.post_id"
        " WHERE (a.id = ANY($1::uuid[]) OR w.id = ANY($2::uuid[])) AND NOT w.duties <@ $3::text[] ORDER BY a.id",
        list(accounts),
        list(posts),
        sorted(HANDLING_DUTIES),
    )
    for row in rows:
        await revoke_access(uow, row["id"], now)
