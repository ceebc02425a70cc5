"""Reminders of updates that a status page owes: to the comms lead and the commander, each at most once."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, EntryAdded, Incident, IncidentDeclared
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.status_pages import queries, store
from firebell.status_pages.model import ENTRY_KIND
from firebell.status_pages.queries import Publication
from firebell.status_pages.reminders.due_updates import DueUpdate, due_update

REMINDER_TIMER = "status_pages.reminder"
NOTICE_KIND = "statuspage"
URGENT_SEVERITY = 1
"""The least severe incident whose overdue updates remind urgently."""
FACT_KINDS = frozenset({"severity", "answers", "phase", "merged", "type", ENTRY_KIND})
"""The kinds of timeline entries that move when an update is due, or change which pages owe one."""


async def begin(tx: Tx, event: IncidentDeclared, now: datetime) -> None:
    """Look at what is due about a declared incident, if there is a status page."""
    if await store.pages(tx):
        await timers.schedule(tx, REMINDER_TIMER, str(event.incident_id), now)


async def check(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Look again after an entry from which the due time follows."""
    if event.kind in FACT_KINDS and await store.pages(tx):
        await timers.schedule(tx, REMINDER_TIMER, str(event.incident_id), now)


async def run_reminders(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Send due reminders and schedule the next ones; return the timers of incidents that are locked."""
    unlocked = await incidents.lock_free(tx, [int(timer.key) for timer in due_timers])
    for incident in unlocked:
        await _remind(tx, incident, now)
    free = {incident.id for incident in unlocked}
    return [timer for timer in due_timers if int(timer.key) not in free]


async def _remind(tx: Tx, incident: Incident, now: datetime) -> None:
    if incident.drill:
        return
    coming: list[datetime] = []
    for publication in await queries.publications(tx, incident):
        due = _due(publication, incident)
        if due is None:
            continue
        times = due.reminders()
        coming += [at for _, at in times if at > now]
        passed = [share for share, at in times if at <= now]
        if passed:
            await _notify(tx, incident, publication, due, passed[-1], now)
    if coming:
        await timers.schedule(tx, REMINDER_TIMER, str(incident.id), min(coming))


def _due(publication: Publication, incident: Incident) -> DueUpdate | None:
    """Return what a page owes; one without the incident's services, or of an incident that is over, owes no first."""
    is_concerned = bool(publication.suggested_ids) and incident.phase in OPEN
    first_due_at = publication.first_due_at if is_concerned else None
    return due_update(publication.published, first_due_at, incident.declared_at)


async def _notify(
    tx: Tx, incident: Incident, publication: Publication, due: DueUpdate, share: int, now: datetime
) -> None:
    page, published, is_late = publication.page, publication.published, due.at <= now
    leading = await incidents.survivor(tx, incident)
    link = f"/incidents/{incident.ref}/comms"
    if leading.id != incident.id and published is not None:
        link = f"/status-pages/{page.slug}/incidents/{published.public_id}"
    what = "the first update" if due.is_first else "the promised update"
    state = "is overdue" if is_late else "is due soon"
    await notify.send_notices(
        tx,
        [
            Notice(
                key=f"status-page:{page.id}:{incident.id}:{due.at.isoformat()}:{share}:{person_id}",
                person_id=person_id,
                kind=NOTICE_KIND,
                title=f"{incident.ref}: {what} on {page.name} {state}",
                note="Customers are waiting for it. “We’re still looking” is an update too.",
                link=link,
                urgency="high" if is_late and incident.severity <= URGENT_SEVERITY else "low",
                incident_id=leading.id,
            )
            for person_id in await incidents.reminder_recipients(tx, leading)
        ],
        now,
    )
