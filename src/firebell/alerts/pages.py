"""Raw alerts, and the integration keys of a service."""

from fastapi import Request, Response

from firebell.alerts import actions, view
from firebell.catalog import actions as catalog
from firebell.kit import flash, html, routing, undo
from firebell.kit.text import to_choice
from firebell.people import access
from firebell.people import actions as people
from firebell.people.permissions import Verb

router = routing.pages()


@router.get("/alerts", dependencies=access.needs(Verb.ALERT_READ))
async def alerts(request: Request, q: str = "", before: int | None = None) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        found = await actions.alerts(tx, q.strip(), before, 100)
        views = await view.views(tx, found)
    context = {"nav": "alerts", "views": views, "q": q, "live": "pages"}
    return await html.page(request, "alerts/alerts.html", context)


@router.get("/alerts/{alert_id}", dependencies=access.needs(Verb.ALERT_READ))
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


@router.get("/alerts/{alert_id}/messages/{message_id}", dependencies=access.needs(Verb.ALERT_READ))
async def message(request: Request, alert_id: int, message_id: int) -> Response:
    await access.signed_in(request)
    async with request.app.state.ctx.db.tx() as tx:
        body = await actions.message_body(tx, await actions.alert(tx, alert_id), message_id)
    return html.download(body, f"alert-{alert_id}-message-{message_id}.txt")


@router.get("/services/{slug}", dependencies=access.needs(Verb.SERVICE_READ))
async def service(request: Request, slug: str) -> Response:
    return await _service(request, slug)


async def _service(request: Request, slug: str, revealed: int | None = None) -> Response:
    """Show a service; the whole key of the integration `revealed` is on the page, of others the end."""
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
        "revealed": revealed,
        "broken": broken,
        "teams": teams,
        "policies": policies,
        "changes": changes,
    }
    return await html.page(request, "alerts/service.html", context)


@router.post("/services/{slug}/integrations", dependencies=access.needs(Verb.INTEGRATION_CREATE))
async def add_key(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = request.app.state.ctx
    async with ctx.db.tx() as tx:
        found = await catalog.by_slug(tx, slug)
        made = await actions.create_integration(
            tx,
            access.actor_of(me),
            service_id=found.id,
            name=str(form.get("name", "")),
            now=ctx.clock.now(),
        )
    flash.show(request, f"Key {made.name} added to {found.name}.")
    return await _service(request, slug, made.id)


@router.post(
    "/services/{slug}/integrations/{integration_id}/reveal",
    dependencies=access.needs(Verb.INTEGRATION_REVEAL),
)
async def reveal_key(request: Request, slug: str, integration_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), request.app.state.ctx
    async with ctx.db.tx() as tx:
        integration = await actions.reveal_integration(
            tx,
            access.actor_of(me),
            service_id=(await catalog.by_slug(tx, slug)).id,
            integration_id=integration_id,
            now=ctx.clock.now(),
        )
    flash.show(request, f"Key {integration.name} shown. The audit log records it.")
    return await _service(request, slug, integration.id)


@router.post(
    "/services/{slug}/integrations/{integration_id}/revoke",
    dependencies=access.needs(Verb.INTEGRATION_REVOKE),
)
async def revoke_key(request: Request, slug: str, integration_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), request.app.state.ctx
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        service_id = (await catalog.by_slug(tx, slug)).id
        key = await actions.revoke_integration(
            tx, actor, service_id=service_id, integration_id=integration_id, now=now
        )
        offer = await undo.offer(tx, ctx.signer, actor, "integration.revoked", now)
    return flash.redirect(request, f"/services/{slug}", f"Key {key.name} revoked.", offer)


@router.post("/services/{slug}/policy", dependencies=access.needs(Verb.SERVICE_WRITE))
async def choose_policy(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, chosen = request.app.state.ctx, str(form.get("policy", ""))
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        found = await catalog.by_slug(tx, slug)
        policy_id = to_choice(chosen, "policy")
        await catalog.set_policy(tx, actor, service_id=found.id, policy_id=policy_id, now=now)
        offer = await undo.offer(tx, ctx.signer, actor, "service.changed", now)
    return flash.redirect(request, f"/services/{slug}", f"Escalation policy of {found.name} saved.", offer)
