"""The screens of digests: one week, and which digests a person gets by email."""

from datetime import timedelta

from fastapi import Response

from firebell.digests import actions, queries, schedule, writing
from firebell.digests.model import Week
from firebell.kit.errors import Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.model import Team
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _team(visit: Visit, slug: str) -> Team | None:
    return await people.team_by_slug(visit.tx, slug) if slug else None


@router.get("/digest", dependencies=route_access.needs(Verb.DIGEST_READ))
async def digest(visit: CurrentVisit, team: str = "", week: str = "") -> Response:
    zone = visit.person.tz
    try:
        chosen = schedule.parse_week(week, visit.now, zone)
    except Invalid:
        return html.redirect(html.address("/digest", team=team))
    one = await _team(visit, team)
    following = Week(chosen.monday + timedelta(days=7), zone)
    before = Week(chosen.monday - timedelta(days=7), zone)
    scopes = await queries.scopes(visit.tx, visit.person.id)
    context = {
        "nav": "metrics",
        "digest": await queries.digest(visit.tx, chosen, one, visit.now),
        "quiet": writing.QUIET,
        "team": one,
        "options": [(each.team_slug, each.name) for each in scopes],
        "scope": next(each for each in scopes if each.team_slug == (one.slug if one else "")),
        "before": html.address("/digest", team=team, week=before.name),
        "following": html.address("/digest", team=team, week=following.name)
        if following.start <= visit.now
        else "",
    }
    return await html.render(visit.request, "digests/digest.html", context)


@router.get("/settings/digest", dependencies=route_access.needs(Verb.DIGEST_SUBSCRIBE))
async def settings(visit: CurrentVisit) -> Response:
    context = {
        "nav": "settings",
        "tab": "digest",
        "scopes": await queries.scopes(visit.tx, visit.person.id),
        "next_at": schedule.next_at(visit.now, visit.person.tz),
    }
    return await html.render(visit.request, "digests/settings.html", context)


@router.post("/digest", dependencies=route_access.needs(Verb.DIGEST_SUBSCRIBE))
async def choose(visit: CurrentVisit) -> Response:
    team, is_on = await _team(visit, visit.text("team")), visit.text("on") == "yes"
    await actions.choose_digest(visit.tx, visit.actor, visit.person.id, team, visit.now, is_on=is_on)
    name = team.name if team else "the organization"
    text = (
        f"You get the digest of {name} every Monday at {schedule.HOUR:02}:00."
        if is_on
        else f"You no longer get the digest of {name}."
    )
    return flash.redirect(visit.request, html.local(visit.form, "/settings/digest"), text)


@router.post("/digest/team", dependencies=route_access.needs(Verb.TEAM_DIGEST_WRITE))
async def set_team(visit: CurrentVisit) -> Response:
    team, is_on = await people.team_by_slug(visit.tx, visit.text("team")), visit.text("on") == "yes"
    await actions.set_team_digest(visit.tx, visit.actor, team, visit.now, is_on=is_on)
    text = (
        f"Members of {team.name} get its digest unless they turn it off."
        if is_on
        else f"Only people who chose it get the digest of {team.name}."
    )
    return flash.redirect(visit.request, html.local(visit.form, "/settings/digest"), text)
