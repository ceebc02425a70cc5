"""When the next update of an incident is due, with its timer, and what happens if it is late."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from firebell.incidents import store, timeline_writer
from firebell.incidents.model import OPEN, Incident
from firebell.incidents.update_deadlines import rules as update_rules
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.drill_clock import DrillClock
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal

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


@internal("Called by a promise of the response.")
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


@internal("Called by the drill of the incident.")
async def set_drill_clock(tx: Tx, incident_id: int, clock: DrillClock, now: datetime) -> None:
    """Let the updates of an incident be due on the clock of its drill; a pause shifts the present deadline."""
    with private_reader.as_reader(None):  # also an incident that the players keep private
        old = await store.lock(tx, incident_id)
    if old is None:
        return
    new = await store.change(tx, incident_id, drill_clock=msgspec.to_builtins(clock))
    if clock.stands_still:
        await timers.cancel(tx, UPDATE_DUE_TIMER, str(incident_id))
    elif old.paused_due_at is not None and old.drill_clock is not None and old.drill_clock.paused_at:
        await set_update_due(tx, incident_id, old.paused_due_at + (now - old.drill_clock.paused_at))
    else:
        await schedule_next_update(tx, new)
