"""Work in a transaction that may fail without failing the transaction."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from firebell.kit.db.database import Tx


@asynccontextmanager
async def attempt(tx: Tx, log: logging.Logger, problem: str, **extra: Any) -> AsyncIterator[None]:
    """Roll back and log what fails inside, and continue after it; raise only if the connection is closed."""
    try:
        async with tx.savepoint():
            yield
    except Exception:
        if tx.conn.is_closed():
            raise
        log.exception(problem, extra=extra)
