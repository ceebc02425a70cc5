"""The timer of anomalies: it folds new alerts into counts, and judges these while something is watched."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.anomalies import actions
from firebell.anomalies.bins import BinSize, bin_of, start_of
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers

NEXT_BATCH_AFTER = timedelta(seconds=1)
UNWATCHED_INTERVAL = timedelta(days=1)
"""How often alerts are folded while nothing is watched; a back-test counts the others itself."""


async def run_counts(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Fold a batch of alerts; after the last one, judge the quarters that have ended."""
    if await actions.count_alerts(tx, now):
        due_at = now + NEXT_BATCH_AFTER
    elif await actions.judge_quarters(tx, now):
        await actions.report_comparisons(tx, now)
        quarter = bin_of(now - actions.SETTLING, BinSize.QUARTER)
        due_at = start_of(quarter + 1, BinSize.QUARTER) + actions.SETTLING
    else:
        due_at = now + UNWATCHED_INTERVAL
    await timers.schedule(tx, actions.COUNT_TIMER, actions.COUNT_KEY, due_at)
    return []


HANDLERS: dict[str, timers.Handler] = {actions.COUNT_TIMER: run_counts}
"""The handlers by kind of timer."""
