"""Apply what channels report in a transaction of its own, also if another one waits for the same rows."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from firebell.channels.base import Channel
from firebell.channels.callbacks import Signal, SignalAnswer
from firebell.kit.context import Context
from firebell.kit.db.database import Db
from firebell.kit.errors import Unavailable
from firebell.replies import actions

ATTEMPTS = 2
"""How often signals are applied before their provider has to repeat them, which most do not."""


async def apply(
    db: Db, ctx: Context, channel: Channel, provider: str, signals: Sequence[Signal], now: datetime
) -> list[SignalAnswer]:
    """Commit signals and return what to answer to each; raise `Unavailable` if nothing could be stored.

    PostgreSQL ends one of two transactions that wait for each other; its signals are applied once more.
    """
    for attempt in range(ATTEMPTS):
        try:
            async with db.tx() as tx:
                return await actions.apply(tx, ctx, channel, provider, signals, now)
        except asyncpg.DeadlockDetectedError as exc:
            if attempt == ATTEMPTS - 1:
                raise Unavailable("This could not be stored. Try again in a few seconds.") from exc
    raise AssertionError
