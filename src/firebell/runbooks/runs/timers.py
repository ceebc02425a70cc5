"""The timer of an open run: it is lost once it was silent for too long."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.runbooks.runs import actions, store
from firebell.runbooks.runs.lost_runs import TIMER, lost_at
from firebell.runbooks.runs.model import RunKind, RunState


async def lose_silent_runs(
    tx: Tx, due_timers: Sequence[timers.Timer], now: datetime
) -> Sequence[timers.Timer]:
    """Mark silent runs as lost, and set the timer of the others again; return the timers of locked runs."""
    run_ids = [int(timer.key) for timer in due_timers]
    runs = {run.id: run for run in await store.lock_free(tx, run_ids)}
    later: list[tuple[str, datetime, int]] = []
    for run in runs.values():
        if run.state is not RunState.RUNNING or run.heartbeat_at is None:
            continue
        due_at = lost_at(RunKind.WEB if run.is_taken_over else run.kind, run.heartbeat_at)
        if due_at > now:
            later.append((str(run.id), due_at, 0))
        else:
            await actions.lose(tx, run, now)
    await timers.schedule_many(tx, TIMER, later)
    missing = [run_id for run_id in run_ids if run_id not in runs]
    locked = await store.existing(tx, missing) if missing else set()
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: Mapping[str, timers.Handler] = {TIMER: lose_silent_runs}
