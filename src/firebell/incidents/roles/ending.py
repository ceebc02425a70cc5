"""End roles with their pending offers, and the roles of people who can no longer hold them."""

from collections.abc import Mapping
from datetime import datetime

from firebell.incidents import store, timeline_writer
from firebell.incidents.model import OPEN, ROLE_NAMES, Incident, IncidentRole, RoleChanged
from firebell.incidents.roles import handover_store
from firebell.incidents.roles import rules as role_rules
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.people.action_permissions import internal
from firebell.people.model import Person


@internal("Part of assigning, releasing, handing over and merging roles.")
async def end_role(tx: Tx, incident_id: int, role: IncidentRole, person_id: int, now: datetime) -> None:
    """End a role that a person has, and cancel their offers to hand it over."""
    await store.end_role(tx, incident_id, role, person_id, now)
    await handover_store.cancel_of(tx, incident_id, role, person_id, now)
    await tx.emit(RoleChanged(incident_id, role, person_id, "ended"), now)


async def end_lost_roles_of(tx: Tx, payload: Mapping[str, int], now: datetime) -> None:
    """End the roles in open incidents of a person who was deactivated or became a viewer, so that they count as vacant.

    Idempotent. Someone who can hold roles again by then keeps them.
    """
    person = await people.person(tx, payload["person_id"])
    if not role_rules.why_roles_end(person):
        return
    for incident_id in await handover_store.open_incidents_with(tx, person.id):
        incident = await store.lock(tx, incident_id)
        if incident is not None and incident.phase in OPEN:
            await end_lost_roles(tx, incident, now)


@internal("Called when someone is deactivated or becomes a viewer, and when an incident is reopened.")
async def end_lost_roles(tx: Tx, incident: Incident, now: datetime) -> None:
    """End the roles in a locked incident of people who can no longer hold them, and cancel offers to them.

    Idempotent.
    """
    assignments = (await store.roles(tx, [incident.id]))[incident.id]
    offers = await handover_store.waiting(tx, incident.id)
    ids = {a.person_id for a in assignments} | {offer.to_id for offer in offers}
    for person in (await people.people_by_id(tx, sorted(ids))).values():
        why = role_rules.why_roles_end(person)
        if not why:
            continue
        await handover_store.cancel_to(tx, incident.id, person.id, now)
        for assignment in assignments:
            if assignment.person_id == person.id:
                await _end(tx, incident, assignment.role, person, why, now)


async def _end(
    tx: Tx, incident: Incident, role: IncidentRole, holder: Person, why: str, now: datetime
) -> None:
    await end_role(tx, incident.id, role, holder.id, now)
    text = f"{holder.name} {why} and is no longer {ROLE_NAMES[role].lower()}."
    data = {"role": role, "person": holder.id, "change": "ended"}
    await timeline_writer.add_timeline_entry(tx, SYSTEM, incident.id, "role", text, now, **data)
    await tx.audit(*(SYSTEM, "incident.role_released", incident.ref, now), role=role, person=holder.id)
