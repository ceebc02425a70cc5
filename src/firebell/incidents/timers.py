"""What the timers of incidents do."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions
from firebell.kit import timers
from firebell.kit.db import Tx


async def run_update_due(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Say that updates are overdue."""
    held = await actions.remind(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


async def run_stable(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Say that incidents have been stable long enough to be closed."""
    held = await actions.announce_stable(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


HANDLERS: dict[str, timers.Handler] = {
    actions.UPDATE_DUE: run_update_due,
    actions.STABLE: run_stable,
}
