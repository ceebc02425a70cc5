"""The list of services as a CSV or JSON file."""

from typing import Any

from fastapi import Response

from firebell.catalog import service_file
from firebell.kit.web import html, routing
from firebell.kit.web.file_names import disposition
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.service_overview.service_files import export_queries
from firebell.service_overview.service_list.web import search_of

router = routing.html_router()


@router.get("/services.csv", dependencies=route_access.needs(Verb.SERVICE_READ))
async def export_csv(
    visit: CurrentVisit, q: str = "", team: str = "", tier: str = "", health: str = "all"
) -> Response:
    """Download the services that match the filters of the list, by name."""
    services = await _exported(visit, q, team, tier, health)
    return _download(service_file.dump_csv(services), "services.csv", "text/csv")


@router.get("/services.json", dependencies=route_access.needs(Verb.SERVICE_READ))
async def export_json(
    visit: CurrentVisit, q: str = "", team: str = "", tier: str = "", health: str = "all"
) -> Response:
    """Download the services that match the filters of the list, by name, as the import reads them."""
    services = await _exported(visit, q, team, tier, health)
    return _download(service_file.dump(services), "services.json", "application/json")


async def _exported(visit: Visit, q: str, team: str, tier: str, health: str) -> list[dict[str, Any]]:
    search = search_of(await people.teams(visit.tx), q, team, tier, health or "all")
    return await export_queries.exported(visit.tx, search, with_incidents=True)


def _download(text: str, name: str, media_type: str) -> Response:
    headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
    return Response(text, headers=headers, media_type=media_type)
