"""Piccolo's engine as the store uses it: a pool of its own, decoded values, several statements in one text.

What Piccolo's tables talk to is `CurrentEngine`, which hands every query to the store at hand. So a
process may hold several stores (a worker on another loop, a test), though Piccolo keeps an engine per class.
Only the store room imports this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

import asyncpg
import orjson
from piccolo.engine.postgres import Atomic, PostgresEngine, PostgresTransaction
from piccolo.querystring import QueryString

from gongzhi.declarations import Json


class Jsonb:
    """Marks a value as a JSON argument: `Jsonb({"a": 1})`; a bare string is JSON text as it stands."""

    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value


class JsonText(str):
    """JSON as the server sent it: Piccolo gets the string, the unit of work the value."""

    __slots__ = ()

    def decoded(self) -> Json:
        """The value."""
        return orjson.loads(self.encode())


def _json_encoded(value: Json) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value.value if isinstance(value, Jsonb) else value).decode()


def _uuid_encoded(value: UUID | str) -> bytes:
    return value.bytes if hasattr(value, "bytes") else UUID(value).bytes


async def prepare_connection(connection: asyncpg.Connection[Any]) -> None:
    """Teach a new connection our JSON and uuid forms (orjson refuses asyncpg's own uuid class)."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_json_encoded, decoder=JsonText, format="text"
        )
    await connection.set_type_codec(
        "uuid",
        schema="pg_catalog",
        encoder=_uuid_encoded,
        decoder=lambda raw: UUID(bytes=bytes(raw)),
        format="binary",
    )


