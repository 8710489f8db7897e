"""An import as it is done and undone: one transaction, the whole plan or nothing, each row in the audit log.

Undoing is possible for `UNDO_DAYS` and only while nothing has been built on the rows: it is looked for in every
table that names rows by id, so a table that comes later is heeded too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import orjson

from gongzhi.errors import ImportBuiltOn, ImportClosed, NoSuchThing
from gongzhi.identity.acting import legal_day
from gongzhi.identity.imports.known import Row, known_to
from gongzhi.identity.imports.plan import TABLES, Plan, Planner, Table
from gongzhi.identity.imports.sheets import Book
from gongzhi.identity.regions import RegionTree
from gongzhi.identity.revoking import revoke_new_administrators
from gongzhi.store import UnitOfWork, copy_rows, delete_rows, rewrite_rows

UNDO_DAYS: Final = 30
"""For so long an import can be undone; then what was before is forgotten."""

NAMED: Final = 10
"""Rows that a refusal to undo names."""

_LOCK: Final = (
    "LOCK TABLE person IN EXCLUSIVE MODE;"
    "LOCK TABLE organ, department, post, account, directory_import IN SHARE ROW EXCLUSIVE MODE"
)
"""Nobody else may write the directory meanwhile; reading and signing in go on.

People first and harder: whoever gives a post locks its person before looking at the duties that they have.
"""

_REFERENCES: Final = """
SELECT c.table_name, c.column_name, EXISTS (
    SELECT FROM information_schema.columns i
    WHERE (i.table_schema, i.table_name, i.column_name) = (c.table_schema, c.table_name, 'id')
) AS has_id
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.data_type = 'uuid'
    AND c.table_name <> 'directory_import_row'
    AND NOT (c.column_name = 'id' AND c.table_name IN ('organ', 'department', 'person', 'post', 'account'))
ORDER BY c.table_name, c.column_name
"""

_DEPARTMENTS: Final = """
SELECT o.table_name, o.column_name AS organ, d.column_name AS department
FROM information_schema.columns o JOIN information_schema.columns d USING (table_schema, table_name)
WHERE o.table_schema = current_schema()
    AND (o.column_name, d.column_name) IN (('organ_id', 'department'), ('to_organ', 'to_department'))
