"""The page that shows how long data is kept."""

from fastapi import Response

from firebell.kit.jobs.pruning import VARIABLE
from firebell.kit.web import html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit
from firebell.retention import queries

router = routing.html_router()


@router.get("/settings/retention", dependencies=route_access.needs(Verb.AUDIT_READ))
async def retention(visit: CurrentVisit) -> Response:
    retentions = visit.request.app.state.retentions
    context = {
        "nav": "settings",
        "tab": "retention",
        "variable": VARIABLE,
        "statuses": await queries.statuses(visit.tx, retentions, visit.ctx.retention_days, visit.now),
    }
    return await html.render(visit.request, "retention/retention.html", context)
