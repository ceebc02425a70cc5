"""Timer handler: check schedules every day and report new errors."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.oncall.checks import queries
from firebell.oncall.checks import store as checks_store
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.rules import CHECKS_HORIZON
from firebell.oncall.checks.unreported import unreported
from firebell.oncall.model import ErrorsFound
from firebell.oncall.schedules import changes, store

CHECK_BATCH_SIZE = 5
"""Number of schedules checked per batch; a page that comes due waits for one batch at most."""


async def run_checks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Report the new errors of one batch of schedules, check them again tomorrow, and return the other timers."""
    batch = [int(timer.key) for timer in due_timers[:CHECK_BATCH_SIZE]]
    schedules = await store.schedules(tx, batch, since=now - CHECKS_HORIZON)
    findings = await queries.findings_of(tx, schedules, now)
    reported = await checks_store.reported(tx, batch)
    still_reported = {}
    for schedule in schedules:
        new_errors, still_reported[schedule.id] = unreported(
            findings[schedule.id], reported[schedule.id], now
        )
        if new_errors:
            errors = tuple(
                (f.code, f.message, f.start, f.users) for f in group_gaps(new_errors, schedule.tz, now)
            )
            await tx.emit(ErrorsFound(schedule.id, errors), now)
    await checks_store.set_reported(tx, batch, still_reported)
    tomorrow = now + timedelta(days=1)
    await timers.schedule_many(tx, changes.CHECKS_TIMER, [(str(s.id), tomorrow, 0) for s in schedules])
    return due_timers[CHECK_BATCH_SIZE:]


HANDLERS: dict[str, timers.Handler] = {changes.CHECKS_TIMER: run_checks}
