"""Timers of incidents: an update is overdue, the stability period is over."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_update_due(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Note overdue updates; return the timers of incidents that are locked, to run them again."""
    locked = await actions.note_overdue_updates(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


async def run_stable(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Note incidents that can be closed; return the timers of those that are locked, to run them again."""
    locked = await actions.note_stable_incidents(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, timers.Handler] = {
    actions.UPDATE_DUE_TIMER: run_update_due,
    actions.STABLE_TIMER: run_stable,
}
