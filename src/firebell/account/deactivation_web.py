"""The confirmation before a person is deactivated, with the consequences from every slice."""

from fastapi import Response

from firebell.kit.web import html, routing
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit

router = routing.html_router()


@router.get("/settings/people/{person_id}/deactivate", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def confirm_deactivation(visit: CurrentVisit, person_id: int) -> Response:
    """Show the shifts and pages that are affected, and the button that deactivates the person."""
    person = await people.person(visit.tx, person_id)
    shifts = await oncall.shifts_of(visit.tx, person_id, visit.now)
    fallback = await people.fallback_responders(visit.tx)
    context = {
        "nav": "settings",
        "tab": "people",
        "person": person,
        "shifts": shifts,
        "pages": await paging.pages_released_by(visit.tx, person_id, visit.now),
        "is_fallback": person_id in fallback,
    }
    return await html.render(visit.request, "account/deactivate.html", context)
