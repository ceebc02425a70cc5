"""What the incident page shows of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.runbooks.runs import queries
from firebell.runbooks.runs.model import RunbookRun

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class IncidentRuns:
    """The newest runs of an incident."""

    runs: Sequence[RunbookRun]
    has_more: bool


async def load(tx: Tx, incident: Any, now: datetime) -> IncidentRuns:
    """Return the runs of an incident."""
    runs = await queries.runs(tx, incident_id=incident.id, limit=_SHOWN + 1)
    return IncidentRuns(runs[:_SHOWN], len(runs) > _SHOWN)


PART = IncidentPart(load, "runbooks/incident_runs.html", "rest")
