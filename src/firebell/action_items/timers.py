"""Timers of action items: one for each unfinished item, at its next reminder."""

from collections.abc import Sequence
from datetime import datetime

from firebell.action_items import change_effects, notifying
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_reminders(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Send due reminders; return the timers of items that are locked, to run them again."""
    locked = await notifying.send_due(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, timers.Handler] = {change_effects.REMINDER_TIMER: run_reminders}
"""Reminders of items."""
