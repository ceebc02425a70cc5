"""The timer that ends test alerts."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.integration_setup import actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.jobs import timers


async def run_tests(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End the test alerts that still fire."""
    await alerts.resolve_alerts(tx, SYSTEM, sorted(int(timer.key) for timer in due_timers), now)
    return ()


HANDLERS: dict[str, timers.Handler] = {actions.TEST_TIMER: run_tests}
