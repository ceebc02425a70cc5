"""What metrics add to the process checks of incidents: which of them repeat an earlier one."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.action_items import actions as action_items
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.findings import ProcessFinding
from firebell.metrics import process_checks
from firebell.metrics.learning_loop import store as learning_loop_store


async def load_findings(
    tx: Tx, listed: Sequence[Incident], _: Mapping[int, Sequence[TimelineEntry]], now: datetime
) -> Mapping[int, Sequence[ProcessFinding]]:
    """Return the findings about repeats; an earlier incident that the reader may not read is not mentioned."""
    repeat_of = await learning_loop_store.repeated_by(tx, [incident.id for incident in listed])
    if not repeat_of:
        return {}
    earlier = await incidents.incidents_by_id(tx, sorted(set(repeat_of.values())))
    items = await action_items.of_incidents(tx, list(earlier))
    return {
        incident.id: process_checks.findings(incident, before, items.get(before.id, ()))
        for incident in listed
        if (before := earlier.get(repeat_of.get(incident.id, 0)))
    }
