"""Who is reminded of a text about an incident that others wait for."""

from firebell.incidents import store
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db.database import Tx
from firebell.people import actions as people

FALLBACK_SEVERITY = 1
"""The least severe incident that the fallback responders are reminded of if no one holds the roles."""


async def reminder_recipients(tx: Tx, incident: Incident) -> list[int]:
    """Return the commander and the comms lead; without either, the fallback responders of a SEV0 or SEV1."""
    assignments = (await store.roles(tx, [incident.id]))[incident.id]
    holders = {a.person_id for a in assignments if a.role in (IncidentRole.COMMANDER, IncidentRole.COMMS)}
    if not holders and incident.severity <= FALLBACK_SEVERITY:
        holders = set(await people.fallback_responders(tx))
    return sorted(holders)
