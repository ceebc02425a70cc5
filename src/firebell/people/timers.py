"""Timers of people: unverified contact methods and old codes are removed once a day."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.people import verification_actions

TIDY = "people.tidy"


async def run_tidy(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Remove what has expired in batches, a second apart, until none is left; then run again after a day."""
    more_methods = await verification_actions.remove_unverified(tx, now)
    more_codes = await verification_actions.prune_codes(tx, now)
    await timers.schedule_daily(tx, TIDY, now, more=more_methods or more_codes)
    return ()


HANDLERS: dict[str, timers.Handler] = {TIDY: run_tidy}
