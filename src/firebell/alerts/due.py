"""What the timers of alerts do."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alerts import actions
from firebell.kit import due
from firebell.kit.db import Tx

PRUNE = "alerts.prune"


async def run_prune(tx: Tx, timers: Sequence[due.Timer], now: datetime) -> Sequence[due.Timer]:
    """Forget what is old, once a day."""
    await actions.prune(tx, now)
    await due.schedule(tx, PRUNE, "daily", now + timedelta(days=1))
    return ()


HANDLERS: dict[str, due.Handler] = {PRUNE: run_prune}
