"""What the timers of incidents do."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions
from firebell.kit import due
from firebell.kit.db import Tx


async def run_update_due(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """Say that updates are overdue."""
    held = await actions.remind(tx, [int(timer.key) for timer in timers], now)
    return [timer for timer in timers if int(timer.key) in held]


async def run_stable(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """Say that incidents have been stable long enough to be closed."""
    held = await actions.tell_stable(tx, [int(timer.key) for timer in timers], now)
    return [timer for timer in timers if int(timer.key) in held]


HANDLERS: dict[str, due.Handler] = {
    actions.UPDATE_DUE: run_update_due,
    actions.STABLE: run_stable,
}
