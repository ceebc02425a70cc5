"""What the incident page and its process checks show of audiences."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.audiences import process_checks, queries
from firebell.audiences.incident_audiences import IncidentAudiences
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.kit.slice import IncidentPart


async def load(tx: Tx, incident: Incident, now: datetime) -> IncidentAudiences | None:
    """Return the audiences of an incident; None without any that is due or was sent anything."""
    listed = await queries.of_incidents(tx, [incident])
    return listed[0] if listed and (listed[0].posts or listed[0].next) else None


async def load_findings(
    tx: Tx, incidents: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about what audiences of each incident were sent, and when."""
    return {
        one.incident.id: process_checks.findings(one, now)
        for one in await queries.of_incidents(tx, incidents)
    }


PART = IncidentPart(load, "audiences/incident_part.html", "rest")