CLOSING_SECONDS = 10
WAITING_SECONDS = 10
"""For a connection of the pool: who waits longer is told so, while others are still answered."""

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What asyncpg raises on a connection that is no more."""


class StoreTransaction(PostgresTransaction):
    """Piccolo's transaction, READ COMMITTED, whose connection goes back to the pool whatever happens.

    It says BEGIN and COMMIT itself: asyncpg's transaction does not tell a commit that PostgreSQL answered with
    ROLLBACK, as it does when a statement failed and somebody swallowed the error.
    """

    engine: StoreEngine
    finished: bool
    _own_pool: asyncpg.Pool[Any]

    def __init__(self, engine: StoreEngine, allow_nested: bool = True) -> None:
        current = engine.current_transaction.get()
        if isinstance(current, StoreTransaction) and current.finished:
            # A task inherits the transaction of whoever started it, and may outlive it.
            engine.current_transaction.set(None)
        self.finished = False
        super().__init__(engine, allow_nested=allow_nested)

    async def __aenter__(self) -> Self:
        if self._parent is not None:
            return cast(Self, self._parent)
        self._own_pool = self.engine.running_pool
        self.connection = await self._own_pool.acquire(timeout=WAITING_SECONDS)
        try:
            await self._whole(self.begin())
        except BaseException:
            await self._own_pool.release(self.connection)
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def _whole(self, statement: Coroutine[Any, Any, None]) -> None:
        """BEGIN or COMMIT. Who is cancelled in the middle of it does not know how far it came, so it is ended."""
        try:
            await statement
        except asyncio.CancelledError:
            await self.rollback()
            raise

    async def begin(self) -> None:
        await self.connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")

    async def commit(self) -> None:
        """Commit.

        Raises:
            asyncpg.InFailedSQLTransactionError: a statement failed before, so nothing was stored.
        """
        if await self.connection.execute("COMMIT") != "COMMIT":
            raise asyncpg.InFailedSQLTransactionError("a statement failed before; nothing was stored")

    async def rollback(self) -> None:
        """Roll back; on a connection that was lost the server has done so."""
        with suppress(*CONNECTION_LOST):
            await self.connection.execute("ROLLBACK")

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._parent is not None:
            return False
        try:
            if exception is None:
                await self._whole(self.commit())
            else:
                await self.rollback()
        finally:
            self.finished = True
            self.engine.current_transaction.reset(self.context)
            await self._own_pool.release(self.connection)
        return False


_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) AS type
FROM pg_attribute
WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


class StoreEngine(PostgresEngine):
    """A PostgreSQL engine that checks nothing on its own: the store looks at the server when it opens."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._columns: dict[str, Mapping[str, str]] = {}
        self.on_commit: Callable[[frozenset[UUID]], None] = lambda _case_ids: None
        """Told after each commit which cases it touched; it must return at once."""
        super().__init__(config=config)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection of the pool, outside of any transaction."""
        async with self.running_pool.acquire() as connection:
            # The proxy of a pooled connection has the connection's own methods.
            yield cast("asyncpg.Connection[Any]", connection)

    async def close_connection_pool(self) -> None:
        """Close the pool; a connection that is not given back in time is cut."""
        if self.pool is None:
            return
        pool, self.pool = self.pool, None
        try:
            await asyncio.wait_for(pool.close(), timeout=CLOSING_SECONDS)
        except TimeoutError:
            pool.terminate()

    @property
    def running_pool(self) -> asyncpg.Pool[Any]:
        """The pool that the store started."""
        if self.pool is None:
            raise RuntimeError("the store is closed")
        return self.pool

    async def columns(self, connection: asyncpg.Connection[Any], table: str) -> Mapping[str, str]:
        """Types of a table's columns by name, in order of definition; remembered until the next migration.

        Raises:
            LookupError: there is no such table.
        """
        if table not in self._columns:
            found = await connection.fetch(_COLUMNS, table)
            if not found:
                raise LookupError(f"there is no table {table}")
            self._columns[table] = {record["attname"]: record["type"] for record in found}
        return self._columns[table]

    def transform_response_to_dicts(self, results: Any) -> list[dict[str, Any]]:
        """Rows as Piccolo wants them, JSON as a plain string (orjson refuses subclasses of it)."""
        return [
            {name: str(value) if type(value) is JsonText else value for name, value in record.items()}
            for record in results
        ]

    def transaction(self, allow_nested: bool = True) -> StoreTransaction:
        """A transaction; inside another one it joins that, or is refused when nesting isn't allowed."""
        return StoreTransaction(self, allow_nested=allow_nested)

    def forget_columns(self) -> None:
        """Look columns up afresh, since a migration may have changed them."""
        self._columns.clear()

    async def check_version(self) -> None:
        """Left to the store, which has a pool; Piccolo would open a connection on a thread of its own."""

    async def prep_database(self) -> None:
        """No extension is asked for: what the core needs is in any PostgreSQL."""

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        """Run one statement, or several without arguments, which asyncpg's prepared statements can't be."""
        text, arguments = querystring.compile_string(engine_type=self.engine_type)
        if arguments or ";" not in text.strip().rstrip(";"):
            return await super().run_querystring(querystring, in_pool=in_pool)
        transaction = self.current_transaction.get()
        if transaction:
            await transaction.connection.execute(text)
        else:
            async with self.connection() as connection:
                await connection.execute(text)
        return []


_engine: ContextVar[StoreEngine] = ContextVar("gongzhi_store_engine")


@contextmanager
def engine_in_use(engine: StoreEngine) -> Iterator[None]:
    """Within this context Piccolo's tables talk to `engine`."""
    token = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(token)


class CurrentEngine(StoreEngine):
    """The engine that Piccolo finds: every query goes to the store in use, and to none outside of one."""

    def __init__(self) -> None:
        super().__init__(config={})

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        return await _engine.get().run_querystring(querystring, in_pool=in_pool)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        return await _engine.get().run_ddl(ddl, in_pool=in_pool)

    async def batch(self, *args: Any, **kwargs: Any) -> Any:
        return await _engine.get().batch(*args, **kwargs)

    def transaction(self, allow_nested: bool = True) -> StoreTransaction:
        return _engine.get().transaction(allow_nested=allow_nested)

    def atomic(self) -> Atomic:
        return _engine.get().atomic()
