"""The list of services and the form that creates one."""

from collections.abc import Mapping

from fastapi import Request, Response

from firebell.catalog import actions
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_required
from firebell.kit.web import flash, html, routing
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb

router = routing.html_router()


async def _services(
    request: Request, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    async with html.ctx(request).db.tx() as tx:
        services = await actions.services(tx)
        teams = {t.id: t.name for t in await people.teams(tx)}
    context = {
        "nav": "services",
        "services": services,
        "teams": teams,
        "values": values,
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
    ctx, values = html.ctx(request), {name: str(value) for name, value in form.items()}
    try:
        async with ctx.db.tx() as tx:
            service = await actions.create_service(
                tx,
                access.actor_of(me),
                name=values.get("name", ""),
                team_id=to_required(values.get("team"), "team"),
                description=values.get("description", ""),
                runbook_url=values.get("runbook_url", ""),
                now=ctx.clock.now(),
            )
    except (Invalid, Conflict) as error:
        return await _services(request, values, error)
    return flash.redirect(request, f"/services/{service.slug}", f"{service.name} created.")
