"""Services."""

from collections.abc import Mapping

from fastapi import Request, Response

from firebell.catalog import actions
from firebell.kit import flash, html, routing
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_required
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb

router = routing.html_router()


async def _services(
    request: Request, given: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.services(tx)
        teams = {t.id: t.name for t in await people.teams(tx)}
    context = {
        "nav": "services",
        "services": found,
        "teams": teams,
        "given": given,
        "error": error,
        "errors": error.fields if error else {},
    }
    return await html.render(request, "catalog/services.html", context, error.status if error else 200)


@router.get("/services", dependencies=access.needs(Verb.SERVICE_READ))
async def services(request: Request) -> Response:
    await access.signed_in(request)
    return await _services(request, {})


@router.post("/services", dependencies=access.needs(Verb.SERVICE_WRITE))
async def create(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, given = request.app.state.ctx, {name: str(value) for name, value in form.items()}
    try:
        async with ctx.db.tx() as tx:
            made = await actions.create_service(
                tx,
                access.actor_of(me),
                name=given.get("name", ""),
                team_id=to_required(given.get("team"), "team"),
                description=given.get("description", ""),
                runbook_url=given.get("runbook_url", ""),
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _services(request, given, error)
    return flash.redirect(request, f"/services/{made.slug}", f"{made.name} created.")
