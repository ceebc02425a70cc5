"""The page of what an incident costs, for managers."""

from collections.abc import Mapping

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.web import flash, html, routing
from firebell.metrics.business_impact import actions
from firebell.metrics.presentation import wording
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _render(
    visit: Visit, ref: str, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident_id = parse_ref("INC", ref)
    context = {
        "nav": "incidents",
        "i": await incidents.incident(visit.tx, incident_id),
        "cost": await actions.cost_of(visit.tx, incident_id),
        "values": values,
        "error": error,
        "w": wording,
    }
    return await html.render(visit.request, "metrics/incident_cost.html", context)


@router.get("/incidents/{ref}/cost", dependencies=route_access.needs(Verb.COST_READ))
async def incident_cost(visit: CurrentVisit, ref: str) -> Response:
    return await _render(visit, ref, {})


@router.post(
    "/incidents/{ref}/cost/business-impact", dependencies=route_access.needs(Verb.BUSINESS_IMPACT_WRITE)
)
async def record(visit: CurrentVisit, ref: str) -> Response:
    """Record the business impact; blank fields remove it."""
    incident_id, values = parse_ref("INC", ref), visit.values
    amount, currency, source = (values.get(name, "") for name in ("amount", "currency", "source"))
    is_removal = not amount.strip() and not source.strip()
    try:
        async with visit.tx.savepoint():
            if is_removal:
                await actions.remove(visit.tx, visit.actor, incident_id, visit.now)
            else:
                await actions.record(visit.tx, visit.actor, incident_id, amount, currency, source, visit.now)
    except FirebellError as error:
        return await _render(visit, ref, values, error)
    text = "Business impact removed." if is_removal else "Business impact saved."
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/cost", text)
