"""What the timer of a schedule does: tell of shifts, draft the documents of handoffs."""

from collections.abc import Sequence
from datetime import datetime

from firebell.handoffs import sweep
from firebell.kit import timers
from firebell.kit.db import Tx

AT_ONCE = 5
"""At so many schedules it is looked in one go: hundreds hand over at nine on Monday, and pages come first."""


async def run_shifts(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Look at the shifts of a few of these schedules and keep the others; of one that is gone the timer ends."""
    await sweep.sweep(tx, [int(timer.key) for timer in due_timers[:AT_ONCE]], now)
    return due_timers[AT_ONCE:]


HANDLERS: dict[str, timers.Handler] = {sweep.TIMER: run_shifts}
