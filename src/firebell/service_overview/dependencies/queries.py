"""What a service depends on and what depends on it, each with its state, and what is wrong behind a service."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog import dependencies as graph
from firebell.catalog.model import Service
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN as OPEN_PHASES
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.paging.model import OPEN as OPEN_STATES
from firebell.paging.model import Page
from firebell.service_overview import state_queries
from firebell.service_overview.health import ServiceHealth
from firebell.service_overview.state_queries import HEALTHY, CurrentState

INDIRECT_LISTED = 300
"""The most services that are listed on each side of a service, nearest first."""
PROBLEMS_LISTED = 50
"""The most unhealthy services behind a service that are listed, nearest first."""
STATE_ORDER = ("outage", "degraded", "ok")
"""The states of services, most severe first."""


@dataclass(frozen=True, slots=True)
class RelatedService:
    """A service near another one, with its state; `through` are the services between them, the nearest first."""

    service: Service
    health: ServiceHealth
    through: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """What a service depends on and what depends on it, unhealthy first: directly, and through other services.

    `problems` are the unhealthy services behind it, nearest first. `cycle` are the services through which it depends
    on itself, beginning with it; empty if it does not.
    """

    depends_on: list[RelatedService]
    used_by: list[RelatedService]
    behind: list[RelatedService]
    before: list[RelatedService]
    problems: list[RelatedService]
    cycle: tuple[Service, ...]


async def neighborhood(tx: Tx, service: Service, *, with_incidents: bool = True) -> Neighborhood:
    """Return the neighborhood of a service; without `with_incidents` states depend on pages alone."""
    edges_behind = await catalog.edges_behind(tx, [service.id])
    edges_before = await catalog.edges_before(tx, [service.id])
    behind = graph.reached(edges_behind, [service.id])
    before = graph.reached(graph.reversed_edges(edges_before), [service.id])
    states = await state_queries.unhealthy(
        tx, {*behind.service_ids, *before.service_ids}, with_incidents=with_incidents
    )
    listed_behind = await _listed(tx, behind, behind.service_ids[:INDIRECT_LISTED], states)
    listed_before = await _listed(tx, before, before.service_ids[:INDIRECT_LISTED], states)
    cycle = graph.cycle_of(edges_behind, service.id)
    in_cycle = await catalog.services_by_id(tx, cycle) if cycle else {}
    return Neighborhood(
        depends_on=_by_state(each for each in listed_behind if not each.through),
        used_by=_by_state(each for each in listed_before if not each.through),
        behind=_by_state(each for each in listed_behind if each.through),
        before=_by_state(each for each in listed_before if each.through),
        problems=await _listed(
            tx, behind, [i for i in behind.service_ids if i in states][:PROBLEMS_LISTED], states
        ),
        cycle=tuple(in_cycle[i] for i in cycle),
    )


async def _listed(
    tx: Tx,
    reach: graph.Reach,
    service_ids: Collection[int],
    states: Mapping[int, CurrentState],
) -> list[RelatedService]:
    named = {*service_ids, *(between for i in service_ids for between in reach.through(i))}
    services = await catalog.services_by_id(tx, list(named)) if named else {}
    return related_services(reach, service_ids, services, states)


def related_services(
    reach: graph.Reach,
    service_ids: Iterable[int],
    services: Mapping[int, Service],
    states: Mapping[int, CurrentState],
) -> list[RelatedService]:
    """Return these services of a reach in their order, with their states and the services between."""
    return [
        RelatedService(
            services[i],
            states.get(i, HEALTHY).health,
            tuple(services[between] for between in reach.through(i)),
        )
        for i in service_ids
    ]


def _by_state(listed: Iterable[RelatedService]) -> list[RelatedService]:
    return sorted(listed, key=lambda each: (STATE_ORDER.index(each.health.state), each.service.name))


async def problems(
    tx: Tx, service_ids: Collection[int], *, with_incidents: bool = True
) -> list[RelatedService]:
    """Return the unhealthy services behind these, direct or not, nearest first; reads little if there are none."""
    edges = await catalog.edges_behind(tx, service_ids) if service_ids else []
    reach = graph.reached(edges, service_ids)
    if not reach.before:
        return []
    states = await state_queries.unhealthy(tx, reach.service_ids, with_incidents=with_incidents)
    return await _listed(tx, reach, [i for i in reach.service_ids if i in states][:PROBLEMS_LISTED], states)


async def problems_of_page(tx: Tx, page: Page, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind the service of an open page."""
    if page.state not in OPEN_STATES or page.service_id is None:
        return []
    return await problems(tx, [page.service_id])


async def problems_of_alert(tx: Tx, alert: Alert, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind the service of a firing alert."""
    if alert.status != "firing":
        return []
    service_id = alert.routed_service_id
    if service_id is None:
        service_id = (await alerts.services_of_integrations(tx, [alert.integration_id]))[alert.integration_id]
    return await problems(tx, [service_id])


async def problems_of_incident(tx: Tx, incident: Incident, now: datetime) -> list[RelatedService]:
    """Return the unhealthy services behind those that an open incident affects."""
    if incident.phase not in OPEN_PHASES:
        return []
    return await problems(tx, (await incidents.services(tx, [incident.id]))[incident.id])
