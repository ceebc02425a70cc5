"""Changes how long before a shift people are reminded, for the whole organization."""

from datetime import datetime, timedelta

from firebell.handoffs import milestones, shift_notifications
from firebell.handoffs.actions import NOTICE_SETTING, notice_lead
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.jobs import timers
from firebell.oncall.schedules import queries as oncall
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_NOTICE_HOURS = 168
"""A week: later shifts are still likely to change."""


@permits(Verb.HANDOFF_NOTICE_WRITE)
async def change(tx: Tx, actor: Actor, hours: int, now: datetime) -> None:
    """Remind people `hours` before their shifts from now on; send reminders that this makes overdue at once."""
    if not 1 <= hours <= MAX_NOTICE_HOURS:
        raise Invalid(
            f"Reminders are sent 1 to {MAX_NOTICE_HOURS} hours before a shift.",
            fields={"hours": f"Enter a number from 1 to {MAX_NOTICE_HOURS}."},
        )
    old, new = await notice_lead(tx), timedelta(hours=hours)
    if new == old:
        return
    await org_settings.put(tx, NOTICE_SETTING, hours)
    await tx.audit(actor, "handoff.notice", "organization", now, hours=hours)
    schedules = await oncall.schedules(
        tx, since=now - milestones.DEFAULT_NOTICE_LEAD, until=now + new + milestones.SHIFT_END_LOOKAHEAD
    )
    overdue = [
        (schedule, milestone)
        for schedule in schedules
        for milestone in milestones.milestones(schedule, now - new, now, new)
        if milestone.kind is milestones.MilestoneKind.BEFORE
        and milestone.start
        and milestone.start > now + old
    ]
    await shift_notifications.notify_shifts(tx, overdue, now)
    await timers.schedule_many(tx, shift_notifications.TIMER, [(str(s.id), now, 0) for s in schedules])
    await tx.live("oncall")
