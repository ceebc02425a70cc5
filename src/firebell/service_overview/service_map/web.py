"""The map of services."""

from collections.abc import Sequence

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import TIERS, Service
from firebell.catalog.queries import offer_services
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Team
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.service_overview.service_list.queries import HealthFilter, ServiceSearch
from firebell.service_overview.service_list.web import search_of
from firebell.service_overview.service_map import layout as map_layout
from firebell.service_overview.service_map import queries as map_queries
from firebell.service_overview.service_map.selection import DEFAULT_STEPS, MAX_STEPS

router = routing.html_router()

_HEALTH = [("", "Any state"), (HealthFilter.UNHEALTHY, "Unhealthy"), (HealthFilter.NOT_READY, "Not ready")]


@router.get("/service-map", dependencies=route_access.needs(Verb.SERVICE_READ))
async def service_map(
    visit: CurrentVisit,
    q: str = "",
    team: str = "",
    tier: str = "",
    health: str = "",
    service: str = "",
    steps: str = str(DEFAULT_STEPS),
) -> Response:
    values = {"q": q, "team": team, "tier": tier, "health": health, "service": service, "steps": steps}
    teams = await people.teams(visit.tx)
    try:
        search = search_of(teams, q, team, tier, health or HealthFilter.ALL)
        focus = await catalog.resolve_service(visit.tx, service.strip()) if service.strip() else None
        return await _render(
            visit, teams, values, search, focus, to_number(steps, "steps", least=1, most=MAX_STEPS)
        )
    except Invalid as error:
        return await _render(visit, teams, values, ServiceSearch(), None, DEFAULT_STEPS, error)


async def _render(
    visit: Visit,
    teams: Sequence[Team],
    values: dict[str, str],
    search: ServiceSearch,
    focus: Service | None,
    steps: int,
    error: FirebellError | None = None,
) -> Response:
    shown = await map_queries.service_map(visit.tx, search, focus=focus, steps=steps)
    offered = await offer_services(visit.tx, [row.service.id for row in shown.services], "")
    context = {
        "nav": "services",
        "live": "pages,incidents",
        "map": shown,
        "by_id": {row.service.id: row for row in shown.services},
        "layout": map_layout.layout(map_queries.ordered_ids(shown), shown.edges),
        "box": (map_layout.BOX_WIDTH, map_layout.BOX_HEIGHT),
        "filters": search != ServiceSearch(),
        "values": values,
        "teams": {each.id: each.name for each in teams},
        "team_slugs": [(each.name, each.slug) for each in teams],
        "tiers": TIERS,
        "states": _HEALTH,
        "steps": range(1, MAX_STEPS + 1),
        "offered": offered.services,
        "error": error,
    }
    return await html.render(visit.request, "service_overview/map.html", context)
