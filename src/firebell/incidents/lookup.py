"""Get one incident, locked or not; raise `NotFound` if the reader may not read it."""

from firebell.incidents import store
from firebell.incidents.model import Incident, IncidentRole
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound


async def incident(tx: Tx, incident_id: int) -> Incident:
    """Return an incident; raise `NotFound` if there is none that may be read."""
    return existing(await store.incident(tx, incident_id), incident_id)


async def locked(tx: Tx, incident_id: int) -> Incident:
    """Lock an incident and return it; raise `NotFound` if there is none that may be read."""
    return existing(await store.lock(tx, incident_id), incident_id)


async def survivor(tx: Tx, merged: Incident, *, lock: bool = False) -> Incident:
    """Return the incident into which one was merged, and so on to the last; itself if it was not merged."""
    last = merged
    while last.merged_into is not None:
        last = await (locked if lock else incident)(tx, last.merged_into)
    return last


def existing(incident: Incident | None, incident_id: int) -> Incident:
    """Return the incident; raise `NotFound` if it is None."""
    if incident is None:
        raise NotFound(f"There is no incident INC-{incident_id}.", hint="See all incidents at /incidents.")
    return incident


async def holders(tx: Tx, incident_id: int) -> list[tuple[IncidentRole, int]]:
    """Return the role and the id of each person who has a role now."""
    return [(a.role, a.person_id) for a in (await store.roles(tx, [incident_id]))[incident_id]]
