"""When the next update of an incident is due, with its timer, and what happens if it is late."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import store, timeline_writer
from firebell.incidents.model import OPEN, Incident
from firebell.incidents.update_deadlines import rules as update_rules
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.jobs import timers
from firebell.people.action_guards import internal

UPDATE_DUE_TIMER = "incidents.update_due"


async def note_overdue_updates(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that updates are overdue; return the incidents that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        if incident.update_due_at and incident.update_due_at <= now and incident.phase in OPEN:
            text = "The update is overdue."
            await timeline_writer.add_timeline_entry(
                tx, SYSTEM, incident.id, "check", text, now, check="I-UPDATE"
            )
    return set(ids) - {incident.id for incident in unlocked}


@internal("A promise of the response sets it.")
async def set_update_due(tx: Tx, incident_id: int, due_at: datetime) -> None:
    """Set when the next update is due, until the next update or change."""
    await timers.schedule(tx, UPDATE_DUE_TIMER, str(incident_id), due_at)
    await store.change(tx, incident_id, update_due_at=due_at)


async def schedule_next_update(tx: Tx, incident: Incident) -> Incident:
    """Set when the next update is due, with its timer."""
    due_at = None if incident.backfilled else update_rules.next_update(incident)
    if due_at is None:
        await timers.cancel(tx, UPDATE_DUE_TIMER, str(incident.id))
    else:
        await timers.schedule(tx, UPDATE_DUE_TIMER, str(incident.id), due_at)
    return await store.change(tx, incident.id, update_due_at=due_at)
