"""What the incident page shows of status pages, and what they add to the conditions for closing."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.status_pages import queries
from firebell.status_pages.queries import Telling


async def load(tx: Tx, incident: Incident, now: datetime) -> list[Telling]:
    """Return what each status page tells of an incident; those that are not concerned are left out."""
    listed = await queries.tellings(tx, incident)
    return [each for each in listed if each.told or each.suggested_ids] or listed[:1]


async def load_rows(tx: Tx, listed: Sequence[Incident], now: datetime) -> Mapping[int, str]:
    """Return nothing: the list of incidents shows no status pages."""
    return {}


PART = IncidentPart(
    load, "status_pages/incident_part.html", load_rows, "status_pages/incident_part.html", "rest"
)


async def closing_conditions(tx: Tx, incident: Incident, now: datetime) -> list[incidents.ClosingCondition]:
    """Return a condition for each status page that tells of the incident: it is resolved there."""
    return [
        incidents.published_condition(
            each.page.name,
            f"/status-pages/{each.page.slug}/incidents/{each.told.public_id}",
            is_resolved=not each.told.is_open,
            stage=each.told.stage,
        )
        for each in await queries.tellings(tx, incident)
        if each.told
    ]
