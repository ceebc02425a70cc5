"""The map of services: which are on it, what they need, and what may be affected if one fails."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from firebell.catalog import actions as catalog
from firebell.catalog import dependencies as graph
from firebell.catalog.dependencies import Edge
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.service_overview import state_queries
from firebell.service_overview.dependencies.queries import STATE_ORDER, RelatedService, related_services
from firebell.service_overview.health import ServiceHealth
from firebell.service_overview.service_list import queries as list_queries
from firebell.service_overview.service_list.queries import HealthFilter, ServiceSearch
from firebell.service_overview.service_map import selection as map_selection
from firebell.service_overview.state_queries import HEALTHY

AFFECTED_LISTED = 50
"""The most affected services that are listed, nearest first."""


@dataclass(frozen=True, slots=True)
class MappedService:
    """A service on the map.

    `affected` is how many services depend on it, directly or through others. `is_at_risk` says that it is healthy, and
    that something behind it is not. `is_match` is False for one that is there only next to a match, or on the way to
    one.
    """

    service: Service
    health: ServiceHealth
    open_pages: int
    affected: int
    is_at_risk: bool
    is_match: bool
    depends_on: tuple[Service, ...]
    used_by: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What may be affected if a service fails: how many services, how many of each tier, and the nearest ones."""

    total: int
    by_tier: Mapping[int, int]
    nearest: list[RelatedService]


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """The services of a map in the order in which they are listed, and the dependencies between them.

    `not_shown` counts services that have a place on the map but no room, `unconnected` those that match and have no
    dependencies. `focus` is the service around which the map is drawn, with its blast radius.
    """

    services: list[MappedService]
    edges: list[Edge]
    cycles: list[tuple[Service, ...]]
    not_shown: int
    unconnected: int
    focus: Service | None = None
    blast_radius: BlastRadius | None = None


async def service_map(
    tx: Tx,
    search: ServiceSearch,
    *,
    focus: Service | None = None,
    steps: int = map_selection.DEFAULT_STEPS,
    limit: int = map_selection.MAX_SERVICES,
    edge_limit: int | None = map_selection.MAX_EDGES,
    with_incidents: bool = True,
) -> ServiceMap:
    """Return the map of the services that match, and of what is next to them; around `focus`, up to `steps` away.

    Raise Invalid for a search that can't be read or is for deleted services. Without `with_incidents` states depend on
    pages alone. The number of statements does not depend on that of the services.
    """
    if search.health is HealthFilter.DELETED:
        raise Invalid("Deleted services have no dependencies.", fields={"health": "Choose another state."})
    edges = await catalog.dependency_edges(tx)
    states = await state_queries.unhealthy(tx, with_incidents=with_incidents)
    matches = set(await list_queries.matching_ids(tx, search, states.keys()))
    selection = map_selection.select(
        edges,
        matches,
        states.keys(),
        is_filtered=search != ServiceSearch(),
        focus_id=focus.id if focus else None,
        steps=steps,
        limit=limit,
        edge_limit=edge_limit,
    )
    before = graph.reversed_edges(edges)
    affected_counts = graph.reach_counts(before)
    at_risk = set(graph.reached(before, states.keys()).service_ids)
    affected = selection.affected
    # what lies between is nearer, so it is among them
    nearest_ids = affected.service_ids[:AFFECTED_LISTED]
    named = {*selection.service_ids, *nearest_ids}
    services = await catalog.services_by_id(tx, list(named)) if named else {}
    needs = graph.following_ids(selection.edges)
    needed_by = graph.following_ids(graph.reversed_edges(selection.edges))
    rows = [
        MappedService(
            service=services[i],
            health=states.get(i, HEALTHY).health,
            open_pages=states.get(i, HEALTHY).open_pages,
            affected=affected_counts.get(i, 0),
            is_at_risk=i in at_risk,
            is_match=i in matches,
            depends_on=_named(needs.get(i, ()), services),
            used_by=_named(needed_by.get(i, ()), services),
        )
        for i in selection.service_ids
    ]
    rows.sort(key=_most_severe_first)
    blast_radius = None
    if focus:
        by_tier = await catalog.tier_counts(tx, affected.service_ids)
        nearest = related_services(affected, nearest_ids, services, states)
        blast_radius = BlastRadius(len(affected.before), by_tier, nearest)
    return ServiceMap(
        rows,
        selection.edges,
        [_named(group, services) for group in graph.cycles(selection.edges)],
        selection.not_shown,
        selection.unconnected,
        focus,
        blast_radius,
    )


def _most_severe_first(row: MappedService) -> tuple[int, int, str, int]:
    return (STATE_ORDER.index(row.health.state), -row.affected, row.service.name, row.service.id)


def _named(service_ids: Collection[int], services: Mapping[int, Service]) -> tuple[Service, ...]:
    return tuple(sorted((services[i] for i in service_ids), key=lambda each: (each.name, each.id)))


def ordered_ids(shown: ServiceMap) -> Sequence[int]:
    """Return the services by name, so that the map stays the same when a state changes."""
    return [
        row.service.id for row in sorted(shown.services, key=lambda row: (row.service.name, row.service.id))
    ]
