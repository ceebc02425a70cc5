"""Timers of responses: one per incident, at its next step."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.response import running_steps


async def run(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Run what is due; return the timers of incidents that are locked, to run them again."""
    locked = await running_steps.run_responses(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, timers.Handler] = {running_steps.RESPONSE_TIMER: run}
