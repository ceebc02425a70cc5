"""PostgreSQL over asyncpg: a connection pool, transactions with events and notifications, JSON as Python values."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg

from firebell.kit.clock import CheckedClock
from firebell.kit.db import builtin_types, jsonb, keepalive
from firebell.kit.db.events import Actor, Reactions, payload
from firebell.kit.db.notifier import Notifier, WakeUp
from firebell.kit.db.pool_usage import PoolUsage
from firebell.kit.errors import Unavailable

T = TypeVar("T")
Row = asyncpg.Record
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

_SERVER_ERRORS = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresSystemError,
)
AWAY = (OSError, TimeoutError, *_SERVER_ERRORS)
"""Errors of a database that is down, starting, stopping, full, locked, or a replica: transient, so retry.

Only of code that uses nothing but the database: elsewhere an `OSError` or `TimeoutError` has other causes.
"""

WORK_CHANNEL = "firebell_work"
LIVE_CHANNEL = "firebell_live"
WARM = 2
"""Connections that each pool opens at startup; more are opened when needed, and closed after five idle minutes."""

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "The database's disk is full."),
    (asyncpg.TooManyConnectionsError, "The database has no connection left."),
    (asyncpg.InsufficientResourcesError, "The database has run out of memory or another resource."),
    (asyncpg.ReadOnlySQLTransactionError, "The database is read-only."),
    (asyncpg.LockNotAvailableError, "Another program holds a lock in the database."),
    (asyncpg.QueryCanceledError, "The database took too long."),
    (asyncpg.PostgresSystemError, "The database cannot read or write its files."),
    (TimeoutError, "The database did not answer in time."),
    (Exception, "The database cannot be reached."),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the server lets a connection's statements run, wait for a lock, or leave a transaction idle.

    A COMMIT is safe: PostgreSQL aborts it before its outcome is decided, or lets it succeed.
    """

    statement_s: int
    lock_s: int
    idle_in_transaction_s: int

    @property
    def answer_s(self) -> float:
        """How long this process waits for an answer: longer than the server works, so outcomes are rarely unknown."""
        return self.statement_s + _ANSWER_GRACE_S


WORK_LIMITS = Limits(statement_s=50, lock_s=5, idle_in_transaction_s=60)
"""For the worker, which no one waits for."""
REQUEST_LIMITS = Limits(statement_s=20, lock_s=5, idle_in_transaction_s=30)
"""For people and clients of the API: an error comes before they give up."""
INGEST_LIMITS = Limits(statement_s=20, lock_s=2, idle_in_transaction_s=30)
"""For senders, which retry: an error comes early instead of waiting for a lock."""
_ANSWER_GRACE_S = 10.0
COMMIT_GRACE_S = 5.0
"""How long a canceled task waits for its commit, so that its outcome is known; then the connection is closed."""
_ROLLBACK_LIMIT_S = 5.0
"""The server also rolls back once the connection is closed."""
_TRUSTED_S, _PROBE_LIMIT_S = 1.0, 3.0
"""How long an idle connection is trusted, and how long one that was idle longer may take to prove that it works."""
_LISTEN_LIMIT_S = 10


async def _prepare(conn: asyncpg.Connection, limits: Limits) -> None:
    """Set keepalives and time limits, map `jsonb` to Python values, and load the array types once."""
    await _guard(conn, limits)
    await _note_release(conn)
    await conn.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=jsonb.encode, decoder=jsonb.decode, format="binary"
    )
    await conn.fetchval(
        "select num_nulls($1::bigint[], $2::int[], $3::smallint[], $4::text[], $5::bytea[],"
        " $6::timestamptz[], $7::jsonb[])",
        *[None] * 7,
    )


async def _guard(conn: asyncpg.Connection, limits: Limits) -> None:
    """Set keepalives on both ends and the server's time limits.

    Uses a statement because poolers reject unknown startup parameters.
    """
    keepalive.set_options(_socket(conn))
    settings = {
        "statement_timeout": f"{limits.statement_s}s",
        "lock_timeout": f"{limits.lock_s}s",
        "idle_in_transaction_session_timeout": f"{limits.idle_in_transaction_s}s",
        **keepalive.SERVER_SETTINGS,
    }
    await conn.execute(
        "select set_config(name, value, false) from unnest($1::text[], $2::text[]) s(name, value)",
        list(settings),
        list(settings.values()),
    )


