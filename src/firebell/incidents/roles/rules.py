"""Who can take which role of an incident (spec 4.1); pure."""

from collections.abc import Collection

from firebell.incidents.model import ROLE_NAMES, Incident, IncidentRole
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights, Verb, allows

APART = frozenset({IncidentRole.COMMANDER, IncidentRole.SME})
"""The roles that no one has at the same time in a SEV0 or SEV1."""


def can_hold_roles(person: Person) -> bool:
    """Return True if the account of a person includes changing incidents; that of a viewer does not."""
    return allows(Rights(Role(person.role)), Verb.INCIDENT_UPDATE)


def why_roles_end(person: Person) -> str:
    """Return why a person can no longer hold roles, to follow their name; empty if they can hold them."""
    if not person.active:
        return "was deactivated"
    return "" if can_hold_roles(person) else "became a viewer"


def conflicting_role(
    severity: int, role: IncidentRole, held: Collection[IncidentRole]
) -> IncidentRole | None:
    """Return the held role that must be given up first, None if `role` can be taken beside the others."""
    if severity > 1 or role not in APART or role in held:
        return None
    return next((other for other in APART if other != role and other in held), None)


def conflict_text(incident: Incident, person: Person, role: IncidentRole, other: IncidentRole) -> str:
    """Return why a person who has the role `other` can't take `role` too."""
    taken, held = ROLE_NAMES[role].lower(), ROLE_NAMES[other].lower()
    return f"{person.name} is {held} of {incident.ref}. In a SEV{incident.severity}, no one is {held} and {taken}."
