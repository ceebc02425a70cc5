"""The only place that writes timeline entries: each is emitted, and open browsers are refreshed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.incidents import store
from firebell.incidents.model import EntryAdded
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal


@internal("Part of every action on an incident.")
async def add_timeline_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, now: datetime, **data: Any
) -> int:
    """Add an entry about something that happens now and return its id."""
    return await write_entry(tx, actor, incident_id, kind, text, data, now, now)


@internal("Part of every action on an incident.")
async def write_entry(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    kind: str,
    text: str,
    data: Mapping[str, Any],
    now: datetime,
    effective_at: datetime,
) -> int:
    """Add an entry, refresh open browsers, and return its id; the only place that writes entries."""
    entry_id = await store.add_entry(
        tx, incident_id, kind, actor.label, actor.person_id, text, dict(data), now, effective_at
    )
    await tx.live("incidents")
    await tx.live(f"inc-{incident_id}")
    await tx.emit(EntryAdded(incident_id, entry_id, kind), now)
    return entry_id
