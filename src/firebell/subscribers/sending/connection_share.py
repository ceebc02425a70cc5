"""The share of the worker's connections that the lanes of subscribers have: one, so that pages never wait for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from firebell.kit.context import Context
from firebell.kit.db.database import Reads, Tx
from firebell.kit.db.migrate import fence


class ConnectionShare:
    """Opens the transactions of these lanes one after the other."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """Open a transaction, once no other lane of subscribers has one."""
        async with self._lock, self._ctx.work_db.tx() as tx:
            yield tx

    @asynccontextmanager
    async def reads(self) -> AsyncIterator[Reads]:
        """Open a connection that only reads, in one round trip: most looks find no work."""
        async with self._lock, self._ctx.work_db.reads() as reads:
            yield reads

    @asynccontextmanager
    async def claiming(self) -> AsyncIterator[Tx]:
        """Open a transaction that claims work; raise `Outdated` in a process that is older than the schema."""
        async with self.tx() as tx:
            await fence(tx)
            yield tx
