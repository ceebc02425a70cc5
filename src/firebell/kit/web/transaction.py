"""The one transaction of a request, and the one instant at which it happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from fastapi import Request

from firebell.kit.context import Context
from firebell.kit.db.database import Tx


@asynccontextmanager
async def opened(request: Request) -> AsyncIterator[tuple[Tx, datetime]]:
    """Open the request's transaction and yield it with the request's instant.

    While it is open, `joined` returns the same transaction: a request that held one connection while it waits for
    another could wait forever.
    """
    ctx: Context = request.app.state.ctx
    async with ctx.db.tx() as tx:
        request.state.tx, request.state.now = tx, ctx.clock.now()
        try:
            yield tx, request.state.now
        finally:
            request.state.tx = None


@asynccontextmanager
async def joined(request: Request) -> AsyncIterator[Tx]:
    """Return the request's open transaction, or open one."""
    tx: Tx | None = getattr(request.state, "tx", None)
    if tx is not None:
        yield tx
        return
    ctx: Context = request.app.state.ctx
    async with ctx.db.tx() as own:
        yield own


def now(request: Request) -> datetime:
    """Return the request's instant: that of its transaction, else when it is first asked for."""
    instant: datetime | None = getattr(request.state, "now", None)
    if instant is None:
        ctx: Context = request.app.state.ctx
        instant = request.state.now = ctx.clock.now()
    return instant
