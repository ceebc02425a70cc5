"""What a process needs to run: the database up and migrated, the context, and a graceful end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import asyncpg

from firebell import reactions
from firebell.kit import embedded, setting
from firebell.kit.clock import Clock, SystemClock
from firebell.kit.context import Context
from firebell.kit.db import AWAY, Db
from firebell.kit.errors import StartupError
from firebell.kit.http_out import guarded_client
from firebell.kit.live import Live
from firebell.kit.migrate import migrate
from firebell.kit.signing import Signer
from firebell.settings import Settings


@dataclass(frozen=True, slots=True)
class Running:
    """A prepared process: its context and how to bring a lost embedded database back."""

    ctx: Context
    ensure_database: Callable[[], Awaitable[None]] | None


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]] | None]]:
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


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Start or join the database, migrate it, and yield the context; close all of it on leaving."""
    async with database(settings) as (dsn, ensure):
        with usable():
            await migrate(dsn)
        async with connected(settings, dsn, clock or SystemClock()) as ctx:
            yield Running(ctx, ensure)


@asynccontextmanager
async def connected(settings: Settings, dsn: str, clock: Clock) -> AsyncIterator[Context]:
    """Yield a context on a database that is up and migrated."""
    db = await Db.connect(dsn, reactions.build())
    http = guarded_client(settings.allowed_networks)
    try:
        async with db.tx() as tx:
            secret = await setting.put_once(tx, "signing_secret", secrets.token_hex(32))
        yield Context(
            db=db,
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
    finally:
        await http.aclose()
        await db.close()
