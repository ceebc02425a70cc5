"""Timers of post-mortems: one per document, at its next reminder."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.postmortems.reminders import actions


async def run_reminders(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Send due reminders; return the timers of post-mortems that are locked, to run them again."""
    locked = await actions.send_reminders(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, timers.Handler] = {actions.REMINDER_TIMER: run_reminders}
