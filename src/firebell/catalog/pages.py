"""Services."""

from fastapi import APIRouter, Request, Response

from firebell.catalog import actions
from firebell.kit import html
from firebell.people import access
from firebell.people import actions as people

router = APIRouter(include_in_schema=False)


@router.get("/services")
async def services(request: Request) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.services(tx)
        teams = {t.id: t.name for t in await people.teams(tx)}
    context = {"nav": "services", "services": found, "teams": teams}
    return await html.page(request, "catalog/services.html", context)


@router.post("/services")
async def create(request: Request) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = request.app.state.ctx
    async with ctx.db.tx() as tx:
        made = await actions.create_service(
            tx,
            access.actor_of(me),
            name=str(form.get("name", "")),
            team_id=int(str(form.get("team", "0"))),
            description=str(form.get("description", "")),
            runbook_url=str(form.get("runbook_url", "")),
            now=ctx.clock.now(),
        )
    return html.to(f"/services/{made.slug}")
