"""The daily timer of readiness."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.readiness import actions

TIMER = "readiness.day"


async def run_day(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Record the day, and notify of what was lost."""
    await actions.record_day(tx, now)
    await actions.report_losses(tx, now)
    await timers.schedule_daily(tx, TIMER, now, more=False)
    return []


HANDLERS: dict[str, timers.Handler] = {TIMER: run_day}
"""The handler by kind of timer."""
