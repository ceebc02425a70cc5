"""Raw alerts, and the integration keys of a service."""

from fastapi import Request, Response

from firebell.alerts import actions, view
from firebell.catalog import actions as catalog
from firebell.kit import html, routing
from firebell.kit.text import to_id
from firebell.people import access
from firebell.people import actions as people

router = routing.pages()


@router.get("/alerts")
async def alerts(request: Request, q: str = "", before: int | None = None) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.alerts(tx, q.strip(), before, 100)
        views = await view.views(tx, found)
    context = {"nav": "alerts", "views": views, "q": q, "live": "pages"}
    return await html.page(request, "alerts/alerts.html", context)


@router.get("/alerts/{alert_id}")
async def alert(request: Request, alert_id: int) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        (found,) = await view.views(tx, [await actions.alert(tx, alert_id)])
        messages = await actions.messages(tx, found.alert)
    context = {
        "nav": "alerts",
        "a": found.alert,
        "service": found.service,
        "page": found.page,
        "messages": messages,
        "deleted": len(found.alert.message_ids) - len(messages),
        "kept_days": actions.EVENTS_KEPT.days,
    }
    return await html.page(request, "alerts/alert.html", context)


@router.get("/alerts/{alert_id}/messages/{message_id}")
async def message(request: Request, alert_id: int, message_id: int) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        body = await actions.message_body(tx, await actions.alert(tx, alert_id), message_id)
    return html.download(body, f"alert-{alert_id}-message-{message_id}.txt")


@router.get("/services/{slug}")
async def service(request: Request, slug: str) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        found = await catalog.by_slug(tx, slug)
        keys = await actions.integrations(tx, found.id)
        now = request.app.state.ctx.clock.now()
        broken = {b.integration_id: b for b in await actions.broken_sources(tx, now, service_id=found.id)}
        teams = {t.id: t.name for t in await people.teams(tx)}
        policies = await actions.policy_names(tx)
        changes = await actions.changes(tx, [found.id])
    context = {
        "nav": "services",
        "s": found,
        "keys": keys,
        "broken": broken,
        "teams": teams,
        "policies": policies,
        "changes": changes,
    }
    return await html.page(request, "alerts/service.html", context)


@router.post("/services/{slug}/integrations")
async def add_key(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = request.app.state.ctx
    async with ctx.db.tx() as tx:
        found = await catalog.by_slug(tx, slug)
        await actions.create_integration(
            tx,
            access.actor_of(me),
            service_id=found.id,
            name=str(form.get("name", "")),
            now=ctx.clock.now(),
        )
    return html.to(f"/services/{slug}")


@router.post("/services/{slug}/integrations/{integration_id}/revoke")
async def revoke_key(request: Request, slug: str, integration_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), request.app.state.ctx
    async with ctx.db.tx() as tx:
        await actions.revoke_integration(tx, access.actor_of(me), integration_id, ctx.clock.now())
    return html.to(f"/services/{slug}")


@router.post("/services/{slug}/policy")
async def choose_policy(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, chosen = request.app.state.ctx, str(form.get("policy", ""))
    async with ctx.db.tx() as tx:
        found = await catalog.by_slug(tx, slug)
        await catalog.set_policy(
            tx,
            access.actor_of(me),
            service_id=found.id,
            policy_id=to_id(chosen),
            now=ctx.clock.now(),
        )
    return html.to(f"/services/{slug}")
