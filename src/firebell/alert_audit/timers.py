"""The timers of alert audits: a daily one schedules what is missing, and one for each team builds its audit."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alert_audit import actions, store
from firebell.kit.calendar_periods import quarter_of
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers

DAY_TIMER = "alert_audit.day"
TEAM_TIMER = "alert_audit.team"
FIRST_AFTER = timedelta(days=28)
"""A team gets its first audit once its first service is this old; before that, there is little to count."""


async def run_day(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Schedule the audits that this quarter lacks, and notify of those that are overdue."""
    for team_id in await store.teams_without_audit(tx, quarter_of(now.date()).label, now - FIRST_AFTER):
        await timers.schedule_once(tx, TEAM_TIMER, str(team_id), now)
    await actions.report_overdue(tx, now)
    await timers.schedule_daily(tx, DAY_TIMER, now, more=False)
    return []


async def run_team(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Build the audit of one team, and return the other timers for the next batch."""
    await actions.build(tx, int(due_timers[0].key), now)
    return due_timers[1:]


HANDLERS: dict[str, timers.Handler] = {DAY_TIMER: run_day, TEAM_TIMER: run_team}
"""The handlers by kind of timer."""
