"""What the list of incidents shows of process checks: the number of open problems of each open incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.model import OPEN, Incident
from firebell.incidents.queries import checked
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentChecks

ROW_TEMPLATE = "incidents/checks_row.html"


async def load_rows(
    tx: Tx, incidents: Sequence[Incident], added: Sequence[IncidentChecks], now: datetime
) -> Mapping[int, int]:
    """Return the number of open errors and warnings of those open incidents that have any.

    `added` are the checks of slices above incidents.
    """
    listed = [incident for incident in incidents if incident.phase in OPEN]
    results = await checked(tx, listed, added, now) if listed else {}
    return {i: result.problems for i, result in results.items() if result.problems}
