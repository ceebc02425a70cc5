"""Timers of alerts: notices about unreadable messages."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts import actions
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_broken(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Notify owners of integrations that send unreadable messages, once a day for as long as they do."""
    for timer in due_timers:
        if await actions.notify_broken(tx, int(timer.key), now):
            await timers.schedule(
                tx, actions.BROKEN_SOURCE_TIMER, timer.key, now + actions.BROKEN_SOURCE_WINDOW
            )
    return ()


HANDLERS: dict[str, timers.Handler] = {actions.BROKEN_SOURCE_TIMER: run_broken}
