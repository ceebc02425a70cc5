"""Actions on the due time of a post-mortem: remind of it, keep it after a reopening, and assign the author."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.deadlines import due_at
from firebell.postmortems.model import ListedPostmortem, PostmortemKind
from firebell.postmortems.reminders import reminder_times, store
from firebell.postmortems.reminders.recipients import near_miss_recipients, recipients
from firebell.postmortems.reminders.reminder_times import PostmortemReminder
from firebell.postmortems.reminders.store import RemindedPostmortem

REMINDER_TIMER = "postmortems.remind"
SUBJECT_KIND = "postmortem_due"
"""The kind of subject of a message about a due post-mortem; its id is that of the post-mortem."""
FINISHED = ("published", "withdrawn")
OPEN_AGAIN = timedelta(hours=1)
"""How often it is looked whether an incident that was opened again is closed."""
DEFAULT_ZONE = "UTC"


@internal("Part of starting a document, of closing its incident again, and of assigning its author.")
async def schedule(tx: Tx, postmortem_id: int, now: datetime) -> None:
    """Let the reminders of a post-mortem be planned at once."""
    await timers.schedule(tx, REMINDER_TIMER, str(postmortem_id), now)


async def due_of(tx: Tx, incident: Incident, author_id: int | None, now: datetime) -> datetime:
    """Return when the post-mortem of an incident is due, from its closing, or from now while it is open."""
    author = await people.person(tx, author_id) if author_id else None
    tz = author.tz if author else DEFAULT_ZONE
    return due_at(incident.max_severity, incident.drill, incident.closed_at or now, tz)


@internal("Follows from closing an incident again.")
async def renew_due(tx: Tx, incident: Incident, postmortem: ListedPostmortem, now: datetime) -> None:
    """Let the time of an unpublished post-mortem begin again with the latest closing of its incident."""
    if postmortem.state in FINISHED or incident.closed_at is None:
        return
    if postmortem.kind == PostmortemKind.SEVERAL:
        await renew_due_of_several(tx, postmortem, now)
        return
    due = await due_of(tx, incident, postmortem.author_id, now)
    if due > postmortem.due_at:
        await store.set_due(tx, postmortem.id, due)
        await schedule(tx, postmortem.id, now)


@internal("Follows from adding an incident to a document, and from closing one again.")
async def renew_due_of_several(tx: Tx, postmortem: ListedPostmortem, now: datetime) -> None:
    """Set the due time of an unpublished document about several incidents to the earliest of those that are closed."""
    about = await incidents.incidents_by_id(tx, await lookup.incident_ids(tx, postmortem))
    closed = [one for one in about.values() if one.closed_at]
    if not closed or postmortem.state in FINISHED:
        return
    due = min([await due_of(tx, one, postmortem.author_id, now) for one in closed])
    if due != postmortem.due_at:
        await store.set_due(tx, postmortem.id, due)
        await schedule(tx, postmortem.id, now)


async def send_reminders(tx: Tx, postmortem_ids: Sequence[int], now: datetime) -> set[int]:
    """Send the reminders that are due, once each, and schedule the next; return the post-mortems that are locked."""
    unlocked = await store.lock_free(tx, postmortem_ids)
    for one in unlocked:
        if one.state in FINISHED:
            continue
        if one.incident_id is None:
            await _remind_of_near_miss(tx, one, now)
        else:
            await _remind(tx, one, one.incident_id, now)
    locked = set(postmortem_ids) - {one.id for one in unlocked}
    return locked & await store.existing(tx, list(locked)) if locked else set()


async def _remind(tx: Tx, one: RemindedPostmortem, incident_id: int, now: datetime) -> None:
    incident = (await incidents.incidents_by_id(tx, [incident_id]))[incident_id]
    if incident.phase in (Phase.DISMISSED, Phase.MERGED):
        return
    if incident.phase in OPEN:
        await timers.schedule(tx, REMINDER_TIMER, str(one.id), now + OPEN_AGAIN)
        return
    latest = await _take_due(tx, one, min(incident.closed_at or one.created_at, one.due_at), now)
    if latest:
        to = await recipients(tx, incident, one.author_id, to_managers=latest.to_managers)
        urgency = "high" if latest.is_urgent else "low"
        await notify.send_about(tx, SUBJECT_KIND, {one.id: to}, now, urgency=urgency)


async def _remind_of_near_miss(tx: Tx, one: RemindedPostmortem, now: datetime) -> None:
    """Remind of a near miss at the same shares of its week, in working hours: nothing about it is urgent."""
    if latest := await _take_due(tx, one, min(one.created_at, one.due_at), now, may_be_urgent=False):
        to = await near_miss_recipients(tx, one.service_ids, one.author_id, to_managers=latest.to_managers)
        await notify.send_about(tx, SUBJECT_KIND, {one.id: to}, now)


async def _take_due(
    tx: Tx, one: RemindedPostmortem, began_at: datetime, now: datetime, *, may_be_urgent: bool = True
) -> PostmortemReminder | None:
    """Record the reminders that are due, schedule the next one, and return the latest to send, None without any."""
    author = await people.person(tx, one.author_id) if one.author_id else None
    listed = reminder_times.reminders(began_at, one.due_at, may_be_urgent=may_be_urgent)
    ready, next_at = reminder_times.plan(listed, one.sent, now, author.tz if author else DEFAULT_ZONE)
    if ready:
        await store.record(tx, one.id, one.due_at, [reminder.mark for reminder in ready], now)
    if next_at:
        await timers.schedule(tx, REMINDER_TIMER, str(one.id), next_at)
    return ready[-1] if ready else None


@permits(Verb.POSTMORTEM_WRITE)
async def assign_author(tx: Tx, actor: Actor, incident_id: int, person_id: int, now: datetime) -> None:
    """Assign the author of an unpublished post-mortem and notify them; raise `Invalid` for someone who left.

    Idempotent. The author must be someone who may read each of its incidents.
    """
    postmortem = await lookup.locked(tx, incident_id)
    if postmortem.state in FINISHED:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is {postmortem.state}.", hint="Start a revision first."
        )
    author = await people.person(tx, person_id)
    may_read = await incidents.readers_among(tx, await lookup.incidents_of(tx, postmortem), [author])
    if not author.active or not may_read:
        reason = "has left" if not author.active else "may not read this private incident"
        raise Invalid(f"{author.name} {reason}.", fields={"person": "Choose someone else."})
    if postmortem.author_id == person_id:
        return
    await store.set_author(tx, postmortem.id, person_id)
    await schedule(tx, postmortem.id, now)
    if person_id != actor.person_id:
        await notify.send_about(tx, SUBJECT_KIND, {postmortem.id: [person_id]}, now)
    await tx.audit(actor, "postmortem.author_assigned", postmortem.ref, now, author=person_id)
    await tx.live("incidents")
