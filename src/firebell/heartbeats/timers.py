"""The timer of heartbeats: what becomes late, silent or stuck, and pauses that end."""

from collections.abc import Sequence
from datetime import datetime

from firebell.heartbeats import actions
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_checks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Check the heartbeats; return the timers of those that a ping changes at the moment."""
    busy = await actions.check(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in busy]


HANDLERS: dict[str, timers.Handler] = {actions.CHECK_TIMER: run_checks}
