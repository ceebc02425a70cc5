"""Add entries to the timeline of an incident."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.model import ENTRY_KINDS, UpdatePosted
from firebell.incidents.timeline.entry_input import entry_text, entry_time
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.paging import actions as paging
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_UPDATE)
async def add_entry(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    kind: str,
    text: str,
    now: datetime,
    *,
    effective_at: datetime | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Add a timeline entry and return its id; `effective_at` is when it happened, None for now.

    It extends the acknowledgment of the page, and an update restarts its interval. `data` is stored with it.
    """
    incident = await lookup.locked(tx, incident_id)
    if kind not in ENTRY_KINDS:
        raise Invalid(
            f"{kind!r} is not a kind of entry.", fields={"kind": f"Use one of {', '.join(ENTRY_KINDS)}."}
        )
    text, at = entry_text(text), entry_time(incident, effective_at, now)
    entry_id = await timeline_writer.write_entry(tx, actor, incident_id, kind, text, data or {}, now, at)
    if kind == "mitigation" and (incident.mitigated_at is None or at < incident.mitigated_at):
        await store.change(tx, incident_id, mitigated_at=at)
    if kind == "update":
        latest = max(at, incident.last_update_at or at)
        await update_actions.schedule_next_update(
            tx, await store.change(tx, incident_id, last_update_at=latest)
        )
        await tx.emit(UpdatePosted(incident_id, entry_id), now)
    await paging.extend_ack(tx, "incident", incident_id, now)
    return entry_id


@permits(Verb.INCIDENT_UPDATE)
async def record_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Add an entry of a slice above, in a kind of its own; the incident stays locked until the transaction ends."""
    await lookup.locked(tx, incident_id)
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, kind, text, now, **data)
