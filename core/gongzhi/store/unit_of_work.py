"""The unit of work: one READ COMMITTED transaction, rows as dicts, a record of the audited rows it touched.

Table and column names are checked against the catalogue, so a name never carries SQL. Everybody in core who
reads or writes the database does it through one of these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg

from gongzhi.errors import RowChanged
from gongzhi.store.engine import CONNECTION_LOST, Jsonb, JsonText, StoreEngine, engine_in_use
from gongzhi.store.faults import connection_faults, store_faults

Row = dict[str, Any]

AUDITED = frozenset(
    {
        "cases",
        "case_organ",
        "case_export",
        "letter",
        "deadline",
        "enablement",
        "role_binding",
        "organ",
        "department",
        "person",
        "post",
        "account",
        "directory_import",
        "organ_successor",
        "deputyship",
        "reveal",
        "case_grant",
        "external_identity",
        "app",
        "app_grant",
        "second_factor",
    }
)
"""Tables whose rows are folded into the audit log; each has `id` and `row_version`."""

CHANNEL = "gongzhi_changed"
"""Where PostgreSQL's NOTIFY says that something changed: `case:<id>`, `account:<id>` or `RIGHTS`."""
RIGHTS = "rights"
_OF_RIGHTS = frozenset({"post", "organ", "enablement", "deputyship"})
"""Tables that say who may what where; an `account` is told of by its id."""

