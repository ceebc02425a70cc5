"""What all actions on incidents share: locking one, its timeline, its page and its next update."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import lifecycle, lifecycle_store, store
from firebell.incidents.model import EntryAdded, Incident, IncidentRole, Phase
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import NotFound
from firebell.kit.jobs import timers
from firebell.paging import actions as paging
from firebell.people.authorization import internal

UPDATE_DUE_TIMER = "incidents.update_due"
STABLE_TIMER = "incidents.stable"
REFIRE_TIMER = "incidents.refire"
REVIEW_TIMER = "incidents.review"


async def incident(tx: Tx, incident_id: int) -> Incident:
    """Return an incident; raise `NotFound` if there is none that may be read."""
    return existing(await store.incident(tx, incident_id), incident_id)


async def locked(tx: Tx, incident_id: int) -> Incident:
    """Lock an incident and return it; raise `NotFound` if there is none that may be read."""
    return existing(await store.lock(tx, incident_id), incident_id)


def existing(incident: Incident | None, incident_id: int) -> Incident:
    """Return the incident; raise `NotFound` if it is None."""
    if incident is None:
        raise NotFound(f"There is no incident INC-{incident_id}.", hint="See all incidents at /incidents.")
    return incident


@internal("A part of every action on an incident.")
async def add_timeline_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, now: datetime, **data: Any
) -> int:
    """Add an entry about something that happens now and return its id."""
    return await write_entry(tx, actor, incident_id, kind, text, data, now, now)


@internal("A part of every action on an incident.")
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


@internal("A part of every action that changes a phase.")
async def add_transition(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    before: Phase | None,
    after: Phase,
    now: datetime,
    *,
    effective_at: datetime | None = None,
    reason: str = "",
    skipped: Sequence[str] = (),
) -> None:
    """Record a move between phases with who made it, when, and why."""
    at = effective_at or now
    await lifecycle_store.add_transition(
        tx, incident_id, before, after, at, actor.label, actor.person_id, reason, skipped, now
    )


async def schedule_next_update(tx: Tx, incident: Incident) -> Incident:
    """Set when the next update is due, with its timer."""
    due_at = None if incident.backfilled else lifecycle.next_update(incident)
    if due_at is None:
        await timers.cancel(tx, UPDATE_DUE_TIMER, str(incident.id))
    else:
        await timers.schedule(tx, UPDATE_DUE_TIMER, str(incident.id), due_at)
    return await store.change(tx, incident.id, update_due_at=due_at)


def page_title(incident: Incident) -> str:
    """Return the title of the incident's page, which everyone can see: that of a private one says nothing."""
    drill = "DRILL " if incident.drill else ""
    if incident.is_private:
        return f"{drill}Private SEV{incident.severity} incident"
    return f"{drill}{incident.ref}: {incident.title}"


@internal("A part of declaring an incident, raising its severity and reopening it.")
async def page_for(
    tx: Tx, actor: Actor, incident: Incident, service_ids: Sequence[int], now: datetime
) -> None:
    """Page for the incident by the policy of its first service, or raise the page that it already has."""
    services_by_id = await catalog.services_by_id(tx, service_ids)
    service = next((services_by_id[i] for i in service_ids if i in services_by_id), None)
    page_id = await paging.start_incident_page(
        tx,
        actor,
        incident_id=incident.id,
        title=page_title(incident),
        severity=incident.severity,
        service_id=service.id if service else None,
        team_id=service.team_id if service else None,
        policy_id=service.policy_id if service else None,
        now=now,
    )
    if page_id is None:
        await paging.raise_incident_page(tx, "incident", incident.id, incident.severity, now)
        return
    await store.link_page(tx, incident.id, page_id)
    text = f"Paged for a commander and subject matter experts (PG-{page_id})."
    await add_timeline_entry(tx, SYSTEM, incident.id, "paged", text, now, page=page_id)


async def holders(tx: Tx, incident_id: int) -> list[tuple[IncidentRole, int]]:
    """Return the role and the id of each person who has a role now."""
    return [(a.role, a.person_id) for a in (await store.roles(tx, [incident_id]))[incident_id]]
