"""Timers of publications: one for each published version, when it is sent."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.postmortems.publication import actions


async def run_distribution(
    tx: Tx, due_timers: Sequence[timers.Timer], now: datetime
) -> Sequence[timers.Timer]:
    """Send the published versions to their lists."""
    for timer in due_timers:
        postmortem_id, _, version = timer.key.partition(":")
        await actions.distribute(tx, int(postmortem_id), int(version), now)
    return ()


HANDLERS: dict[str, timers.Handler] = {actions.DISTRIBUTION_TIMER: run_distribution}
