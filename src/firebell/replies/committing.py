"""Apply what channels report in a transaction of its own, also if another one waits for the same rows."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from firebell.channels.base import Channel
from firebell.channels.callbacks import Signal, SignalAnswer
from firebell.kit.context import Context
from firebell.kit.db import deadlocks
from firebell.kit.db.database import Db
from firebell.kit.errors import Unavailable
from firebell.replies import actions


async def apply(
    db: Db, ctx: Context, channel: Channel, provider: str, signals: Sequence[Signal], now: datetime
) -> list[SignalAnswer]:
    """Commit signals and return what to answer to each; raise `Unavailable` if nothing could be stored.

    After a deadlock they are applied again: most providers repeat nothing.
    """

    async def transaction() -> list[SignalAnswer]:
        async with db.tx() as tx:
            return await actions.apply(tx, ctx, channel, provider, signals, now)

    try:
        return await deadlocks.repeated(transaction)
    except asyncpg.DeadlockDetectedError as exc:
        raise Unavailable("This could not be stored. Try again in a few seconds.") from exc
