"""The screen of a service, and its forms."""

from fastapi import Request, Response

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.kit.text import to_choice
from firebell.kit.web import flash, html, routing, undo
from firebell.paging import actions as paging
from firebell.people import access
from firebell.people.permissions import Verb
from firebell.service_overview import queries

router = routing.html_router()


@router.get("/services/{slug}", dependencies=access.needs(Verb.SERVICE_READ))
async def service(request: Request, slug: str) -> Response:
    return await _service(request, slug)


async def _service(request: Request, slug: str, revealed: int | None = None) -> Response:
    """Render a service; only the integration `revealed` is shown with its whole key."""
    ctx = html.ctx(request)
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        overview = await queries.overview(tx, service, now)
        keys = await alerts.integrations(tx, service.id)
        broken = {b.integration_id: b for b in await alerts.broken_sources(tx, now, service_id=service.id)}
        policies = [(policy.id, policy.name) for policy in await paging.policies(tx)]
    context = {
        "nav": "services",
        "live": "pages,incidents,oncall",
        "s": service,
        "o": overview,
        "keys": keys,
        "revealed": revealed,
        "broken": broken,
        "policies": policies,
    }
    return await html.render(request, "service_overview/service.html", context)


@router.post("/services/{slug}/integrations", dependencies=access.needs(Verb.INTEGRATION_CREATE))
async def add_key(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        integration = await alerts.create_integration(
            tx,
            access.actor_of(me),
            service_id=service.id,
            name=str(form.get("name", "")),
            now=ctx.clock.now(),
        )
    flash.show(request, f"Integration {integration.name} added to {service.name}.")
    return await _service(request, slug, integration.id)


@router.post(
    "/services/{slug}/integrations/{integration_id}/reveal",
    dependencies=access.needs(Verb.INTEGRATION_REVEAL),
)
async def reveal_key(request: Request, slug: str, integration_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    async with ctx.db.tx() as tx:
        integration = await alerts.reveal_integration(
            tx,
            access.actor_of(me),
            service_id=(await catalog.by_slug(tx, slug)).id,
            integration_id=integration_id,
            now=ctx.clock.now(),
        )
    flash.show(request, f"Key of {integration.name} revealed. The audit log records it.")
    return await _service(request, slug, integration.id)


@router.post(
    "/services/{slug}/integrations/{integration_id}/revoke",
    dependencies=access.needs(Verb.INTEGRATION_REVOKE),
)
async def revoke_key(request: Request, slug: str, integration_id: int) -> Response:
    await access.form(request)
    me, ctx = await access.signed_in(request), html.ctx(request)
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        service_id = (await catalog.by_slug(tx, slug)).id
        key = await alerts.revoke_integration(
            tx, actor, service_id=service_id, integration_id=integration_id, now=now
        )
        offer = await undo.offer(tx, ctx.signer, actor, "integration.revoked", now)
    return flash.redirect(request, f"/services/{slug}", f"Key of {key.name} revoked.", offer)


@router.post("/services/{slug}/policy", dependencies=access.needs(Verb.SERVICE_WRITE))
async def choose_policy(request: Request, slug: str) -> Response:
    form, me = await access.form(request), await access.signed_in(request)
    ctx, chosen = html.ctx(request), str(form.get("policy", ""))
    actor, now = access.actor_of(me), ctx.clock.now()
    async with ctx.db.tx() as tx:
        service = await catalog.by_slug(tx, slug)
        policy_id = to_choice(chosen, "policy")
        await catalog.set_policy(tx, actor, service_id=service.id, policy_id=policy_id, now=now)
        offer = await undo.offer(tx, ctx.signer, actor, "service.changed", now)
    return flash.redirect(request, f"/services/{slug}", f"Escalation policy of {service.name} saved.", offer)
