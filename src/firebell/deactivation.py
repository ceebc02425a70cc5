"""The confirmation before a person is deactivated, with the consequences from every slice."""

from fastapi import Request, Response

from firebell.kit.web import html, routing
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb

router = routing.html_router()


@router.get("/settings/people/{person_id}/deactivate", dependencies=access.needs(Verb.PERSON_WRITE))
async def confirm_deactivation(request: Request, person_id: int) -> Response:
    """Show the shifts and pages that are affected, and the button that deactivates the person."""
    await access.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        person = await people.person(tx, person_id)
        shifts = await oncall.shifts_of(tx, person_id, ctx.clock.now())
        pages = await paging.pages_by_id(tx, await paging.owned_by_alone(tx, person_id))
        fallback = await people.fallback_responders(tx)
    context = {
        "nav": "settings",
        "tab": "people",
        "person": person,
        "shifts": shifts,
        "pages": sorted(pages.values(), key=lambda page: page.id),
        "is_fallback": person_id in fallback,
    }
    return await html.render(request, "people/deactivate.html", context)
