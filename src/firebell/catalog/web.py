"""The list of services and the form that creates one."""

from collections.abc import Mapping

from fastapi import Response

from firebell.catalog import actions
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_required
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _services(visit: Visit, values: Mapping[str, str], error: FirebellError | None = None) -> Response:
    services = await actions.services(visit.tx)
    teams = {t.id: t.name for t in await people.teams(visit.tx)}
    context = {
        "nav": "services",
        "services": services,
        "teams": teams,
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "catalog/services.html", context)


@router.get("/services", dependencies=route_access.needs(Verb.SERVICE_READ))
async def services(visit: CurrentVisit) -> Response:
    return await _services(visit, {})


@router.post("/services", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def create(visit: CurrentVisit) -> Response:
    values = visit.values
    try:
        async with visit.tx.savepoint():
            service = await actions.create_service(
                visit.tx,
                visit.actor,
                name=values.get("name", ""),
                team_id=to_required(values.get("team"), "team"),
                description=values.get("description", ""),
                runbook_url=values.get("runbook_url", ""),
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _services(visit, values, error)
    return flash.redirect(visit.request, f"/services/{service.slug}", f"{service.name} created.")
