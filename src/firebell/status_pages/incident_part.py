"""What the incident page shows of status pages, and what they add to the conditions for closing."""

from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.status_pages import queries
from firebell.status_pages.queries import Publication


async def load(tx: Tx, incident: Incident, now: datetime) -> list[Publication]:
    """Return what each status page says about an incident, without those that it does not concern."""
    listed = await queries.publications(tx, incident)
    return [each for each in listed if each.published or each.suggested_ids] or listed[:1]


PART = IncidentPart(load, "status_pages/incident_part.html", "rest")


async def closing_conditions(tx: Tx, incident: Incident, now: datetime) -> list[incidents.ClosingCondition]:
    """Return a condition for each status page with the incident: it is resolved there."""
    return [
        incidents.published_condition(
            each.page.name,
            f"/status-pages/{each.page.slug}/incidents/{each.published.public_id}",
            is_resolved=not each.published.is_open,
            stage=each.published.stage,
        )
        for each in await queries.publications(tx, incident)
        if each.published
    ]
