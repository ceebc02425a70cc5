"""What copies add to the process checks of incidents."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.status_copies import difference_store, process_checks, queries, step_store, store


async def load_findings(
    tx: Tx, incidents: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings of the copies of each incident that is on a copied status page."""
    ids = [incident.id for incident in incidents if not incident.drill]
    if not ids or not await store.has_copies(tx):
        return {}
    copies = {copy.id: copy for copy in await store.copies(tx)}
    queue = await step_store.of_incidents(tx, ids)
    differences = await difference_store.open_of_incidents(tx, ids)
    lacking = await queries.unmapped_by_incident(tx, ids)
    return {
        incident.id: process_checks.findings(
            incident.ref,
            incident.severity,
            [(copies[q.step.copy_id], q) for q in queue if q.incident_id == incident.id],
            [(copies[d.copy_id], d) for incident_id, d in differences if incident_id == incident.id],
            lacking.get(incident.id, []),
            now,
        )
        for incident in incidents
    }
