"""Where an admin manages teams and fallback responders."""

from fastapi import Response

from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_choices, to_id
from firebell.kit.web import flash, html, routing
from firebell.people import actions, route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


def _ticked(visit: Visit) -> list[int]:
    """Return the people who are ticked in a form, as far as they can be read: a refused form shows them again."""
    return [i for i in map(to_id, visit.form.getlist("member")) if i is not None]


async def _teams(visit: Visit, error: FirebellError | None = None, refused: str = "") -> Response:
    """Show the page; `refused` is the form, team or fallback, that is shown again as it was sent."""
    teams, fallback = await actions.teams(visit.tx), await actions.fallback_responders(visit.tx)
    ticked = _ticked(visit) if refused else []
    members = await actions.members(visit.tx, [t.id for t in teams])
    others = await choosable(
        visit.tx, [visit.person.id, *fallback, *ticked], visit.request.query_params.get("with", "")
    )
    context = {
        "nav": "settings",
        "tab": "teams",
        "others": others,
        "teams": teams,
        "members": members,
        "fallback": ticked if refused == "fallback" else fallback,
        "error": error,
        "name": visit.text("name") if refused == "team" else "",
        "ticked": ticked if refused == "team" else [],
    }
    return await html.render(visit.request, "people/teams.html", context)


@router.get("/settings/teams", dependencies=route_access.needs(Verb.TEAM_WRITE))
async def teams(visit: CurrentVisit) -> Response:
    return await _teams(visit)


async def _team(visit: Visit, slug: str, error: FirebellError | None = None) -> Response:
    team = await actions.team_by_slug(visit.tx, slug)
    members = _ticked(visit) if error else await actions.team_members(visit.tx, team.id)
    others = await choosable(visit.tx, members, visit.request.query_params.get("with", ""))
    context = {
        "nav": "settings",
        "tab": "teams",
        "team": team,
        "members": members,
        "others": others,
        "error": error,
    }
    return await html.render(visit.request, "people/team.html", context)


@router.get("/settings/teams/{slug}", dependencies=route_access.needs(Verb.TEAM_WRITE))
async def team(visit: CurrentVisit, slug: str) -> Response:
    return await _team(visit, slug)


@router.post("/settings/teams/{slug}", dependencies=route_access.needs(Verb.TEAM_WRITE))
async def save_members(visit: CurrentVisit, slug: str) -> Response:
    try:
        chosen = to_choices(visit.form.getlist("member"), "member")
        async with visit.tx.savepoint():
            team = await actions.team_by_slug(visit.tx, slug)
            managers = await actions.team_members(visit.tx, team.id, "manager")
            members = [(i, "manager" if i in managers else "member") for i in chosen]
            await actions.set_team_members(visit.tx, visit.actor, team.id, members, visit.now)
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "team.members", visit.now)
    except (Invalid, Conflict) as error:
        return await _team(visit, slug, error)
    return flash.redirect(visit.request, "/settings/teams", f"{team.name} saved.", offer)


@router.post("/settings/teams", dependencies=route_access.needs(Verb.TEAM_WRITE))
async def create_team(visit: CurrentVisit) -> Response:
    name = visit.text("name")
    try:
        members = [(i, "member") for i in to_choices(visit.form.getlist("member"), "member")]
        async with visit.tx.savepoint():
            await actions.create_team(visit.tx, visit.actor, name=name, members=members, now=visit.now)
    except (Invalid, Conflict) as error:
        return await _teams(visit, error, "team")
    return flash.redirect(visit.request, "/settings/teams", f"{name} created.")


@router.post("/settings/catch-all", dependencies=route_access.needs(Verb.FALLBACK_WRITE))
async def save_fallback_responders(visit: CurrentVisit) -> Response:
    try:
        chosen = to_choices(visit.form.getlist("member"), "member")
        async with visit.tx.savepoint():
            await actions.set_fallback_responders(visit.tx, visit.actor, chosen, visit.now)
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "catch_all.set", visit.now)
    except Invalid as error:
        return await _teams(visit, error, "fallback")
    return flash.redirect(visit.request, "/settings/teams#catch-all", "Fallback responders saved.", offer)