def _socket(conn: Connection) -> socket.socket:
    sock: socket.socket = conn._transport.get_extra_info("socket")  # type: ignore[union-attr] # no public way
    return sock


def _unavailable(exc: BaseException) -> Unavailable:
    reason = next(text for kind, text in _REASONS if isinstance(exc, kind))
    return Unavailable(f"{reason} Try again in a few seconds.")


class _Pooled(asyncpg.Connection):
    """A connection of the pool that remembers when it was last released, and looks built-in types up only once."""

    released_at = float("-inf")

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:  # noqa: ASYNC109
        """Return what the catalog says about types; the query costs each backend 2 MB and 5 ms of its processor."""
        read = partial(super()._introspect_types, timeout=timeout)  # type: ignore[misc] # the stubs omit it
        return await builtin_types.introspect(typeoids, read)


async def _note_release(conn: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> None:
    """Take the place of the reset of a released connection: only transactions are ever opened on it."""
    assert isinstance(conn, _Pooled)
    conn.released_at = time.monotonic()


@contextmanager
def _connection_errors(conn: Connection) -> Iterator[None]:
    """Raise `Unavailable` for a connection that breaks or gets no answer, and close it: nothing waits for it again."""
    try:
        yield
    except (OSError, TimeoutError) as exc:
        _close(conn)
        raise _unavailable(exc) from exc


class Reads:
    """A read-only connection; each statement sees what was committed when it started."""

    __slots__ = ("conn",)

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        with _connection_errors(self.conn):
            return await self.conn.fetch(sql, *args)

    async def row(self, sql: str, *args: Any) -> Row | None:
        with _connection_errors(self.conn):
            return await self.conn.fetchrow(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        with _connection_errors(self.conn):
            return await self.conn.fetchval(sql, *args)


class Tx(Reads):
    """An open transaction: SQL, events, audit entries and wake-ups; the code that opened it commits."""

    __slots__ = ("_reactions", "clock", "wake_ups")

    def __init__(self, conn: Connection, reactions: Reactions, clock: CheckedClock | None = None) -> None:
        super().__init__(conn)
        self._reactions = reactions
        self.clock = clock
        self.wake_ups: dict[WakeUp, None] = {}

    async def execute(self, sql: str, *args: Any) -> str:
        with _connection_errors(self.conn):
            return await self.conn.execute(sql, *args)

    async def changed(self, sql: str, *args: Any) -> int:
        """Execute an insert, update or delete and return the number of rows that it changed."""
        status = await self.execute(sql, *args)
        return int(status.rpartition(" ")[2])

    async def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with _connection_errors(self.conn):
            await self.conn.executemany(sql, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Roll back only the statements inside if they fail, along with their queued wake-ups."""
        wake_ups = dict(self.wake_ups)
        try:
            async with _transaction(self.conn) as savepoint:
                yield
            with _connection_errors(self.conn):
                await savepoint.commit()
        except BaseException:
            self.wake_ups = wake_ups
            raise

    def is_awaited(self, event: type) -> str:
        """Return the SQL condition under which an event of a type must be emitted.

        A statement that runs anyway returns it, so that an event that nothing waits for takes no round trip.
        """
        return self._reactions.is_awaited(event)

    async def emit(self, event: Any, now: datetime) -> None:
        """Run the `must` subscribers of `event` in this transaction and queue the `then` ones in the outbox."""
        await self.emit_all([event], now)

    async def emit_all(self, events: Sequence[Any], now: datetime) -> None:
        """Emit events of one type; each of its `then` subscribers takes one statement for all."""
        if not events:
            return
        event_type = type(events[0])
        for handler in self._reactions.must.get(event_type, ()):
            for event in events:
                await handler(self, event, now)
        for name in self._reactions.then.get(event_type, ()):
            table = self._reactions.while_rows.get(name)
            stored = await self.changed(
                f"""
                insert into outbox (reaction, payload, created_at, run_at)
                select $1::text, payload, $3::timestamptz, $3
                from unnest($2::jsonb[]) payload
                {f"where exists (select from {table})" if table else ""}
                """,  # noqa: S608 - the name of a table that a slice declares
                name,
                [payload(event) for event in events],
                now,
            )
            if stored:
                await self.wake("outbox")

    async def audit(self, actor: Actor, action: str, subject: str, now: datetime, **detail: Any) -> None:
        """Add an entry to the audit log; it says through what the action came."""
        await self.execute(_AUDIT, *_audit_values(actor, action, subject, now, detail))

    async def audit_each(
        self, actor: Actor, action: str, details: Mapping[str, Mapping[str, Any]], now: datetime
    ) -> None:
        """Add an entry with its detail for each subject, in one round trip."""
        await self.many(
            _AUDIT,
            [_audit_values(actor, action, subject, now, detail) for subject, detail in details.items()],
        )

    async def wake(self, what: str) -> None:
        """Wake the workers of every process once this transaction is committed."""
        self.wake_ups[WakeUp(WORK_CHANNEL, what)] = None

    async def live(self, topic: str) -> None:
        """Tell open browsers that `topic` changed once this transaction is committed."""
        self.wake_ups[WakeUp(LIVE_CHANNEL, topic)] = None


_AUDIT = """
    insert into audit (at, actor_kind, actor_id, actor_label, action, subject, detail)
    values ($1, $2, $3, $4, $5, $6, $7)
"""


def _audit_values(
    actor: Actor, action: str, subject: str, now: datetime, detail: Mapping[str, Any]
) -> tuple[Any, ...]:
    return (now, actor.kind, actor.person_id, actor.label, action, subject, {**detail, **actor.via})


class SingleStatement(Tx):
    """A transaction of one statement, `row`, which commits itself: one round trip instead of three.

    Events may be emitted afterwards to handlers that only queue wake-ups.
    """

    __slots__ = ()

    async def row(self, sql: str, *args: Any) -> Row | None:
        conn, self.conn = self.conn, _NO_CONNECTION
        with _connection_errors(conn):
            return await _settled(conn, conn.fetchrow(sql, *args))


class _NoConnection:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("A single statement is a whole transaction; open one for more with `tx`.")


_NO_CONNECTION: Any = _NoConnection()


def _is_closed(conn: Connection) -> bool:
    try:
        return conn.is_closed()
    except asyncpg.InterfaceError:
        # the pool has taken it back
        return True


def _close(conn: Connection) -> None:
    if not _is_closed(conn):
        conn.terminate()


@asynccontextmanager
async def _usable(conn: asyncpg.pool.PoolConnectionProxy) -> AsyncIterator[None]:
    """Close a connection that broke during a statement, or whose server became read-only."""
    try:
        yield
    except (asyncpg.InternalClientError, asyncpg.ReadOnlySQLTransactionError):
        _close(conn)
        raise


async def _works(conn: asyncpg.pool.PoolConnectionProxy) -> bool:
    """Return False, with the connection closed, if it was idle for a while and does not answer anymore.

    No network can drop a Unix socket silently, so that it is trusted.
    """
    released_at = conn.released_at  # type: ignore[attr-defined] # the proxy passes it on
    if time.monotonic() - released_at < _TRUSTED_S or _socket(conn).family == socket.AF_UNIX:
        return True
    answered = False
    with contextlib.suppress(*AWAY):
        try:
            await conn.execute("select 1", timeout=_PROBE_LIMIT_S)
            answered = True
        finally:
            if not answered:
                _close(conn)
    return answered


@asynccontextmanager
async def _transaction(conn: Connection) -> AsyncIterator[asyncpg.transaction.Transaction]:
    """Open a transaction, or a savepoint in one, which the caller commits; roll back on an error."""
    transaction = conn.transaction()
    with _connection_errors(conn):
        await transaction.start()
    try:
        yield transaction
    except BaseException:
        if not _is_closed(conn):
            with _connection_errors(conn):
                async with asyncio.timeout(_ROLLBACK_LIMIT_S):
                    await transaction.rollback()
        raise


async def _settled(conn: Connection, committing: Coroutine[Any, Any, T]) -> T:
    """Commit, even if the task is canceled: an interrupted commit has an unknown outcome.

    A server that does not respond is given up after `Limits.answer_s`, when its own limit has long ended the commit.
    """
    commit = asyncio.create_task(committing)
    commit.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.wait([commit])
    except asyncio.CancelledError:
        await asyncio.wait([commit], timeout=COMMIT_GRACE_S)
        raise
    finally:
        if not commit.done():
            conn.terminate()
            await asyncio.wait([commit])
    return await commit


class Db:
    """The connection pool: `tx()` opens a transaction, `reads()` serves hot requests that only read."""

    def __init__(self, pool: asyncpg.Pool, reactions: Reactions, dsn: str, *, acquire_s: float) -> None:
        self._pool = pool
        self._acquire_s = acquire_s
        self._reactions = reactions
        self._notifier = Notifier(dsn, patient_channel=LIVE_CHANNEL)
        self.dsn = dsn
        self.clock: CheckedClock | None = None
        """The process's clock if it follows the database's: `fence` checks it."""

    @classmethod
    async def connect(
        cls, dsn: str, reactions: Reactions, *, size: int = 10, limits: Limits = WORK_LIMITS
    ) -> "Db":
        """Open a pool of up to `size` connections."""
        pool = await asyncpg.create_pool(
            dsn,
            min_size=min(WARM, size),
            max_size=size,
            init=partial(_prepare, limits=limits),
            reset=_note_release,
            connection_class=_Pooled,
            command_timeout=limits.answer_s,
        )
        return cls(pool, reactions, dsn, acquire_s=2 * limits.lock_s)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits on exit; raise `Unavailable` when the database is unavailable."""
        async with self._connection() as conn:
            tx = Tx(conn, self._reactions, self.clock)
            async with _transaction(conn) as transaction:
                yield tx
            with _connection_errors(conn):
                await _settled(conn, transaction.commit())
            self._notifier.add(tx.wake_ups)

    @asynccontextmanager
    async def single_statement(self) -> AsyncIterator[SingleStatement]:
        """Open a transaction of one statement; raise `Unavailable` when the database is unavailable."""
        async with self._connection() as conn:
            tx = SingleStatement(conn, self._reactions)
            yield tx
            self._notifier.add(tx.wake_ups)

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[Reads]:
        """Open a read-only connection without the two round trips of a transaction.

        At PostgreSQL's default isolation level, a transaction would give a reader no more guarantees.
        """
        async with self._connection() as conn:
            yield Reads(conn)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        try:
            conn = await self._acquire()
            try:
                async with _usable(conn):
                    yield conn
            finally:
                with _connection_errors(conn):
                    await self._pool.release(conn)
        except _SERVER_ERRORS as exc:
            if isinstance(exc, ValueError):
                # asyncpg raises this for an argument that no column can hold; the database is up
                raise
            raise _unavailable(exc) from exc

    async def _acquire(self) -> asyncpg.pool.PoolConnectionProxy:
        try:
            conn = await self._pool.acquire(timeout=self._acquire_s)
            while not await _works(conn):
                conn = await self._pool.acquire(timeout=self._acquire_s)
        except (OSError, TimeoutError) as exc:
            raise _unavailable(exc) from exc
        return conn

    def pool_usage(self) -> PoolUsage:
        """Return how many connections of the pool are open and in use now."""
        return PoolUsage.of(self._pool)

    async def listen(self, handlers: Mapping[str, Callable[[str], None]]) -> asyncpg.Connection:
        """Open a dedicated connection that passes each notification's payload to its channel's handler."""
        conn = await asyncpg.connect(self.dsn, timeout=_LISTEN_LIMIT_S, command_timeout=_LISTEN_LIMIT_S)
        try:
            await _guard(conn, WORK_LIMITS)
            for channel, handler in handlers.items():
                await conn.add_listener(channel, lambda *args, call=handler: call(str(args[3])))
        except BaseException:
            conn.terminate()
            raise
        return conn

    async def flush(self) -> None:
        """Return once the wake-ups of committed transactions are sent."""
        await self._notifier.flush()

    async def close(self) -> None:
        """Close the pool, waiting at most five seconds for running statements, then send the last wake-ups."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()
        finally:
            await self._notifier.close()
