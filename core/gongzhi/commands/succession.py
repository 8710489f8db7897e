"""One organ takes another's place (机构合并、更名、继受): its cases, bindings, clocks, waiting letters and posts go over.

What is past stays: answered and withdrawn letters and signed copies keep the names that they have, the predecessor's part
in each case stays on record with its end, evidence and the audit log are untouched. Whoever had no sight of a case gets
none, but for the people of the successor, which is what succeeding means; where it has another division or level, which
must be said, also for the agencies above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from gongzhi.declarations import Text
from gongzhi.errors import AlreadyExists, DirectoryBusy, InvalidInput, NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.actors import ADMINISTRATOR_DUTIES, PLATFORM
from gongzhi.scenes.enablement import bump_generation
from gongzhi.store import Row, UnitOfWork, change_rows, copy_rows, rewrite_rows

ITSELF: Final = Text(zh="不能是本单位", en="it can't be the organ itself")
OTHER_TYPE: Final = Text(zh="两个单位的类型不同", en="the two organs are of different types")
OTHER_LINE: Final = Text(zh="两个单位的条线不同", en="the two organs are of different lines")
ELSEWHERE: Final = Text(
    zh="继受单位在另一区划或层级，上级单位和管理员的范围会随之改变；确为如此的，请写明 elsewhere（命令行 --elsewhere）",
    en="the successor has another division or level, which changes who above it sees the cases and administers the"
    " people; if so ordered, say elsewhere (--elsewhere on the command line)",
)
PLATFORMS: Final = Text(zh="平台单位不能被继受", en="an organ of the platform has no successor")
NOT_VALID: Final = Text(
    zh="继受单位今天不在有效期内，或已被其他单位继受",
    en="it is not valid today, or has a successor itself",
)
LATER: Final = Text(
    zh="不能晚于今天；请在生效当日办理", en="it must not be after today; do this on the day itself"
)
NO_DOCUMENT: Final = Text(
    zh="须写明批准文件的名称或文号", en="name the document that orders it, or its number"
)
ADMINISTRATORS: Final = Text(
    zh="原单位尚有区域管理员或三员的岗位，随单位并入另一区划会扩大其管理范围；请先结束这些岗位",
    en="end the posts of its region and three administrators first: in another division they would reach further",
)
SUCCEEDED: Final = Text(zh="继受单位", en="successor")

LONGEST_WAIT: Final = "5s"
"""How long a merger waits for the acts under way before it gives up, for each table."""

_LOCK: Final = (
    "LOCK TABLE person IN EXCLUSIVE MODE; LOCK TABLE organ, department, post, account, case_organ, letter,"
    " deadline, notice, role_binding, case_grant, organ_successor IN SHARE ROW EXCLUSIVE MODE"
)


async def succeed(
    uow: UnitOfWork,
    organ_id: UUID,
    successor_id: UUID,
    *,
    since: date,
    document: str,
    now: datetime,
    elsewhere: bool = False,
) -> Mapping[str, int]:
    """Let `successor_id` take the place of `organ_id`, which ended on `since`; answers how much went over, by kind.

    Done again for the same two organs it takes over what an act under way has left behind. `elsewhere` says that the
    successor may have another division or level: agencies of the line above it see the cases then, as a scene says.

    Raises:
        NoSuchThing: an organ that is not there.
        InvalidInput: organs that can't follow each other, a day to come, no document, `elsewhere` not said.
        AlreadyExists: the organ has another successor.
        DirectoryBusy: acts under way hold what goes over for too long.
    """
    today = legal_day(now)

    async def checked() -> Row:
        old, new = await _organ(uow, organ_id, "/organ"), await _organ(uow, successor_id, "/successor")
        await _check(uow, old, new, since, document.strip(), today)
        if not elsewhere and (old["region"], old["level"]) != (new["region"], new["level"]):
            raise InvalidInput(where="/elsewhere", problem=ELSEWHERE)
        return old

    await checked()  # before anybody waits for us
    await _lock(uow)
    old = await checked()  # what came in between
    await bump_generation(uow)
    known = await uow.fetchrow("SELECT * FROM organ_successor WHERE organ_id = $1", organ_id)
    if known is None:
        await uow.insert(
            "organ_successor",
            {
                "id": uuid4(),
                "organ_id": organ_id,
                "successor_id": successor_id,
                "since": since,
                "document": document.strip(),
                "recorded_at": now,
            },
        )
        if old["valid_to"] is None or old["valid_to"] > since:
            await uow.update("organ", old, valid_to=max(since, old["valid_from"]))
    return {
        "posts": await _take_posts(uow, organ_id, successor_id, today),
        "cases": await _take_cases(uow, organ_id, successor_id, now),
        "letters": await _readdress(uow, organ_id, successor_id),
        "deadlines": await _move(
            uow,
            "deadline",
            "organ_id = $1 AND state IN ('running', 'overdue')",
            organ_id,
            organ_id=successor_id,
        ),
        "bindings": await _move(uow, "role_binding", "organ_id = $1", organ_id, organ_id=successor_id),
        "grants": await _move(
            uow,
            "case_grant",
            "organ_id = $1 AND ended_at IS NULL AND until > $2",
            organ_id,
            now,
            organ_id=successor_id,
        ),
        "notices": await _take_notices(uow, organ_id, successor_id),
    }


async def _lock(uow: UnitOfWork) -> None:
    """Let nobody else write what goes over, or give up soon: whoever acts meanwhile waits behind us."""
    await uow.execute(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'")
    try:
        await uow.execute(_LOCK)
    except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
        raise DirectoryBusy(where="/organ") from error
    await uow.execute("SET LOCAL lock_timeout TO DEFAULT")


async def _organ(uow: UnitOfWork, organ_id: UUID, where: str) -> Row:
    row = await uow.fetchrow("SELECT * FROM organ WHERE id = $1", organ_id)
    if row is None:
        raise NoSuchThing(where=where)
    return row


async def _check(uow: UnitOfWork, old: Row, new: Row, since: date, document: str, today: date) -> None:
    if old["id"] == new["id"]:
        raise InvalidInput(where="/successor", problem=ITSELF)
    if old["type"] != new["type"]:
        raise InvalidInput(where="/successor", problem=OTHER_TYPE)
    if old["line"] != new["line"]:
        raise InvalidInput(where="/successor", problem=OTHER_LINE)
    if old["type"] == PLATFORM:
        raise InvalidInput(where="/organ", problem=PLATFORMS)
    if since > today:
        raise InvalidInput(where="/since", problem=LATER)
    if not document:
        raise InvalidInput(where="/document", problem=NO_DOCUMENT)
    gone = await uow.fetchval("SELECT count(*) FROM organ_successor WHERE organ_id = $1", new["id"])
    if gone or new["valid_from"] > today or (new["valid_to"] is not None and new["valid_to"] <= today):
        raise InvalidInput(where="/successor", problem=NOT_VALID)
    followed = await uow.fetchval("SELECT successor_id FROM organ_successor WHERE organ_id = $1", old["id"])
    if followed not in (None, new["id"]):
        raise AlreadyExists(where="/organ", what=SUCCEEDED)
    reaching = await uow.fetchval(
        "SELECT count(*) FROM post WHERE organ_id = $1 AND (valid_to IS NULL OR valid_to > $2) AND duties && $3",
        old["id"],
        today,
        [*sorted(ADMINISTRATOR_DUTIES), "region_admin"],
    )
    if reaching and old["region"] != new["region"]:
        raise InvalidInput(where="/organ", problem=ADMINISTRATORS)


async def _take_posts(uow: UnitOfWork, organ_id: UUID, successor_id: UUID, today: date) -> int:
    """Posts end with the predecessor and go on in the successor, without `organ_admin`; accounts, departments and
    systems come along."""
    posts = await uow.fetch(
        "SELECT * FROM post WHERE organ_id = $1 AND (valid_to IS NULL OR valid_to > $2)", organ_id, today
    )
    # Who administered the predecessor alone would administer all of the successor: its administrators give that anew.
    fresh = {
        post["id"]: {
            **post,
            "duties": [duty for duty in post["duties"] if duty != "organ_admin"],
            "id": uuid4(),
            "organ_id": successor_id,
            "valid_from": max(post["valid_from"], today),
            "row_version": 1,
        }
        for post in posts
    }
    await rewrite_rows(uow, "post", [(post, {"valid_to": max(post["valid_from"], today)}) for post in posts])
    await copy_rows(uow, "post", list(fresh.values()))
    accounts = await uow.fetch("SELECT * FROM account WHERE post_id = ANY($1)", list(fresh))
    await rewrite_rows(
        uow, "account", [(account, {"post_id": fresh[account["post_id"]]["id"]}) for account in accounts]
    )
    await _move(uow, "account", "organ_id = $1", organ_id, organ_id=successor_id)
    departments = await uow.fetch(
        "SELECT * FROM department WHERE organ_id = $1 AND (valid_to IS NULL OR valid_to > $2)",
        organ_id,
        today,
    )
    there = await uow.fetch(
        "SELECT name FROM department WHERE organ_id = $1 AND valid_to IS NULL", successor_id
    )
    names = {row["name"] for row in there}
    missing = {row["name"]: row for row in departments if row["name"] not in names}
    await copy_rows(
        uow,
        "department",
        [
            {
                **row,
                "id": uuid4(),
                "organ_id": successor_id,
                "valid_from": max(row["valid_from"], today),
                "row_version": 1,
            }
            for row in missing.values()
        ],
    )
    await rewrite_rows(
        uow, "department", [(row, {"valid_to": max(row["valid_from"], today)}) for row in departments]
    )
    return len(posts)


async def _take_cases(uow: UnitOfWork, organ_id: UUID, successor_id: UUID, now: datetime) -> int:
    """The predecessor's part in each case ends and the successor's begins, closed and sealed cases too."""
    parts = await uow.fetch("SELECT * FROM case_organ WHERE organ_id = $1 AND until IS NULL", organ_id)
    held = await uow.fetch(
        "SELECT case_id, role FROM case_organ WHERE organ_id = $1 AND until IS NULL", successor_id
    )
    there = {(row["case_id"], row["role"]) for row in held}
    await rewrite_rows(uow, "case_organ", [(part, {"until": now}) for part in parts])
    await copy_rows(
        uow,
        "case_organ",
        [
            {**part, "id": uuid4(), "organ_id": successor_id, "since": now, "row_version": 1}
            for part in parts
            if (part["case_id"], part["role"]) not in there
        ],
    )
    return len({part["case_id"] for part in parts})


async def _readdress(uow: UnitOfWork, organ_id: UUID, successor_id: UUID) -> int:
    """What still waits in an open case: for a signature, or, an original, for an answer. The documents stay as written."""
    letters = await uow.fetch(
        "SELECT l.* FROM letter l JOIN cases c ON c.id = l.case_id WHERE l.to_organ = $1 AND c.closed_at IS NULL"
        " AND (l.state IN ('accepted', 'delivered') OR (l.state = 'signed' AND l.copy_of IS NULL))",
        organ_id,
    )
    await change_rows(uow, "letter", letters, to_organ=successor_id)
    return len(letters)


async def _move(uow: UnitOfWork, table: str, condition: str, *of: Any, **change: Any) -> int:
    rows = await uow.fetch(f"SELECT * FROM {table} WHERE {condition}", *of)
    await change_rows(uow, table, rows, **change)
    return len(rows)


async def _take_notices(uow: UnitOfWork, organ_id: UUID, successor_id: UUID) -> int:
    moved = await uow.execute(
        "UPDATE notice SET organ_id = $2 WHERE organ_id = $1 AND read_at IS NULL", organ_id, successor_id
    )
    return int(moved.rpartition(" ")[2])
