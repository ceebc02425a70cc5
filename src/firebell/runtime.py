"""What a process needs to run: the database up and migrated, the context, and a graceful end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from firebell import reactions
from firebell.kit import embedded, setting
from firebell.kit.clock import Clock, SystemClock
from firebell.kit.context import Context
from firebell.kit.db import Db
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


async def _migrated(dsn: str) -> None:
    try:
        await migrate(dsn)
    except (OSError, asyncpg.PostgresError) as exc:
        raise StartupError(
            f"The database cannot be used: {exc}.",
            hint="Check DATABASE_URL, or unset it to use the embedded PostgreSQL.",
        ) from exc


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Start or join the database, migrate it, and yield the context; close all of it on leaving."""
    server: embedded.Embedded | None = None
    if not settings.database_url:
        server = await asyncio.to_thread(embedded.start, settings.data)
    dsn = settings.database_url or (server.dsn if server else "")
    try:
        await _migrated(dsn)
        async with connected(settings, dsn, clock or SystemClock()) as ctx:
            ensure = (lambda: asyncio.to_thread(server.ensure)) if server else None
            yield Running(ctx, ensure)
    finally:
        if server:
            await asyncio.to_thread(server.stop)


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
        )
    finally:
        await http.aclose()
        await db.close()
