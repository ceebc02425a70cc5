"""PostgreSQL over asyncpg: a pool, transactions that carry the reactions, JSON as Python values."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from firebell.kit.errors import Unavailable
from firebell.kit.events import Actor, Reactions, payload

Row = asyncpg.Record
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What a database raises that is gone, starting, stopping, full, or a replica: it passes, so try again."""

WORK_CHANNEL = "firebell_work"
LIVE_CHANNEL = "firebell_live"
WARM = 4
"""Connections that are open before they are needed: ingest, timers, sender and a reader."""


_JSONB = b"\x01"
"""The version byte before a `jsonb` value on the wire."""


def _encode(value: Any) -> bytes:
    return _JSONB + msgspec.json.encode(value)


def _decode(data: bytes) -> Any:
    return msgspec.json.decode(data[1:])


async def _prepare(conn: asyncpg.Connection) -> None:
    """Make `jsonb` travel as Python values, and learn the array types once instead of at first use."""
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=_decode, format="binary")
    await conn.fetchval(
        "select num_nulls($1::bigint[], $2::int[], $3::smallint[], $4::text[], $5::bytea[],"
        " $6::timestamptz[], $7::jsonb[])",
        *[None] * 7,
    )


async def _keep(conn: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> None:
    """Leave a released connection as it is: transactions are all that the product opens on one."""


class Reads:
    """A connection to read from: each statement sees what is committed when it begins."""

    __slots__ = ("conn",)

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return await self.conn.fetch(sql, *args)

    async def row(self, sql: str, *args: Any) -> Row | None:
        return await self.conn.fetchrow(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        return await self.conn.fetchval(sql, *args)


class Tx(Reads):
    """One open transaction: SQL, events, audit and wake-ups; the opener commits it."""

    __slots__ = ("_notices", "_reactions")

    def __init__(self, conn: Connection, reactions: Reactions) -> None:
        super().__init__(conn)
        self._reactions = reactions
        self._notices: dict[tuple[str, str], None] = {}

    async def execute(self, sql: str, *args: Any) -> str:
        return await self.conn.execute(sql, *args)

    async def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self.conn.executemany(sql, rows)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Undo only the statements inside when they fail."""
        async with self.conn.transaction():
            yield

    async def emit(self, event: Any, now: datetime) -> None:
        """Run the `must` reactions of `event` here and store its `then` reactions in the outbox."""
        for handler in self._reactions.must.get(type(event), ()):
            await handler(self, event, now)
        for name in self._reactions.then.get(type(event), ()):
            await self.execute(
                "insert into outbox (reaction, payload, created_at, run_at) values ($1, $2, $3, $3)",
                name,
                payload(event),
                now,
            )
            await self.wake("outbox")

    async def audit(self, actor: Actor, action: str, subject: str, now: datetime, **detail: Any) -> None:
        """Record who did what to which thing."""
        await self.execute(
            "insert into audit (at, actor_kind, actor_id, actor_label, action, subject, detail)"
            " values ($1, $2, $3, $4, $5, $6, $7)",
            now,
            actor.kind,
            actor.person_id,
            actor.label,
            action,
            subject,
            detail,
        )

    async def wake(self, what: str) -> None:
        """Wake the workers of every process when this transaction commits."""
        self._notices[WORK_CHANNEL, what] = None

    async def live(self, topic: str) -> None:
        """Tell open browsers that `topic` changed when this transaction commits."""
        self._notices[LIVE_CHANNEL, topic] = None

    async def notify(self) -> None:
        """Hand the wake-ups over to the database, each once, in one statement; the commit sends them."""
        if self._notices:
            channels, payloads = zip(*self._notices, strict=True)
            self._notices.clear()
            await self.execute(
                "select pg_notify(c, p) from unnest($1::text[], $2::text[]) n(c, p)", channels, payloads
            )


@asynccontextmanager
async def _whole(conn: asyncpg.pool.PoolConnectionProxy) -> AsyncIterator[None]:
    """Close a connection that broke in the middle of a statement, so that nobody gets it again."""
    try:
        yield
    except asyncpg.InternalClientError:
        conn.terminate()
        raise


class Db:
    """The pool. `tx()` and, where a request only reads and is hot, `reads()` are the ways to the database."""

    def __init__(self, pool: asyncpg.Pool, reactions: Reactions, dsn: str) -> None:
        self._pool = pool
        self._reactions = reactions
        self.dsn = dsn

    @classmethod
    async def connect(cls, dsn: str, reactions: Reactions, *, size: int = 10) -> "Db":
        """Open a pool of up to `size` connections."""
        pool = await asyncpg.create_pool(
            dsn, min_size=min(WARM, size), max_size=size, init=_prepare, reset=_keep, command_timeout=60
        )
        return cls(pool, reactions, dsn)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits on leaving; raise `Unavailable` when the database is away."""
        async with self._connection() as conn, conn.transaction():
            tx = Tx(conn, self._reactions)
            yield tx
            await tx.notify()

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[Reads]:
        """Lend a connection that only reads, without the two round trips of a transaction.

        At PostgreSQL's default isolation a transaction gives a reader nothing more than this.
        """
        async with self._connection() as conn:
            yield Reads(conn)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        try:
            async with self._pool.acquire(timeout=10) as conn, _whole(conn):
                yield conn
        except AWAY as exc:
            if isinstance(exc, ValueError):
                # asyncpg's word for an argument that no column can hold: the database is there
                raise
            raise Unavailable("The database cannot be reached; nothing was stored.") from exc

    async def listen(self, handlers: Mapping[str, Callable[[str], None]]) -> asyncpg.Connection:
        """Open a dedicated connection that hands each notification's payload to its channel's handler."""
        conn = await asyncpg.connect(self.dsn)
        for channel, handler in handlers.items():
            await conn.add_listener(channel, lambda *args, call=handler: call(str(args[3])))
        return conn

    async def close(self) -> None:
        """Close the pool, waiting at most five seconds for running statements."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()
