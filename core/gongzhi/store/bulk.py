"""Many rows at once, at COPY's speed, recorded for the audit log like any others.

For whoever brings in tens of thousands of rows in one unit of work; a few rows go through its own methods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from gongzhi.errors import RowChanged
from gongzhi.store.unit_of_work import AUDITED, RowChange, UnitOfWork

Rewrite = tuple[Mapping[str, Any], Mapping[str, Any]]
"""A row as read, and the columns of it that change."""


async def copy_rows(uow: UnitOfWork, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert whole rows: COPY gives no row back, so each names every column, its defaults too.

    Raises `LookupError` for a row that names fewer columns, or others. JSON columns are not for here.
    """
    if not rows:
        return
    columns = list(await uow.columns(table))
    for row in rows:
        if row.keys() != set(columns):
            odd = ", ".join(sorted(row.keys() ^ set(columns)))
            raise LookupError(f"a whole row of {table} differs from this one in {odd}")
    await uow.connection.copy_records_to_table(
        table, records=[tuple(row[name] for name in columns) for row in rows], columns=columns
    )
    if table in AUDITED:
        uow.changes += [RowChange(table=table, id=row["id"], before=None, after=dict(row)) for row in rows]


async def rewrite_rows(uow: UnitOfWork, table: str, changes: Sequence[Rewrite]) -> None:
    """Change whole rows read before, each once; its `row_version` goes up by one.

    Raises:
        RowChanged: the version of one of them is another by now, or it is gone; nothing may be kept then.
    """
    if not changes:
        return
    columns = list(await uow.columns(table))
    after = [{**row, **change, "row_version": row["row_version"] + 1} for row, change in changes]
    shadow = f"rewrite_{table}"
    await uow.execute(f'CREATE TEMPORARY TABLE IF NOT EXISTS "{shadow}" (LIKE "{table}") ON COMMIT DROP')
    await uow.execute(f'TRUNCATE "{shadow}"')
    await uow.connection.copy_records_to_table(
        shadow, records=[tuple(row[name] for name in columns) for row in after], columns=columns
    )
    sets = ", ".join(f'"{name}" = s."{name}"' for name in columns if name != "id")
    done = await uow.execute(
        f'UPDATE "{table}" t SET {sets} FROM "{shadow}" s'
        " WHERE t.id = s.id AND t.row_version = s.row_version - 1"
    )
    if done != f"UPDATE {len(changes)}":
        raise RowChanged(where=f"/{table}")
    if table in AUDITED:
        uow.changes += [
            RowChange(table=table, id=row["id"], before=dict(before), after=row)
            for (before, _), row in zip(changes, after, strict=True)
        ]


async def change_rows(uow: UnitOfWork, table: str, rows: Sequence[Mapping[str, Any]], **change: Any) -> None:
    """Change whole rows read before, all in the same way; each one's `row_version` goes up by one.

    Raises:
        RowChanged: the version of one of them is another by now, or it is gone; nothing may be kept then.
        LookupError: the table has no such column.
    """
    if not rows:
        return
    columns = await uow.columns(table)
    if unknown := change.keys() - columns.keys():
        raise LookupError(f"table {table} has no column {', '.join(sorted(unknown))}")
    sets = [f'"{name}" = ${place}' for place, name in enumerate(change, start=3)]
    changed = await uow.fetch(
        f'UPDATE "{table}" t SET {", ".join([*sets, "row_version = t.row_version + 1"])}'
        " FROM unnest($1::uuid[], $2::int[]) AS g (id, version)"
        " WHERE t.id = g.id AND t.row_version = g.version RETURNING t.*",
        [row["id"] for row in rows],
        [row["row_version"] for row in rows],
        *change.values(),
    )
    after = {row["id"]: row for row in changed}
    if len(after) != len(rows):
        raise RowChanged(where=f"/{table}")
    for row in changed:
        if case_id := row.get("case_id"):
            uow.touch(case_id)
    if table in AUDITED:
        uow.changes += [
            RowChange(table=table, id=row["id"], before=dict(row), after=after[row["id"]]) for row in rows
        ]


async def delete_rows(uow: UnitOfWork, table: str, versions: Mapping[UUID, int]) -> None:
    """Delete rows by id, each if it still has the version given. Raises `RowChanged` unless all do."""
    gone = await uow.fetch(
        f'DELETE FROM "{table}" t USING unnest($1::uuid[], $2::int[]) AS g (id, row_version)'
        " WHERE t.id = g.id AND t.row_version = g.row_version RETURNING t.*",
        list(versions),
        list(versions.values()),
    )
    if len(gone) != len(versions):
        raise RowChanged(where=f"/{table}")
    if table in AUDITED:
        uow.changes += [RowChange(table=table, id=row["id"], before=row, after=None) for row in gone]