_PARAMETERS_PER_STATEMENT = 30_000  # the protocol counts them in 16 bits


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """One audited row before and after, whole and as stored; None before an insert and after a delete."""

    table: str
    id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class UnitOfWork:
    """A transaction to use with `async with`: commits on a clean exit, rolls back on any exception.

    `changes` holds the audited rows touched, in order. Piccolo queries made inside take part.
    A unit of work inside another one is refused by Piccolo (`TransactionError`); use `savepoint`.
    """

    connection: asyncpg.Connection[Any]
    changes: list[RowChange]

    def __init__(self, engine: StoreEngine, home: Path) -> None:
        self._engine, self._home = engine, home
        self._stack = AsyncExitStack()
        self._savepoints = 0
        self._touched: set[UUID] = set()
        self.changes = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.enter_context(store_faults(self._home))
            stack.enter_context(engine_in_use(self._engine))
            transaction = self._engine.transaction(allow_nested=False)
            with connection_faults(self._home):
                await stack.enter_async_context(transaction)
            self.connection = transaction.connection
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        words = self._words() if exception is None else set()
        if words:
            try:
                for word in words:
                    await self.notify(word)
            except BaseException as problem:
                await self._stack.__aexit__(type(problem), problem, problem.__traceback__)
                raise
        await self._stack.__aexit__(exception_type, exception, traceback)
        if exception is None and self._touched:
            self._engine.on_commit(frozenset(self._touched))

    def _words(self) -> set[str]:
        words = {RIGHTS for change in self.changes if change.table in _OF_RIGHTS}
        accounts = {change.id for change in self.changes if change.table == "account"}
        return words | {f"account:{account}" for account in accounts} if len(accounts) <= 10 else {RIGHTS}

    def touch(self, case_id: UUID) -> None:
        """Something about this case changes that is no row of its own."""
        self._touched.add(case_id)

    async def notify(self, word: str) -> None:
        """Wake whoever has something open, when this commits. Only for what is rare: commits that do so take turns."""
        await self.connection.execute("SELECT pg_notify($1, $2)", CHANNEL, word)

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """All rows of a statement."""
        return [_plain(record) for record in await self.connection.fetch(sql, *args)]

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """The first row of a statement, or None."""
        record = await self.connection.fetchrow(sql, *args)
        return None if record is None else _plain(record)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return _value(await self.connection.fetchval(sql, *args))

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement for its effect; answers PostgreSQL's command tag, such as `UPDATE 1`.

        Changes to audited tables go through `insert`, `update` and `delete`, which record them.
        """
        return await self.connection.execute(sql, *args)

    async def insert(self, table: str, *rows: Mapping[str, Any]) -> list[Row]:
        """Insert rows, in order, and return them whole; a column that a row leaves out gets its default."""
        if not rows:
            return []
        types = await self._engine.columns(self.connection, table)
        names = [name for name in types if any(name in row for row in rows)]
        _refuse_unknown(table, types, (name for row in rows for name in row))
        inserted: list[Row] = []
        step = max(1, _PARAMETERS_PER_STATEMENT // max(1, len(names)))
        for start in range(0, len(rows), step):
            inserted += await self._insert_some(table, names, types, rows[start : start + step])
        self._touched.update(case_id for row in inserted if (case_id := _case_of(table, row)))
        if table in AUDITED:
            self.changes += [RowChange(table=table, id=row["id"], before=None, after=row) for row in inserted]
        return inserted

    async def _insert_some(
        self, table: str, names: Sequence[str], types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]
    ) -> list[Row]:
        args: list[Any] = []
        tuples = []
        for row in rows:
            places = []
            for name in names:
                if name in row:
                    args.append(_argument(types[name], row[name]))
                    places.append(f"${len(args)}")
                else:
                    places.append("DEFAULT")
            tuples.append(f"({', '.join(places)})")
        columns = ", ".join(f'"{name}"' for name in names)
        return await self.fetch(
            f'INSERT INTO "{table}" ({columns}) VALUES {", ".join(tuples)} RETURNING *', *args
        )

    async def update(self, table: str, row: Mapping[str, Any], /, **changes: Any) -> Row:
        """Change a row read before, if nobody else did meanwhile; return it whole, `row_version` one higher.

        `row` is the row as read; where it is only part of one, the rest is read (and locked) for the record.

        Raises:
            RowChanged: the row's version in the database is another, or the row is gone.
        """
        types = await self._engine.columns(self.connection, table)
        _refuse_unknown(table, types, changes)
        before = await self._whole(table, types, row)
        args = [_argument(types[name], value) for name, value in changes.items()]
        sets = [f'"{name}" = ${place}' for place, name in enumerate(changes, start=3)]
        after = await self.fetchrow(
            f'UPDATE "{table}" SET {", ".join([*sets, "row_version = row_version + 1"])} '
            "WHERE id = $1 AND row_version = $2 RETURNING *",
            row["id"],
            row["row_version"],
            *args,
        )
        if after is None:
            raise RowChanged(where=f"/{table}/{row['id']}")
        if case_id := _case_of(table, after):
            self._touched.add(case_id)
        if table in AUDITED:
            self.changes.append(RowChange(table=table, id=after["id"], before=before, after=after))
        return after

    async def delete(self, table: str, row: Mapping[str, Any], /) -> None:
        """Delete a row read before, if nobody changed it meanwhile.

        Raises:
            RowChanged: the row's version in the database is another, or the row is gone.
        """
        await self._engine.columns(self.connection, table)
        before = await self.fetchrow(
            f'DELETE FROM "{table}" WHERE id = $1 AND row_version = $2 RETURNING *',
            row["id"],
            row["row_version"],
        )
        if before is None:
            raise RowChanged(where=f"/{table}/{row['id']}")
        if table in AUDITED:
            self.changes.append(RowChange(table=table, id=before["id"], before=before, after=None))

    async def columns(self, table: str) -> Mapping[str, str]:
        """Types of a table's columns by name, in order of definition. Raises `LookupError` for no such table."""
        return await self._engine.columns(self.connection, table)

    async def _whole(self, table: str, types: Mapping[str, str], row: Mapping[str, Any]) -> Row:
        if table not in AUDITED or types.keys() == row.keys():
            return dict(row)
        whole = await self.fetchrow(
            f'SELECT * FROM "{table}" WHERE id = $1 AND row_version = $2 FOR UPDATE',
            row["id"],
            row["row_version"],
        )
        if whole is None:
            raise RowChanged(where=f"/{table}/{row['id']}")
        return whole

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that may fail alone: an exception undoes it, and its changes, and goes on to the caller."""
        mark = len(self.changes)
        name = await self._set_savepoint()
        try:
            yield
        except BaseException:
            del self.changes[mark:]
            await self._undo(name)
            raise
        await self.connection.execute(f"RELEASE SAVEPOINT {name}")

    @asynccontextmanager
    async def read_only(self) -> AsyncIterator[None]:
        """A part that can't write nor take long, for SQL that isn't ours; whatever it sets is undone at its end.

        A statement that takes longer than two seconds raises `asyncpg.QueryCanceledError`: it holds a connection, and
        there are few.
        """
        name = await self._set_savepoint()
        try:
            await self.connection.execute(
                "SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '2s'"
            )
            yield
        finally:
            await self._undo(name)

    async def _set_savepoint(self) -> str:
        self._savepoints += 1
        name = f"savepoint_{self._savepoints}"
        await self.connection.execute(f"SAVEPOINT {name}")
        return name

    async def _undo(self, name: str) -> None:
        with suppress(*CONNECTION_LOST):
            await self.connection.execute(f"ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")


def _case_of(table: str, row: Mapping[str, Any]) -> UUID | None:
    """The case that a row belongs to, if it does."""
    case_id: UUID | None = row["id"] if table == "cases" else row.get("case_id")
    return case_id


def _plain(record: asyncpg.Record) -> Row:
    return {name: _value(value) for name, value in record.items()}


def _value(value: Any) -> Any:
    return value.decoded() if type(value) is JsonText else value


def _argument(column_type: str, value: Any) -> Any:
    if column_type not in ("json", "jsonb") or value is None or isinstance(value, Jsonb):
        return value
    return Jsonb(value)


def _refuse_unknown(table: str, types: Mapping[str, str], names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(types))
    if unknown:
        raise LookupError(f"table {table} has no column {', '.join(unknown)}")
