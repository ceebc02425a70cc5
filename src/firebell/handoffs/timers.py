"""Runs the timers that sweep schedules."""

from collections.abc import Sequence
from datetime import datetime

from firebell.handoffs import shift_notifications
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers

SCHEDULES_PER_BATCH = 5
"""How many schedules one batch sweeps: hundreds hand over at 9:00 on Monday, and pages come first."""


async def run_shifts(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Sweep the first few of these schedules and return the other timers; that of a deleted schedule ends."""
    await shift_notifications.sweep(tx, [int(timer.key) for timer in due_timers[:SCHEDULES_PER_BATCH]], now)
    return due_timers[SCHEDULES_PER_BATCH:]


HANDLERS: dict[str, timers.Handler] = {shift_notifications.TIMER: run_shifts}
