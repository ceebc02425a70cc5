"""The state of many services at once, from their open incidents and pages."""

from collections.abc import Collection
from dataclasses import dataclass

from firebell.incidents import queries as incident_queries
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging import queries as page_queries
from firebell.paging.model import OpenPages, PageState
from firebell.service_overview.health import ServiceHealth, health


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The state of a service; `open_pages` counts snoozed ones too."""

    health: ServiceHealth
    open_pages: int = 0
    snoozed_pages: int = 0


HEALTHY = CurrentState(ServiceHealth("ok", None))
"""The state of a service without an open incident or page."""


async def unhealthy(
    tx: Tx, service_ids: Collection[int] | None = None, *, with_incidents: bool = True
) -> dict[int, CurrentState]:
    """Return those of these services, or of all, that have an open incident or page; drills are neither.

    Without `with_incidents` the state depends on pages alone. The number of statements does not depend on that of
    the services.
    """
    if service_ids is not None and not service_ids:
        return {}
    incidents: dict[int, list[Incident]] = {}
    if with_incidents:
        ids = None if service_ids is None else list(service_ids)
        for service_id, incident in await incident_queries.open_by_service(tx, ids):
            incidents.setdefault(service_id, []).append(incident)
    counted = await page_queries.open_pages_by_service(tx, service_ids)
    pages = await paging.pages_by_id(tx, [each.oldest_id for each in counted])
    by_service: dict[int, list[OpenPages]] = {}
    for each in counted:
        by_service.setdefault(each.service_id, []).append(each)
    return {
        service_id: CurrentState(
            health(
                incidents.get(service_id, ()),
                [pages[each.oldest_id] for each in by_service.get(service_id, ()) if each.oldest_id in pages],
                (),
            ),
            sum(each.count for each in by_service.get(service_id, ())),
            sum(each.count for each in by_service.get(service_id, ()) if each.state is PageState.SNOOZED),
        )
        for service_id in {*incidents, *by_service}
    }
