"""What the store holds already of what an import speaks of, read once and indexed; all rows are whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gongzhi.store.unit_of_work import UnitOfWork

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Known:
    """Organs all of them; departments of organs; people, posts and accounts that the file may mean."""

    organs: dict[UUID, Row] = field(default_factory=dict)
    departments: dict[tuple[UUID, str], Row] = field(default_factory=dict)
    people: dict[UUID, Row] = field(default_factory=dict)
    posts: dict[UUID, Row] = field(default_factory=dict)
    accounts: dict[str, Row] = field(default_factory=dict)


async def known_to(uow: UnitOfWork, logins: Collection[str], staff_codes: Collection[str]) -> Known:
    """The rows that an import of these logins and staff codes can touch or clash with.

    A department that has ended is left out: one of its name may begin anew.
    """
    organs = await uow.fetch("SELECT * FROM organ")
    departments = await uow.fetch("SELECT * FROM department WHERE valid_to IS NULL")
    accounts = await uow.fetch(
        "SELECT id, login, kind, person_id, post_id FROM account WHERE login = ANY($1)", list(logins)
    )
    people = await uow.fetch(
        "SELECT * FROM person WHERE staff_code = ANY($1) OR id = ANY($2)",
        list(staff_codes),
        [row["person_id"] for row in accounts if row["person_id"] is not None],
    )
    posts = await uow.fetch("SELECT * FROM post WHERE person_id = ANY($1)", [row["id"] for row in people])
    return Known(
        organs=_by_id(organs),
        departments={(row["organ_id"], row["name"]): row for row in departments},
        people=_by_id(people),
        posts=_by_id(posts),
        accounts={row["login"]: row for row in accounts},
    )


def _by_id(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, Row]:
    return {row["id"]: dict(row) for row in rows}
