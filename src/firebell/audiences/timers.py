"""Timers of audience clocks: one per incident, at its next reminder."""

from collections.abc import Sequence
from datetime import datetime

from firebell.audiences import reminding
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_reminders(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Send due reminders; return the timers of incidents that are locked, to run them again."""
    locked = await reminding.send_reminders(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, timers.Handler] = {reminding.REMINDER_TIMER: run_reminders}
