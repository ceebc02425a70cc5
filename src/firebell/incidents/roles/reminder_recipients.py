"""Who is reminded of a text about an incident that others wait for."""

from collections.abc import Sequence

from firebell.incidents import store, visibility_store
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
        return await readers_or_managers(tx, incident, await people.fallback_responders(tx))
    return sorted(holders)


async def readers_or_managers(tx: Tx, incident: Incident, person_ids: Sequence[int]) -> list[int]:
    """Return those of `person_ids` who may read an incident; if none may, the managers, who may read any."""
    people_by_id = await people.people_by_id(tx, person_ids)
    chosen = [people_by_id[i] for i in dict.fromkeys(person_ids) if i in people_by_id]
    readers = await visibility_store.readers_among(tx, [incident], chosen)
    return [person.id for person in readers] or await people.managers(tx)
