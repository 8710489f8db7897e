"""Somebody leaves (离任): the post ends today with all that its account holds, and no duty of a department stays empty.

Open work needs no hand-over: cases, letters and notices belong to organ and department. What a leaver takes along is a
duty that nobody else there has.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from gongzhi.declarations import Text
from gongzhi.errors import InvalidInput, NoSuchThing, SuccessorNeeded
from gongzhi.identity.acting import ACTOR_COLUMNS, actor_joins, actor_of, legal_day
from gongzhi.identity.actors import HANDLING_DUTIES
from gongzhi.identity.apps.delegations import delegations_of, withdraw
from gongzhi.identity.deputies import end_deputyships
from gongzhi.identity.directory import Directory
from gongzhi.identity.passwords import check_login
from gongzhi.identity.revoking import revoke_access
from gongzhi.store.unit_of_work import UnitOfWork

NO_SUCCESSOR: Final = Text(
    zh="继任者须是同一单位、同一部门现在能够办理的另一人；其他部门的人请先变更其岗位",
    en="the successor must be another person who can act in the same department; change the post of one from another first",
)

_COLLEAGUES: Final = f"""
SELECT a.post_id, a.person_id, {ACTOR_COLUMNS} FROM account a {actor_joins("$3")}
WHERE o.id = $1 AND w.department = $2 AND a.kind = 'person' ORDER BY a.login
"""


async def leave(
    uow: UnitOfWork, directory: Directory, login: str, *, successor: str | None, now: datetime
) -> tuple[str, ...]:
    """End a person's post today, their sessions, tokens, secrets, app grants and deputyships.

    Duties of handling that nobody else of the department has go to the successor's post; answers those that are new there.

    Raises:
        NoSuchThing: no person has this login.
        InvalidInput: the successor is nobody of the department who can act.
        SuccessorNeeded: the department would be without a duty, and no successor is named.
        DutiesExclude: the successor may not hold such a duty.
    """
    account = await uow.fetchrow(
        "SELECT * FROM account WHERE login = $1 AND kind = 'person'", check_login(login)
    )
    if account is None:
        raise NoSuchThing(where="/login")
    post_id: UUID = account["post_id"]
    # Of two that leave at once, the second sees that the first has gone.
    await uow.fetch(
        "SELECT w.id FROM post w JOIN post left_post ON left_post.id = $1 AND left_post.organ_id = w.organ_id"
        " AND left_post.department = w.department ORDER BY w.id FOR UPDATE OF w",
        post_id,
    )
    post = await uow.fetchrow("SELECT * FROM post WHERE id = $1", post_id)
    if post is None:
        raise NoSuchThing(where="/login")
    today = legal_day(now)
    rows = await uow.fetch(_COLLEAGUES, post["organ_id"], post["department"], today)
    others = [row for row in rows if row["person_id"] != account["person_id"] and actor_of(row) is not None]
    held = {duty for row in others for duty in row["duties"]}
    alone = (HANDLING_DUTIES & set(post["duties"])) - held
    given: tuple[str, ...] = ()
    if successor is not None:
        heir = next((row for row in others if row["login"] == check_login(successor)), None)
        if heir is None:
            raise InvalidInput(where="/successor", problem=NO_SUCCESSOR)
        given = tuple(sorted(alone))
        if given:
            await directory.post_change(uow, heir["post_id"], duties=[*heir["duties"], *given])
    elif alone:
        raise SuccessorNeeded(where="/successor", duties=", ".join(sorted(alone)))
    if post["valid_to"] is None or post["valid_to"] > today:
        await directory.post_end(uow, post_id, valid_to=max(post["valid_from"], today))
    await revoke_access(uow, account["id"], now)
    for delegation in await delegations_of(uow, account["id"]):
        await withdraw(uow, account["id"], delegation.id, now)
    await end_deputyships(uow, post_id, now)
    return given
