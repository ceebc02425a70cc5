"""PostgreSQL over asyncpg: a pool, transactions that carry the reactions, JSON as Python values."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

from firebell.kit.errors import Unavailable
from firebell.kit.events import Actor, Reactions, payload

Row = asyncpg.Record
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What a database raises that is gone, starting, stopping, full, or a replica: it passes, so try again."""

WORK_CHANNEL = "firebell_work"
LIVE_CHANNEL = "firebell_live"


def _default(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def dumps(value: Any) -> str:
    """Return compact JSON; datetimes become ISO 8601 text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_default)


async def prepare_connection(conn: asyncpg.Connection) -> None:
    """Make `jsonb` travel as Python values on this connection."""
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=dumps, decoder=json.loads)


class Tx:
    """One open transaction: SQL, events, audit and wake-ups; the opener commits it."""

    __slots__ = ("_reactions", "conn")

    def __init__(self, conn: Connection, reactions: Reactions) -> None:
        self.conn = conn
        self._reactions = reactions

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return await self.conn.fetch(sql, *args)

    async def row(self, sql: str, *args: Any) -> Row | None:
        return await self.conn.fetchrow(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        return await self.conn.fetchval(sql, *args)

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
        await self.execute("select pg_notify($1, $2)", WORK_CHANNEL, what)

    async def live(self, topic: str) -> None:
        """Tell open browsers that `topic` changed when this transaction commits."""
        await self.execute("select pg_notify($1, $2)", LIVE_CHANNEL, topic)


class Db:
    """The pool. `tx()` is the only way to the database in the product."""

    def __init__(self, pool: asyncpg.Pool, reactions: Reactions, dsn: str) -> None:
        self._pool = pool
        self._reactions = reactions
        self.dsn = dsn

    @classmethod
    async def connect(cls, dsn: str, reactions: Reactions, *, size: int = 10) -> "Db":
        """Open a pool of up to `size` connections."""
        pool = await asyncpg.create_pool(
            dsn, min_size=1, max_size=size, init=prepare_connection, command_timeout=60
        )
        return cls(pool, reactions, dsn)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits on leaving; raise `Unavailable` when the database is away."""
        try:
            async with self._pool.acquire(timeout=10) as conn, conn.transaction():
                yield Tx(conn, self._reactions)
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
