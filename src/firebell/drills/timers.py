"""Timers of drills: the clock of each one under way, and the monthly reminder."""

from collections.abc import Sequence
from datetime import datetime

from firebell.drills import running
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_clocks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Deliver what is due; return the timers of drills that are locked, to run them again."""
    locked = await running.tick(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


async def run_reminder(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Remind the managers once a month if no drill was held for 30 days."""
    await running.remind(tx, now)
    await timers.schedule_daily(tx, running.REMINDER_TIMER, now, more=False)
    return []


HANDLERS: dict[str, timers.Handler] = {
    running.CLOCK_TIMER: run_clocks,
    running.REMINDER_TIMER: run_reminder,
}
"""The handlers by kind of timer."""
