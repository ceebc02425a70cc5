"""The screen on which teams sign the review of a quarter."""

from fastapi import Response

from firebell.kit.errors import Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.readiness import review_actions, review_queries
from firebell.readiness.quarters import parse_quarter

router = routing.html_router()


@router.get("/readiness/quarters", dependencies=route_access.needs(Verb.READINESS_READ))
async def quarters(visit: CurrentVisit) -> Response:
    return await _quarters(visit)


async def _quarters(
    visit: Visit, error: Invalid | None = None, refused: tuple[str, str] = ("", "")
) -> Response:
    """Show the quarters; `refused` is the label and the team of the form that is shown again."""
    reviews = await review_queries.quarter_reviews(visit.tx, visit.now)
    may_sign_all = permissions.allows(visit.rights, Verb.READINESS_WAIVE)
    ids = {review.team_id for each in reviews for review in each.teams}
    members = await people.members(visit.tx, sorted(ids))
    own = {team for team, of_team in members.items() if may_sign_all or visit.person.id in dict(of_team)}
    context = {
        "nav": "readiness",
        "live": "readiness",
        "reviews": reviews,
        "signable": own if permissions.allows(visit.rights, Verb.READINESS_SIGN) else set(),
        "max_chars": review_actions.DECISIONS_MAX_CHARS,
        "error": error,
        "refused": refused,
        "values": visit.values,
    }
    return await html.render(visit.request, "readiness/quarters.html", context)


@router.post("/readiness/quarters/{label}/{team}/sign", dependencies=route_access.needs(Verb.READINESS_SIGN))
async def sign(visit: CurrentVisit, label: str, team: str) -> Response:
    quarter = parse_quarter(label)
    try:
        async with visit.tx.savepoint():
            await review_actions.sign_quarter(
                visit.tx, visit.actor, quarter, team, visit.text("decisions"), visit.now
            )
    except Invalid as error:
        return await _quarters(visit, error, (quarter.label, team))
    return flash.redirect(visit.request, f"/readiness/quarters#{quarter.label}", f"{quarter.name} is signed.")
