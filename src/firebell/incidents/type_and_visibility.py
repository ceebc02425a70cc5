"""What an incident is about, and who may see it."""

from datetime import datetime
from typing import Any

from firebell.incidents import linked_pages, lookup, store, timeline_writer
from firebell.incidents.model import TYPE_NAMES, Incident, IncidentType, Visibility
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


def visibility_of(incident_type: IncidentType, *, private: bool) -> Visibility:
    """Return the visibility of a new incident: security incidents and those marked private are private."""
    is_private = private or incident_type is IncidentType.SECURITY
    return Visibility.PRIVATE if is_private else Visibility.OPEN


@permits(Verb.INCIDENT_UPDATE)
async def set_type(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    incident_type: IncidentType,
    now: datetime,
    *,
    private: bool,
    reason: str = "",
) -> Incident:
    """Change what an incident is about and who sees it; showing a private one to everyone requires a reason.

    The pages of a private incident, which everyone sees, lose its title and reference. Idempotent.
    """
    old = await lookup.locked(tx, incident_id)
    if incident_type is IncidentType.SECURITY and not private:
        raise Conflict("A security incident is private.", hint="Choose another type to show it to everyone.")
    visibility = Visibility.PRIVATE if private else Visibility.OPEN
    if (old.type, old.visibility) == (incident_type, visibility):
        return old
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if old.is_private and not private and not reason:
        raise Invalid("Enter why everyone may see it.", fields={"reason": "Enter why everyone may see it."})
    new = await store.change(tx, incident_id, type=incident_type, visibility=visibility)
    change: dict[str, Any] = {"type": incident_type, "visibility": visibility}
    text = f"set the type to {TYPE_NAMES[incident_type].lower()}"
    if old.visibility is not visibility:
        text += ", visible only to those involved and managers" if private else ", visible to everyone"
        await linked_pages.follow_visibility(tx, new, now)
    because = f": {reason}" if reason else ""
    await timeline_writer.add_timeline_entry(
        tx, actor, incident_id, "type", f"{text}{because}", now, **change
    )
    await tx.audit(actor, "incident.type", old.ref, now, **change)
    return new
