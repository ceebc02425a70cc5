"""What the dependencies of affected services suggest to someone who declares an incident."""

from collections.abc import Collection
from dataclasses import dataclass

from firebell.catalog import actions as catalog
from firebell.catalog import dependencies as graph
from firebell.catalog.model import Service
from firebell.incidents import store
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx

SUGGESTED = 12
"""The most services that are suggested as affected too, nearest first."""
CAUSES_SHOWN = 3
"""The most open incidents of dependencies that are shown."""


@dataclass(frozen=True, slots=True)
class DependencyHints:
    """Services that may be affected too, and the open incidents of services behind the affected ones."""

    dependents: list[tuple[Service, Service]]
    """Each with the service that it needs, which is affected or leads to an affected one."""
    causes: list[tuple[Service, Incident]]


async def dependency_hints(tx: Tx, service_ids: Collection[int]) -> DependencyHints:
    """Return what the dependencies of these services suggest; incidents only if they may be read."""
    if not service_ids:
        return DependencyHints([], [])
    edges_before = await catalog.edges_before(tx, service_ids)
    dependents = graph.reached(graph.reversed_edges(edges_before), service_ids)
    suggested_ids = dependents.service_ids[:SUGGESTED]
    used = {i: _used_by(i, dependents, edges_before, service_ids) for i in suggested_ids}
    behind = graph.reached(await catalog.edges_behind(tx, service_ids), service_ids)
    causes = await store.open_by_service(tx, behind.service_ids) if behind.before else []
    order = {service_id: n for n, service_id in enumerate(behind.service_ids)}
    nearest = sorted(causes, key=lambda cause: (order[cause[0]], cause[1].severity, cause[1].id))
    first: dict[int, tuple[int, Incident]] = {}
    for service_id, incident in nearest:
        first.setdefault(incident.id, (service_id, incident))
    shown = list(first.values())[:CAUSES_SHOWN]
    named = {*suggested_ids, *(used[i] for i in suggested_ids), *(i for i, _ in shown)}
    services = await catalog.services_by_id(tx, list(named)) if named else {}
    return DependencyHints(
        [(services[i], services[used[i]]) for i in suggested_ids],
        [(services[i], incident) for i, incident in shown],
    )


def _used_by(
    service_id: int, reach: graph.Reach, edges: Collection[graph.Edge], affected_ids: Collection[int]
) -> int:
    """Return the service that a dependent needs, on its shortest way to an affected one."""
    before = reach.before[service_id]
    if before is not None:
        return before
    return min(needed for user, needed in edges if user == service_id and needed in affected_ids)
