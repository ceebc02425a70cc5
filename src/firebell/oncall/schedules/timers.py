"""Timer handler: record the clocks of all schedules."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.oncall.schedules import changes


async def run_clocks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Compare the time zone data with the recorded clocks of all schedules, once a day."""
    await changes.record_all_clocks(tx, now)
    return []


HANDLERS: dict[str, timers.Handler] = {changes.CLOCKS_TIMER: run_clocks}