ORDER BY o.table_name
"""


async def make_plan(uow: UnitOfWork, tree: RegionTree, book: Book, now: datetime) -> Plan:
    """What importing the book would do now."""
    logins = {row.cells.get("login", "").strip().lower() for _, row in book.rows["people"]}
    staff_codes = {row.cells.get("staff_code", "") for _, row in book.rows["people"]}
    known = await known_to(uow, logins, staff_codes)
    return Planner(tree, known, today=legal_day(now), now=now).plan(book)


async def hold_directory(uow: UnitOfWork) -> None:
    """Keep others from writing the directory until the unit of work ends."""
    await uow.execute(_LOCK)


async def carry_out(
    uow: UnitOfWork, plan: Plan, *, sha256: bytes, now: datetime, account_id: UUID | None = None
) -> UUID:
    """Store a plan without faults, made in this unit of work under `hold_directory`, and answer its id."""
    assert not plan.faults
    import_id = uuid4()
    await uow.insert(
        "directory_import",
        {
            "id": import_id,
            "at": now,
            "account_id": account_id,
            "sha256": sha256,
            "added": plan.count("add"),
            "changed": plan.count("change"),
            "ended": plan.count("end"),
        },
    )
    for table in TABLES:
        await copy_rows(uow, table, plan.added[table])
        await rewrite_rows(uow, table, plan.changed[table])
    await _revoke(uow, plan.changed, now)
    await uow.connection.copy_records_to_table(
        "directory_import_row",
        records=_footprints(import_id, plan),
        columns=["import_id", "table_name", "row_id", "row_version", "before"],
    )
    return import_id


async def _revoke(uow: UnitOfWork, changed: Mapping[Table, Sequence[tuple[Row, Row]]], now: datetime) -> None:
    posts = [row["id"] for row, new in changed["post"] if "duties" in new]
    accounts = [row["id"] for row, new in changed["account"] if "post_id" in new]
    await revoke_new_administrators(uow, now, posts=posts, accounts=accounts)


def _footprints(import_id: UUID, plan: Plan) -> Iterator[tuple[UUID, str, UUID, int, str | None]]:
    for table in TABLES:
        for row in plan.added[table]:
            yield import_id, table, row["id"], row["row_version"], None
        for row, new in plan.changed[table]:
            before = orjson.dumps({name: row[name] for name in new}).decode()
            yield import_id, table, row["id"], row["row_version"] + 1, before


async def undo(uow: UnitOfWork, import_id: UUID, now: datetime) -> Row:
    """Take an import back, and answer its row: what it added goes, what it changed is as it was.

    Raises:
        NoSuchThing: there is no such import.
        ImportClosed: it was undone before, or is too old.
        ImportBuiltOn: rows of it are in use, or were changed since.
    """
    await hold_directory(uow)
    kept = await uow.fetchrow("SELECT * FROM directory_import WHERE id = $1", import_id)
    if kept is None:
        raise NoSuchThing(where="/import")
    if kept["undone_at"] is not None or now - kept["at"] > timedelta(days=UNDO_DAYS):
        raise ImportClosed(where="/import", days=UNDO_DAYS)
    await _refuse_used(uow, import_id)
    added: dict[str, dict[UUID, int]] = defaultdict(dict)
    changed: dict[Table, list[tuple[Row, Row]]] = defaultdict(list)
    for table in TABLES:
        types = await uow.columns(table)
        for row in await uow.fetch(
            f"SELECT t.*, r.before AS was FROM directory_import_row r JOIN {table} t ON t.id = r.row_id"
            " WHERE r.import_id = $1 AND r.table_name = $2",
            import_id,
            table,
        ):
            was = row.pop("was")
            if was is None:
                added[table][row["id"]] = row["row_version"]
            else:
                before = orjson.loads(was)
                changed[table].append((row, {name: _read(types[name], before[name]) for name in before}))
    for table in reversed(TABLES):
        await rewrite_rows(uow, table, changed[table])
    await _revoke(uow, changed, now)
    try:
        for table in reversed(TABLES):
            await delete_rows(uow, table, added[table])
    except asyncpg.ForeignKeyViolationError as error:
        raise ImportBuiltOn(where="/import", count=1, rows=error.table_name or "-") from error
    return await uow.update("directory_import", kept, undone_at=now)


async def _refuse_used(uow: UnitOfWork, import_id: UUID) -> None:
    found: set[tuple[str, UUID]] = set()
    for table in TABLES:
        moved = await uow.fetch(
            f"SELECT r.row_id FROM directory_import_row r LEFT JOIN {table} t ON t.id = r.row_id"
            " WHERE r.import_id = $1 AND r.table_name = $2 AND t.row_version IS DISTINCT FROM r.row_version",
            import_id,
            table,
        )
        found |= {(table, row["row_id"]) for row in moved}
    for place in await uow.fetch(_REFERENCES):
        within = ""
        if place["has_id"]:
            within = (
                " AND NOT EXISTS (SELECT FROM directory_import_row own WHERE own.import_id = $1"
                " AND own.row_id = x.id AND own.before IS NULL)"
            )
        found |= await _rows(
            uow,
            f'SELECT DISTINCT r.table_name, r.row_id FROM "{place["table_name"]}" x'
            f' JOIN directory_import_row r ON r.row_id = x."{place["column_name"]}"'
            f" WHERE r.import_id = $1 AND r.before IS NULL{within}",
            import_id,
        )
    for place in await uow.fetch(_DEPARTMENTS):
        user, organ, department = (f'"{place[name]}"' for name in ("table_name", "organ", "department"))
        found |= await _rows(
            uow,
            f"SELECT DISTINCT r.table_name, r.row_id FROM {user} x"
            f" JOIN department d ON d.organ_id = x.{organ} AND d.name = x.{department}"
            " JOIN directory_import_row r ON r.row_id = d.id AND r.before IS NULL AND r.import_id = $1"
            " WHERE NOT EXISTS (SELECT FROM directory_import_row own"
            "  WHERE own.import_id = $1 AND own.row_id = x.id AND own.before IS NULL)",
            import_id,
        )
    if found:
        named = [f"{table} {row_id}" for table, row_id in sorted(found)[:NAMED]]
        raise ImportBuiltOn(where="/import", count=len(found), rows=", ".join(named))


async def _rows(uow: UnitOfWork, sql: str, import_id: UUID) -> set[tuple[str, UUID]]:
    return {(row["table_name"], row["row_id"]) for row in await uow.fetch(sql, import_id)}


def _read(column_type: str, value: Any) -> Any:
    if value is None:
        return None
    if column_type == "date":
        return date.fromisoformat(value)
    return UUID(value) if column_type == "uuid" else value
