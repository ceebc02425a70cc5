"""The daily timer that indexes documents for searches."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.postmortems.postmortem_list import indexing

INDEX_TIMER = "postmortems.index"


async def run_index(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Index documents whose words are outdated, in batches until none is left."""
    more = await indexing.index_outdated(tx)
    await timers.schedule_daily(tx, INDEX_TIMER, now, more=more)
    return []


HANDLERS: dict[str, timers.Handler] = {INDEX_TIMER: run_index}
