"""How long before a shift its person is told: one setting of the organization."""

from datetime import datetime, timedelta

from firebell.handoffs import milestones, sweep
from firebell.handoffs.actions import NOTICE, notice
from firebell.kit import org_settings, timers
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.kit.events import Actor
from firebell.oncall import actions as oncall

MOST = 168
"""A week: what a schedule says of later weeks is still likely to change."""


async def change(tx: Tx, actor: Actor, hours: int, now: datetime) -> None:
    """Tell people `hours` before their shifts from now on; who would have been told by then is told at once."""
    if not 1 <= hours <= MOST:
        raise Invalid(f"A notice is 1 to {MOST} hours.", fields={"hours": f"A number from 1 to {MOST}."})
    old, new = await notice(tx), timedelta(hours=hours)
    if new == old:
        return
    await org_settings.put(tx, NOTICE, hours)
    await tx.audit(actor, "handoff.notice", "organisation", now, hours=hours)
    schedules = await oncall.schedules(tx, since=now - milestones.BEFORE, until=now + new + milestones.LOOK)
    late = [
        (schedule, mark)
        for schedule in schedules
        for mark in milestones.milestones(schedule, now - new, now, new)
        if mark.kind is milestones.Kind.BEFORE and mark.start and mark.start > now + old
    ]
    await sweep.notify_shifts(tx, late, now)
    await timers.schedule_many(tx, sweep.TIMER, [(str(s.id), now, 0) for s in schedules])
    await tx.live("oncall")
