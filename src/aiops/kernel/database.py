"""PostgreSQL: a pool, and transactions that commit once, on purpose, before the reply exists."""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import psycopg
from sqlalchemy import event, exc, text

from aiops.kernel.errors import Invalid, Unavailable
from aiops.kernel.events import Event, EventEnvelope, envelope

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class Transaction(Protocol):
    """What a use case holds: it states facts and commits once. Stores take the connection behind it."""

    def publish(self, event: Event) -> None:
        """State a fact: stored with this transaction, told to handlers and live readers after its commit."""

    async def commit(self) -> None:
        """Make all of it durable. Left uncommitted, everything is rolled back, events included."""

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the others may see what was written: also where it stays unknown whether they do."""


class Transactions(Protocol):
    """Opens transactions; `async with transactions.begin() as tx: …; await tx.commit()`."""

    def begin(self) -> Any:
        """An async context manager giving a `Transaction`."""

    def look(self) -> Any:
        """As `begin`, to read: each statement sees what is committed by then, and nothing can be committed."""


class SqlTransaction:
    """The real `Transaction`: `connection` is SQLAlchemy's, `raw` is psycopg's (for COPY)."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox | None, audit: Audit | None = None) -> None:
        self.connection = connection
        self._outbox = outbox
        self._audit = audit
        self._events: list[EventEnvelope] = []
        self._after: list[Callable[[], None]] = []
        self.committed = False

    async def raw(self) -> psycopg.AsyncConnection[Any]:
        # SQLAlchemy commits only what it knows to have begun, and it does not see the driver's own work.
        if not self.connection.in_transaction():
            await self.connection.begin()
        fairy = await self.connection.get_raw_connection()
        driver = fairy.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        return driver

    def publish(self, event: Event) -> None:
        self._events.append(envelope(event))

    def after_commit(self, call: Callable[[], None]) -> None:
        self._after.append(call)

    async def commit(self) -> None:
        if self.committed:
            raise RuntimeError("A transaction commits once; open another for the next unit of work.")
        if self._events and self._outbox is not None:
            await self._outbox.store(self.connection, self._events)
        if self._audit is not None:
            await self._audit.done(self.connection, self._events)
        try:
            await self.connection.commit()
        finally:
            for call in self._after:
                call()
        self.committed = True
        if self._events and self._outbox is not None:
            self._outbox.announce(self._events)


class Audit(Protocol):
    """Writes who does what, in the transaction that does it."""

    async def done(self, connection: AsyncConnection, events: list[EventEnvelope]) -> None: ...


class Outbox(Protocol):
    """Keeps events with the rows they speak of, and wakes those who wait for them."""

    async def store(self, connection: AsyncConnection, events: list[EventEnvelope]) -> None: ...

    def announce(self, events: list[EventEnvelope]) -> None: ...


class Database:
    """One pool of connections. `url` is a libpq or SQLAlchemy URL of a PostgreSQL ≥ 15.

    `problem` is asked for the reason where the database is gone: who runs it may know.
    """

    def __init__(self, url: str, *, pool_size: int = 10, problem: Callable[[], str | None] = lambda: None) -> None:
        # Brings the ORM with it, which takes as long to import as all the rest of SQLAlchemy.
        from sqlalchemy.ext.asyncio import create_async_engine

        self.url = url
        self._problem = problem
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        event.listen(self.engine.sync_engine, "checkout", _check_alive)
        self._looking = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.outbox: Outbox | None = None
        self.audit: Audit | None = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """Raises `Unavailable` where the database is gone, `Invalid` for a value that PostgreSQL can't hold."""
        with _stated_failures(self._problem):
            async with self._begin() as transaction:
                yield transaction

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[SqlTransaction]:
        async with self.engine.connect() as connection:
            transaction = SqlTransaction(connection, self.outbox, self.audit)
            try:
                yield transaction
            finally:
                if not transaction.committed:
                    await connection.rollback()

    @asynccontextmanager
    async def look(self) -> AsyncIterator[SqlTransaction]:
        """Without the two trips that begin and end a transaction. Raises as `begin`."""
        with _stated_failures(self._problem):
            async with self._looking.connect() as connection:
                transaction = SqlTransaction(connection, None)
                transaction.committed = True
                yield transaction

    async def ping(self) -> None:
        """Raises `Unavailable` where it does not answer."""
        with _stated_failures(self._problem):
            async with self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def _check_alive(adapted: Any, _record: Any, _fairy: Any) -> None:
    """A kept connection whose server is gone is replaced, and all older ones with it.

    SQLAlchemy's own way is a trip to the server for each transaction. A server that ends says so on the socket.
    """
    connection = adapted.driver_connection.pgconn
    waiting = select.poll()
    try:
        waiting.register(connection.socket, select.POLLIN)
        # A server that ends says why first, and is gone only behind that.
        while waiting.poll(0):
            connection.consume_input()
    except psycopg.OperationalError as error:
        raise exc.InvalidatePoolError(str(error)) from error


DISK_FULL = "The disk of the database is full: free some space."
_NO_ANSWER = "The database does not answer; try again."
_GONE = (
    exc.OperationalError,
    exc.InterfaceError,
    exc.PendingRollbackError,
    exc.TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


@contextmanager
def _stated_failures(problem: Callable[[], str | None]) -> Iterator[None]:
    """What the caller can act on, in the words of kernel.errors; every other error stays what it is."""
    try:
        yield
    except _GONE as error:
        full = isinstance(getattr(error, "orig", error), psycopg.errors.DiskFull)
        # A connection that is refused for it says so in words only.
        if full or "No space left on device" in str(error):
            raise Unavailable(DISK_FULL) from error
        if isinstance(getattr(error, "orig", error), psycopg.errors.ProgramLimitExceeded):
            # Asked again, it fails again.
            raise Invalid("A value is longer than what can be kept, or there are too many of them.") from error
        raise Unavailable(problem() or _NO_ANSWER) from error
    except (exc.DataError, psycopg.DataError) as error:
        raise Invalid("A value is out of what can be kept: a zero byte, or too large a number or date.") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(problem() or _NO_ANSWER) from error
        raise


def sqlalchemy_url(url: str) -> str:
    """`postgres://` and `postgresql://` as SQLAlchemy wants them for psycopg 3."""
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    raise ValueError("AIOPS_DATABASE_URL must start with postgresql://")


def connection_of(tx: Transaction) -> AsyncConnection:
    """The SQLAlchemy connection behind a transaction; for stores only."""
    assert isinstance(tx, SqlTransaction)
    return tx.connection


async def raw_connection_of(tx: Transaction) -> psycopg.AsyncConnection[Any]:
    """The psycopg connection behind a transaction, for COPY; for stores only."""
    assert isinstance(tx, SqlTransaction)
    return await tx.raw()


Handler = Callable[[Transaction, Event], Any]
