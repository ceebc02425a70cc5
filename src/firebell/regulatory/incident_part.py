"""What the incident page and the list of incidents show of regulatory clocks."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.kit.slice import IncidentPart
from firebell.regulatory import process_checks, queries
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts import store as draft_store
from firebell.regulatory.model import Clock
from firebell.regulatory.queries import IncidentClocks


async def load(tx: Tx, incident: Incident, now: datetime) -> IncidentClocks | None:
    """Return the clocks of an incident; None for a drill."""
    return None if incident.drill else (await queries.clocks_of(tx, [incident], now))[0]


async def load_rows(tx: Tx, incidents: Sequence[Incident], now: datetime) -> Mapping[int, list[Clock]]:
    """Return the clocks that are owed, of those incidents that have any."""
    return await queries.owed_by_incident(tx, incidents, now)


async def load_findings(
    tx: Tx, incidents: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings of the clocks and drafts of each incident that is not a drill."""
    real = [incident for incident in incidents if not incident.drill]
    drafts = await draft_store.drafts(tx, [incident.id for incident in real])
    published = await draft_queries.published_texts(tx, list(drafts)) if drafts else {}
    return {
        one.incident.id: [
            *process_checks.findings(one.incident.ref, one.clocks, now),
            *process_checks.contradiction_findings(
                one.incident.ref,
                one.incident.severity,
                drafts.get(one.incident.id, ()),
                published.get(one.incident.id, ()),
            ),
        ]
        for one in await queries.clocks_of(tx, real, now)
    }


PART = IncidentPart(
    load, "regulatory/incident_part.html", load_rows=load_rows, row_template="regulatory/row_part.html"
)
