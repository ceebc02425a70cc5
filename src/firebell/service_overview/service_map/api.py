"""The map of services over JSON, as a graph."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.service_overview.api import MatcherQuery, StateFilter, TeamFilter, TierFilter, search_of
from firebell.service_overview.dependencies.api import ServiceNearby, nearby
from firebell.service_overview.service_list.queries import HealthFilter
from firebell.service_overview.service_map import queries as map_queries
from firebell.service_overview.service_map import selection as map_selection
from firebell.service_overview.service_map.queries import BlastRadius, MappedService

router = api.router("services")

Reader = Annotated[Work, work(Verb.SERVICE_READ)]
DEFAULT_SERVICES, MAX_SERVICES = 1_000, 5_000


class ServiceGraphNode(ApiOutput):
    """A service of the graph."""

    slug: str
    name: str
    team: Annotated[str, Field(description="slug")]
    tier: int | None
    state: Literal["outage", "degraded", "ok"]
    ref: Annotated[str | None, Field(description="the open incident or page behind the state")]
    open_pages: int
    at_risk: Annotated[bool, Field(description="healthy, and a service behind it is not")]
    affected: Annotated[int, Field(description="how many services depend on it, directly or through others")]
    is_match: Annotated[
        bool, Field(description="false if it is here only next to a match, or on the way to one")
    ]


class ServiceGraphEdge(ApiOutput):
    """A service and one that it depends on, by slug."""

    service: str
    depends_on: str


class ServiceBlastRadius(ApiOutput):
    """What may be affected if the service in focus fails; `nearest` has at most 50 services."""

    total: int
    by_tier: Annotated[dict[int, int], Field(description="how many of each tier")]
    nearest: list[ServiceNearby]


class ServiceGraph(ApiOutput):
    """Services and the dependencies between them, unhealthy services first, then those that affect the most."""

    nodes: list[ServiceGraphNode]
    edges: list[ServiceGraphEdge]
    cycles: Annotated[list[list[str]], Field(description="groups of services that depend on one another")]
    not_shown: Annotated[int, Field(description="services beyond `max_services`")]
    unconnected: Annotated[int, Field(description="services that match and have no dependencies")]
    blast_radius: Annotated[ServiceBlastRadius | None, Field(description="of the service in `service`")]


@router.get(
    "/service-map",
    summary="Get services and their dependencies as a graph",
    responses=problems(404),
)
async def get_service_map(
    w: Reader,
    q: MatcherQuery = "",
    team: TeamFilter = None,
    tier: TierFilter = None,
    health: StateFilter = HealthFilter.ALL,
    service: Annotated[
        Text | None, Query(description="slug; only services up to `steps` away from it")
    ] = None,
    steps: Annotated[
        int, Query(ge=1, le=map_selection.MAX_STEPS, description="how far from `service` the graph reaches")
    ] = map_selection.DEFAULT_STEPS,
    max_services: Annotated[
        int, Query(ge=1, le=MAX_SERVICES, description="the most services in the answer")
    ] = DEFAULT_SERVICES,
) -> ServiceGraph:
    """With filters, the services next to a match are included, or around `service` those on the way to one.

    Beyond `max_services`, the nearest services are kept, then matches, unhealthy services, and those with the most
    direct dependents.
    """
    graph = await map_queries.service_map(
        w.tx,
        await search_of(w, q, team, tier, health),
        focus=await catalog.by_slug(w.tx, service) if service else None,
        steps=steps,
        limit=max_services,
        edge_limit=None,
        with_incidents=permissions.allows(w.rights, Verb.INCIDENT_READ),
    )
    teams = {each.id: each.slug for each in await people.teams(w.tx)}
    slugs = {row.service.id: row.service.slug for row in graph.services}
    return ServiceGraph(
        nodes=[_node(row, teams.get(row.service.team_id, "")) for row in graph.services],
        edges=[ServiceGraphEdge(service=slugs[a], depends_on=slugs[b]) for a, b in graph.edges],
        cycles=[[each.slug for each in group] for group in graph.cycles],
        not_shown=graph.not_shown,
        unconnected=graph.unconnected,
        blast_radius=_blast_radius(graph.blast_radius) if graph.blast_radius else None,
    )


def _node(row: MappedService, team: str) -> ServiceGraphNode:
    return ServiceGraphNode(
        slug=row.service.slug,
        name=row.service.name,
        team=team,
        tier=row.service.tier,
        state=row.health.state,
        ref=row.health.ref,
        open_pages=row.open_pages,
        at_risk=row.is_at_risk,
        affected=row.affected,
        is_match=row.is_match,
    )


def _blast_radius(radius: BlastRadius) -> ServiceBlastRadius:
    return ServiceBlastRadius(
        total=radius.total,
        by_tier=dict(radius.by_tier),
        nearest=[nearby(each) for each in radius.nearest],
    )
