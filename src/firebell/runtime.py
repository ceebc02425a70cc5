"""What a process needs to run: the database up and migrated, the context, and a graceful end."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from firebell import subscriptions
from firebell.kit import embedded, org_settings
from firebell.kit.clock import Clock
from firebell.kit.context import Context
from firebell.kit.database_clock import DatabaseClock, agree
from firebell.kit.db import AWAY, INGEST_LIMITS, Db
from firebell.kit.errors import StartupError, Unavailable
from firebell.kit.http_out import guarded_client
from firebell.kit.live import Live
from firebell.kit.migrate import migrate
from firebell.kit.signing import Signer
from firebell.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
Ensure = Callable[[], Awaitable[None]] | None
"""Brings a lost embedded database back; None for one that Firebell does not run."""

START_PATIENCE_S = 60.0
"""How long a start goes on with an embedded database that dies again and again."""
INGEST_CONNECTIONS = 3


@dataclass(frozen=True, slots=True)
class Running:
    """A prepared process: its context and how to bring a lost embedded database back."""

    ctx: Context
    ensure_database: Ensure


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[tuple[str, Ensure]]:
    """Yield the address of a database that is up, and how to bring it back when it is the embedded one."""
    if settings.database_url:
        yield settings.database_url, None
        return
    server = await asyncio.to_thread(embedded.start, settings.data)
    try:
        yield server.dsn, lambda: asyncio.to_thread(server.ensure)
    finally:
        await asyncio.to_thread(server.stop)


@contextmanager
def usable() -> Iterator[None]:
    """Tell what the driver says of a database that cannot be used as a `StartupError`."""
    try:
        yield
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise StartupError(
            f"The database cannot be used: {str(exc).rstrip('.') or type(exc).__name__}.",
            hint="Check DATABASE_URL, or unset it to use the embedded PostgreSQL.",
        ) from exc


async def _persistently(ensure: Ensure, step: Callable[[], Awaitable[T]]) -> T:
    """Return what `step` returns; when the embedded database dies meanwhile, bring it back and try again.

    Raises what `step` raised after `START_PATIENCE_S`, and at once for a database that Firebell does not run.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_PATIENCE_S
    while True:
        try:
            return await step()
        except (*AWAY, Unavailable) as exc:
            if ensure is None or loop.time() > deadline:
                raise
            log.warning("the database went away during the start, trying again", extra={"reason": repr(exc)})
        await asyncio.sleep(0.2)
        await ensure()


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Start or join the database, migrate it, and yield the context; close all of it on leaving."""
    async with database(settings) as (dsn, ensure):
        with usable():
            await _persistently(ensure, lambda: migrate(dsn))
        async with connected(settings, dsn, clock or DatabaseClock(), ensure) as ctx:
            yield Running(ctx, ensure)


@asynccontextmanager
async def _pools(dsn: str, clock: Clock) -> AsyncIterator[tuple[Db, Db, str]]:
    """Yield connections for the worker and the web, those of the inbound routes, and the signing secret."""
    async with AsyncExitStack() as stack:
        db = await Db.connect(dsn, subscriptions.build())
        stack.push_async_callback(db.close)
        ingest = await Db.connect(dsn, subscriptions.build(), size=INGEST_CONNECTIONS, limits=INGEST_LIMITS)
        stack.push_async_callback(ingest.close)
        async with db.tx() as tx:
            secret = await org_settings.put_once(tx, "signing_secret", secrets.token_hex(32))
        await agree(clock, db)
        yield db, ingest, secret


@asynccontextmanager
async def connected(
    settings: Settings, dsn: str, clock: Clock, ensure: Ensure = None
) -> AsyncIterator[Context]:
    """Yield a context on a database that is up and migrated."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(guarded_client(settings.allowed_networks))
        db, ingest, secret = await _persistently(
            ensure, lambda: stack.enter_async_context(_pools(dsn, clock))
        )
        yield Context(
            db=db,
            ingest_db=ingest,
            clock=clock,
            signer=Signer(bytes.fromhex(secret)),
            http=http,
            live=Live(),
            public_url=settings.public_url,
            smtp_url=settings.smtp_url,
            mail_from=settings.mail_from,
            ntfy_url=settings.ntfy_url,
            allowed_hosts=settings.hosts,
        )
