"""Assign the roles of an incident."""

from collections.abc import Collection
from datetime import datetime

from firebell.incidents import lookup, store, timeline_writer
from firebell.incidents.model import OPEN, ROLE_NAMES, SINGLE, Incident, IncidentRole, RoleChanged
from firebell.incidents.roles import ending
from firebell.incidents.roles import rules as role_rules
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.model import Person
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_UPDATE)
async def take_role(
    tx: Tx, actor: Actor, incident_id: int, role: IncidentRole, person_id: int, now: datetime
) -> None:
    """Assign a role; a role that only one person can hold is taken from its holder. Idempotent.

    Raise `Conflict` for a viewer, and at SEV0 and SEV1 for a commander who would be subject matter expert too.
    """
    incident = await lookup.locked(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    person = await account_held(tx, person_id)
    current = (await store.roles(tx, [incident_id]))[incident_id]
    assignments = [a for a in current if a.role is role]
    if any(a.person_id == person_id for a in assignments):
        return
    check_can_take(incident, person, role, {a.role for a in current if a.person_id == person_id})
    name, assigns_self = ROLE_NAMES[role].lower(), actor.person_id == person_id
    text = f"became {name}" if assigns_self else f"assigned {person.name} as {name}"
    ended = assignments if role in SINGLE else []
    if ended:
        previous = await people.person(tx, ended[0].person_id)
        await ending.end_role(tx, incident_id, role, previous.id, now)
        text = (
            f"took over as {name} from {previous.name}"
            if assigns_self
            else f"changed {name} from {previous.name} to {person.name}"
        )
    await store.start_role(tx, incident_id, role, person_id, now)
    await timeline_writer.add_timeline_entry(
        tx, actor, incident_id, "role", text, now, role=role, person=person_id
    )
    await tx.audit(actor, "incident.role", incident.ref, now, role=role, person=person_id)
    await tx.emit(RoleChanged(incident_id, role, person_id, "assigned"), now)


@internal("Part of assigning and offering roles.")
async def account_held(tx: Tx, person_id: int) -> Person:
    """Lock the account of an active person until the transaction ends; raise `Conflict` or `NotFound`.

    Deactivating them, or making them a viewer, then ends the role that this transaction assigns.
    """
    is_active = await people.hold_active(tx, person_id)
    person = await people.person(tx, person_id)
    if not is_active:
        raise Conflict(f"{person.name} is deactivated.", fields={"person": "Choose someone else."})
    return person


def check_can_take(
    incident: Incident, person: Person, role: IncidentRole, held: Collection[IncidentRole]
) -> None:
    """Raise `Conflict` if the person, who has the roles `held`, can't take this role too."""
    if not role_rules.can_hold_roles(person):
        raise Conflict(
            f"{person.name} is a viewer, and viewers can't have a role in an incident.",
            hint="Choose someone else, or ask an admin to change the account.",
            fields={"person": "Choose someone who isn't a viewer."},
        )
    if other := role_rules.conflicting_role(incident.severity, role, held):
        raise Conflict(
            role_rules.conflict_text(incident, person, role, other),
            hint=f"Hand over or release the role {ROLE_NAMES[other].lower()} first, or choose someone else.",
            fields={"person": "Choose someone else."},
        )


@permits(Verb.INCIDENT_UPDATE)
async def release_role(
    tx: Tx, actor: Actor, incident_id: int, role: IncidentRole, person_id: int, now: datetime
) -> None:
    """End a person's role without a successor. Idempotent."""
    incident = await lookup.locked(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    assignments = (await store.roles(tx, [incident_id]))[incident_id]
    if not any(a.role is role and a.person_id == person_id for a in assignments):
        return
    name = ROLE_NAMES[role].lower()
    is_own = actor.person_id == person_id
    person = await people.person(tx, person_id)
    text = f"released the role {name}" if is_own else f"released {person.name} from the role {name}"
    await ending.end_role(tx, incident_id, role, person_id, now)
    data = {"role": role, "person": person_id, "change": "ended"}
    # someone who releases their own role may lose access to a private incident
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "role", text, now, **data)
    await tx.audit(actor, "incident.role_released", incident.ref, now, role=role, person=person_id)
