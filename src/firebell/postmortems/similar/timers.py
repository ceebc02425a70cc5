"""Timers of similar incidents: one for each changed incident, and the nightly count of terms."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.postmortems.similar import profiling

NIGHTLY_KEY = "daily"
_AFTER_KEY = "after:"


async def run_profiles(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Profile changed incidents."""
    await profiling.profile_changed(tx, [int(timer.key) for timer in due_timers])
    return []


async def run_frequencies(
    tx: Tx, due_timers: Sequence[timers.Timer], now: datetime
) -> Sequence[timers.Timer]:
    """Count terms each night, then profile every closed incident in batches."""
    for timer in due_timers:
        if timer.key == NIGHTLY_KEY:
            await timers.schedule(tx, profiling.FREQUENCY_TIMER, NIGHTLY_KEY, now + timedelta(days=1))
        after = int(timer.key.removeprefix(_AFTER_KEY)) if timer.key.startswith(_AFTER_KEY) else 0
        if last := await profiling.weigh_all(tx, after):
            await timers.schedule(tx, profiling.FREQUENCY_TIMER, f"{_AFTER_KEY}{last}", now)
    return []


HANDLERS: dict[str, timers.Handler] = {
    profiling.PROFILE_TIMER: run_profiles,
    profiling.FREQUENCY_TIMER: run_frequencies,
}
