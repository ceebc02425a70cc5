"""The list of services as a CSV file."""

from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.spreadsheet import to_csv
from firebell.kit.web import html, routing
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.service_overview import list_queries
from firebell.service_overview.list_web import search_of
from firebell.service_overview.state_queries import CurrentState

router = routing.html_router()

COLUMNS = (
    *("slug", "name", "team", "tier", "policy", "state", "because_of", "open_pages"),
    *("description", "runbook_url", "labels", "links"),
)


@router.get("/services.csv", dependencies=route_access.needs(Verb.SERVICE_READ))
async def export(
    visit: CurrentVisit, q: str = "", team: str = "", tier: str = "", health: str = "all"
) -> Response:
    """Download the services that match the filters of the list, by name, at most `list_queries.MAX_MATCHING`."""
    teams = await people.teams(visit.tx)
    search = search_of(teams, q, team, tier, health or "all")
    listed = await list_queries.matching(visit.tx, search, with_incidents=True)
    policy_ids = list({service.policy_id for service, _ in listed if service.policy_id})
    policies = {each.id: each.slug for each in (await paging.policies_by_id(visit.tx, policy_ids)).values()}
    slugs = {each.id: each.slug for each in teams}
    listed.sort(key=lambda row: (row[0].name, row[0].id))
    rows = [
        _row(service, state, slugs.get(service.team_id, ""), policies.get(service.policy_id or 0, ""))
        for service, state in listed
    ]
    headers = {**html.HEADERS, "Content-Disposition": 'attachment; filename="services.csv"'}
    return Response(to_csv([COLUMNS, *rows]), headers=headers, media_type="text/csv")


def _row(service: Service, state: CurrentState, team: str, policy: str) -> list[Any]:
    return [
        service.slug,
        service.name,
        team,
        service.tier or "",
        policy,
        state.health.state,
        state.health.ref or "",
        state.open_pages,
        service.description,
        service.runbook_url,
        catalog.label_lines(service.labels),
        catalog.link_lines(service.links),
    ]
