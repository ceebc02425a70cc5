"""Reminders of posts that are due: to the comms lead and the commander, at most once each."""

from collections.abc import Sequence
from datetime import datetime

from firebell.audiences import clocks, queries, store
from firebell.audiences.clocks import Due
from firebell.audiences.incident_audiences import AudienceClock, IncidentAudiences
from firebell.audiences.model import MOMENT_LABELS, Moment
from firebell.audiences.settings import queries as settings_queries
from firebell.incidents import actions as incidents
from firebell.incidents.model import EntryAdded, IncidentDeclared
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.notify.model import Notice

REMINDER_TIMER = "audiences.reminder"
NOTICE_KIND = "audience"
URGENT_SEVERITY = 1
"""The least severe incident whose overdue posts remind urgently."""
CUSTOMER_SHARES = (50,)
"""The percentages at which the first email to customers is reminded of; the response reminds at 80 and 100."""


async def begin_clocks(tx: Tx, event: IncidentDeclared, now: datetime) -> None:
    """Keep the audiences of a declared incident as they are, and check its clocks."""
    in_force, _ = await settings_queries.in_force(tx)
    await store.begin(tx, event.incident_id, in_force.version)
    await timers.schedule(tx, REMINDER_TIMER, str(event.incident_id), now)


async def check_clocks(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Check the clocks of an incident whose timeline has an entry that they follow from."""
    if event.kind in store.FACT_KINDS and await store.incident_versions(tx, [event.incident_id]):
        await timers.schedule(tx, REMINDER_TIMER, str(event.incident_id), now)


async def send_reminders(tx: Tx, incident_ids: Sequence[int], now: datetime) -> set[int]:
    """Send the reminders that are due and schedule the next ones; return the incidents that are locked."""
    unlocked = await incidents.lock_free(tx, incident_ids)
    for one in await queries.of_incidents(tx, unlocked):
        await _remind(tx, one, now)
    return set(incident_ids) - {incident.id for incident in unlocked}


async def _remind(tx: Tx, one: IncidentAudiences, now: datetime) -> None:
    coming: list[datetime] = []
    passed: list[tuple[AudienceClock, Due, int]] = []
    for clock in one.clocks:
        if clock.due is None or clock.audience.follows_updates:
            continue
        for share, at in _reminders(clock, clock.due):
            if at > now:
                coming.append(at)
            else:
                passed.append((clock, clock.due, share))
    latest = {clock.audience.slug: (clock, due, share) for clock, due, share in passed}
    if latest and not one.incident.drill:
        await _notify(tx, one, list(latest.values()), now)
    if coming:
        await timers.schedule(tx, REMINDER_TIMER, str(one.incident.id), min(coming))


def _reminders(clock: AudienceClock, due: Due) -> list[tuple[int, datetime]]:
    if clock.audience.is_external and due.moment is Moment.FIRST:
        return [(share, due.since + due.period * share / 100) for share in CUSTOMER_SHARES]
    return clocks.reminder_times(due)


async def _notify(
    tx: Tx, one: IncidentAudiences, reminded: Sequence[tuple[AudienceClock, Due, int]], now: datetime
) -> None:
    incident = one.incident
    person_ids = await incidents.reminder_recipients(tx, incident)
    notices = []
    for clock, due, share in reminded:
        state = "is overdue" if due.at <= now else "is due soon"
        is_urgent = due.at <= now and incident.severity <= URGENT_SEVERITY
        notices += [
            Notice(
                key=f"audience:{incident.id}:{clock.audience.slug}:{due.at.isoformat()}:{share}:{person_id}",
                person_id=person_id,
                kind=NOTICE_KIND,
                title=f"{incident.ref}: the post to {clock.audience.name} {state}",
                note=f"{MOMENT_LABELS[due.moment]} for {clock.audience.name}. Read the draft and send it.",
                link=f"/incidents/{incident.ref}/audiences?to={clock.audience.slug}",
                urgency="high" if is_urgent else "low",
                incident_id=incident.id,
            )
            for person_id in person_ids
        ]
    await notify.send_notices(tx, notices, now)
