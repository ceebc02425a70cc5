"""The database of this process: the one of the settings, or the embedded PostgreSQL, which it starts.

It imports little, so that the server starts while everything else is imported.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from firebell.kit.db import embedded
from firebell.kit.timing import REAL
from firebell.settings import Settings

Ensure = Callable[[], Awaitable[None]] | None
"""Restarts a lost embedded database; None if Firebell does not run the database."""


@asynccontextmanager
async def database(
    settings: Settings, meanwhile: Callable[[], object] = lambda: None
) -> AsyncIterator[tuple[str, Ensure]]:
    """Yield the address of a running database, and how to restart it if it is the embedded one.

    `meanwhile` is called while the embedded one starts.
    """
    if settings.database_url:
        meanwhile()
        yield settings.database_url, None
        return
    starting = asyncio.create_task(asyncio.to_thread(embedded.start, settings.data))
    try:
        # the thread begins before this one is busy
        await REAL.sleep(0)
        meanwhile()
        server = await starting
        yield server.dsn, lambda: asyncio.to_thread(server.ensure)
    finally:
        await asyncio.to_thread((await starting).stop)
