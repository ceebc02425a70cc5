"""What the incident page shows of tasks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incident_tasks import queries
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart


async def load_rows(tx: Tx, incidents: Sequence[Incident], now: datetime) -> Mapping[int, str]:
    """Return nothing: the list of incidents shows no tasks."""
    return {}


PART = IncidentPart(
    queries.of_incident,
    "incident_tasks/incident_part.html",
    load_rows,
    "incident_tasks/incident_part.html",
    "rest",
)
