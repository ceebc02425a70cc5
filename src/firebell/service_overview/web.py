"""The screen of a service, and its forms."""

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alerts_queries
from firebell.catalog import actions as catalog
from firebell.catalog.model import TIERS, Service
from firebell.heartbeats import queries as heartbeats
from firebell.inbound_mail.queries import address_of
from firebell.kit import undo
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.matchers import Matcher, Op
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing
from firebell.paging import actions as paging
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.runbooks import queries as runbooks
from firebell.service_overview import queries
from firebell.service_overview.dependencies import queries as dependency_queries

router = routing.html_router()


@router.get("/services/{slug}", dependencies=route_access.needs(Verb.SERVICE_READ))
async def service(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug, with_deleted=True)
    if service.is_deleted:
        return await html.render(
            visit.request, "service_overview/deleted.html", {"nav": "services", "s": service}
        )
    return await _service(visit, service)


async def _service(
    visit: Visit,
    service: Service,
    revealed: int | None = None,
    refused: int | None = None,
    error: FirebellError | None = None,
) -> Response:
    """Render a service; only the integration `revealed` is shown with its whole key.

    The settings of the integration `refused` are shown as they were entered, with their `error`.
    """
    overview = await queries.overview(visit.tx, service, visit.now)
    keys = await alerts.integrations(visit.tx, service.id)
    broken = {
        b.integration_id: b for b in await alerts.broken_sources(visit.tx, visit.now, service_id=service.id)
    }
    policies = [(policy.id, policy.name) for policy in await paging.policies(visit.tx)]
    context = {
        "nav": "services",
        "live": f"pages,incidents,oncall,heartbeats,{alerts.MUTES_TOPIC}",
        "s": service,
        "o": overview,
        "runbooks": await runbooks.of_service(visit.tx, service, visit.ctx.public_url, visit.now),
        "tiers": TIERS,
        "label_query": lambda name, value: str(Matcher(name, Op.EQUAL, value)),
        "near": await dependency_queries.neighborhood(visit.tx, service),
        "keys": keys,
        "received_by": await alerts_queries.integration_summaries(
            visit.tx, [each.id for each in keys], visit.now
        ),
        "revealed": revealed,
        "refused": refused,
        "refused_values": visit.values if refused is not None else {},
        "error": error,
        "broken": broken,
        "mutes": await alerts.muted_counts_of_service(visit.tx, service.id),
        "policies": policies,
        "mail_domain": visit.ctx.inbound_mail.domain,
        "mail_address": address_of,
        "heartbeats": await heartbeats.of_service(visit.tx, service.id, visit.now),
        "sources": alerts_queries.sources(with_address=True),
        "recognized": alerts_queries.sources(with_address=False),
    }
    return await html.render(visit.request, "service_overview/service.html", context)


@router.post(
    "/services/{slug}/integrations/{integration_id}/reveal",
    dependencies=route_access.needs(Verb.INTEGRATION_REVEAL),
)
async def reveal_key(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    integration = await alerts.reveal_integration(
        visit.tx,
        visit.actor,
        service_id=service.id,
        integration_id=integration_id,
        now=visit.now,
    )
    flash.show(visit.request, f"Key of {integration.name} revealed. The audit log records it.")
    return await _service(visit, service, integration.id)


@router.post(
    "/services/{slug}/integrations/{integration_id}/revoke",
    dependencies=route_access.needs(Verb.INTEGRATION_REVOKE),
)
async def revoke_key(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service_id = (await catalog.by_slug(visit.tx, slug)).id
    key = await alerts.revoke_integration(
        visit.tx, visit.actor, service_id=service_id, integration_id=integration_id, now=visit.now
    )
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "integration.revoked", visit.now)
    return flash.redirect(visit.request, f"/services/{slug}", f"Key of {key.name} revoked.", offer)


@router.post(
    "/services/{slug}/integrations/{integration_id}",
    dependencies=route_access.needs(Verb.INTEGRATION_CREATE),
)
async def change_key(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    try:
        async with visit.tx.savepoint():
            changed = await alerts.update_integration(
                visit.tx,
                visit.actor,
                service_id=service.id,
                integration_id=integration_id,
                flapping_changes=to_number(visit.text("flapping_changes"), "flapping_changes"),
                drop_labels=visit.text("drop_labels").split(","),
                now=visit.now,
            )
    except Invalid as error:
        return await _service(visit, service, refused=integration_id, error=error)
    return flash.redirect(
        visit.request, f"/services/{slug}#integrations", f"Settings of {changed.name} saved."
    )


@router.post("/services/{slug}/policy", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def choose_policy(visit: CurrentVisit, slug: str) -> Response:
    chosen = visit.text("policy")
    service = await catalog.by_slug(visit.tx, slug)
    policy_id = to_choice(chosen, "policy")
    await catalog.set_escalation_policy(
        visit.tx, visit.actor, service_id=service.id, policy_id=policy_id, now=visit.now
    )
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "service.changed", visit.now)
    return flash.redirect(
        visit.request, f"/services/{slug}", f"Escalation policy of {service.name} saved.", offer
    )
