"""What the incident page and the list of incidents show of regulatory clocks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.regulatory import queries
from firebell.regulatory.model import Clock
from firebell.regulatory.queries import IncidentClocks


async def load(tx: Tx, incident: Incident, now: datetime) -> IncidentClocks | None:
    """Return the clocks of an incident; None for a drill."""
    return None if incident.drill else (await queries.clocks_of(tx, [incident], now))[0]


async def load_rows(tx: Tx, incidents: Sequence[Incident], now: datetime) -> Mapping[int, list[Clock]]:
    """Return the clocks that are owed, of those incidents that have any."""
    return await queries.owed_by_incident(tx, incidents, now)


PART = IncidentPart(load, "regulatory/room_part.html", load_rows, "regulatory/row_part.html")
