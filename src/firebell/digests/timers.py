"""The timer of digests: one, at the next Monday morning of a reader."""

from collections.abc import Sequence
from datetime import datetime

from firebell.digests import actions
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers


async def run_digests(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Send one of the digests that are due."""
    await actions.send_due(tx, now, failures=due_timers[0].attempts)
    return []


HANDLERS: dict[str, timers.Handler] = {actions.TIMER: run_digests}
"""The handler by kind of timer."""
