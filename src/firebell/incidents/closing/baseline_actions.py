"""Confirm that the metrics of an incident are back at their baseline."""

from datetime import datetime

from firebell.incidents import lookup, timeline_writer
from firebell.incidents.closing import store as closing_store
from firebell.incidents.model import Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

NOTE_MAX_CHARS = 500


@permits(Verb.INCIDENT_UPDATE)
async def sign_baseline(tx: Tx, actor: Actor, incident_id: int, note: str, now: datetime) -> None:
    """Confirm that the metrics are back at their baseline; it counts until the incident is worked on again."""
    incident = await lookup.locked(tx, incident_id)
    if incident.phase is not Phase.MONITORING:
        raise Conflict(
            f"{incident.ref} is {incident.phase}. The baseline is confirmed in monitoring.",
            hint="Resolve the incident first.",
        )
    note = clean_text(note, NOTE_MAX_CHARS, "note")
    await closing_store.sign_baseline(tx, incident_id, note, actor.person_id, actor.label, now)
    text = f"confirmed that metrics are at baseline{f': {note}' if note else ''}"
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "baseline", text, now)
    await tx.audit(actor, "incident.baseline", incident.ref, now)
