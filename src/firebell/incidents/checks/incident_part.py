"""What the list of incidents shows of process checks: the number of open problems of each open incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.model import OPEN, Incident
from firebell.incidents.queries import checked
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart


async def load(tx: Tx, incident: Incident, now: datetime) -> None:
    """Return nothing: the incident page shows its checks itself."""


async def load_rows(tx: Tx, incidents: Sequence[Incident], now: datetime) -> Mapping[int, int]:
    """Return the number of open errors and warnings of those open incidents that have any."""
    listed = [incident for incident in incidents if incident.phase in OPEN]
    results = await checked(tx, listed, (), now) if listed else {}
    return {i: result.problems for i, result in results.items() if result.problems}


PART = IncidentPart(load, "incidents/checks_row.html", load_rows, "incidents/checks_row.html")
