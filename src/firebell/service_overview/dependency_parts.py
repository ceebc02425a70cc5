"""What is wrong with the services behind a page, an alert or an incident that is still open."""

from datetime import datetime

from firebell.alerts import queries as alert_queries
from firebell.alerts.model import Alert
from firebell.incidents import queries as incident_queries
from firebell.incidents.model import OPEN as OPEN_PHASES
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.slice import AlertPart, IncidentPart, PagePart
from firebell.paging.model import OPEN as OPEN_STATES
from firebell.paging.model import Page
from firebell.service_overview.dependency_queries import RelatedService, problems

TEMPLATE = "service_overview/dependency_problems.html"


async def of_page(tx: Tx, page: Page, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind the service of an open page."""
    if page.state not in OPEN_STATES or page.service_id is None:
        return []
    return await problems(tx, [page.service_id])


async def of_alert(tx: Tx, alert: Alert, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind the service of a firing alert."""
    if alert.status != "firing":
        return []
    (details,) = await alert_queries.alert_details(tx, [alert])
    return await problems(tx, [details.service.id])


async def of_incident(tx: Tx, incident: Incident, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind those that an open incident affects."""
    if incident.phase not in OPEN_PHASES:
        return []
    (summary,) = await incident_queries.summaries(tx, [incident])
    return await problems(tx, summary.service_ids)


ALERT_PART = AlertPart(of_alert, TEMPLATE)
INCIDENT_PART = IncidentPart(of_incident, TEMPLATE)
PAGE_PART = PagePart(of_page, TEMPLATE)
