"""The night limits of teams, on a page of their own below escalation."""

from fastapi import Response

from firebell.kit.errors import FirebellError
from firebell.kit.text import to_id, to_number
from firebell.kit.web import flash, html, routing
from firebell.paging.night_limit import actions as night_limit_actions
from firebell.paging.night_limit.rules import NightLimit
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

PATH = "/escalation/night-limits"


@router.get(PATH, dependencies=route_access.needs(Verb.POLICY_READ))
async def night_limits(visit: CurrentVisit) -> Response:
    return await _night_limits(visit)


async def _night_limits(visit: Visit, error: FirebellError | None = None, team_id: int = 0) -> Response:
    limits = await night_limit_actions.limits(visit.tx)
    context = {
        "nav": "escalation",
        "teams": [(team, limits[team.id]) for team in await people.teams(visit.tx)],
        "error": error,
        "wrong_team": team_id,
        "values": visit.values,
    }
    return await html.render(visit.request, "paging/night_limits.html", context)


@router.post(PATH + "/{team_id}", dependencies=route_access.needs(Verb.POLICY_WRITE))
async def save_night_limit(visit: CurrentVisit, team_id: str) -> Response:
    number = to_id(team_id) or 0
    try:
        async with visit.tx.savepoint():
            limit = NightLimit(visit.text("on") == "yes", to_number(visit.text("pages"), "pages"))
            await night_limit_actions.set_limit(visit.tx, visit.actor, number, limit, visit.now)
    except FirebellError as error:
        return await _night_limits(visit, error, number)
    return flash.redirect(visit.request, PATH, "Night limit saved.")
