"""Timers of incidents: updates, the stability period, alerts that fire again, and reviews that need no document."""

import logging
from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions
from firebell.incidents.closing import watchers
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.phases import actions as phase_actions
from firebell.kit.db.database import Tx
from firebell.kit.errors import FirebellError
from firebell.kit.jobs import timers

log = logging.getLogger(__name__)


async def run_update_due(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Note overdue updates; return the timers of incidents that are locked, to run them again."""
    locked = await actions.note_overdue_updates(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


async def run_stable(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Note incidents that can be closed; return the timers of those that are locked, to run them again."""
    locked = await actions.note_stable_incidents(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


async def run_refire(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Move incidents back to work whose alerts fire again, and notify who waits for those that can be closed.

    Return the timers of incidents that are locked.
    """
    checked = await actions.check_regressions(tx, [int(timer.key) for timer in due_timers], now)
    for incident_id, next_at in checked.items():
        if next_at is not None:
            await timers.schedule(tx, phase_actions.REFIRE_TIMER, str(incident_id), next_at)
    try:
        async with tx.savepoint():
            await watchers.notify_closable(tx, [i for i, at in checked.items() if at is not None], now)
    except FirebellError:
        # a notification that fails never undoes a regression, which pages
        log.exception("who waits for incidents was not notified")
    return [timer for timer in due_timers if int(timer.key) not in checked]


async def run_review(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Review closed incidents without a post-mortem; return the timers of incidents that are locked."""
    locked = await actions.review_without_postmortem(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in locked]


async def run_rules(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Declare incidents by rules, and check again soon while any rule is on."""
    if await rule_actions.declare_by_rules(tx, now):
        for timer in due_timers:
            await timers.schedule(tx, timer.kind, timer.key, now + rule_actions.CHECK_INTERVAL)
    return []


HANDLERS: dict[str, timers.Handler] = {
    actions.UPDATE_DUE_TIMER: run_update_due,
    actions.STABLE_TIMER: run_stable,
    phase_actions.REFIRE_TIMER: run_refire,
    phase_actions.REVIEW_TIMER: run_review,
    rule_actions.RULES_TIMER: run_rules,
}
