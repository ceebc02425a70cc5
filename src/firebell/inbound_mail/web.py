"""The screen of an integration's mails: its address, how they are read, and the outcome of each."""

from collections.abc import Mapping

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.inbound_mail import actions
from firebell.inbound_mail.queries import address_of
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

MAILS_SHOWN = 50
PATH = "/services/{slug}/integrations/{integration_id}/mail"


@router.get(PATH, dependencies=route_access.needs(Verb.INTEGRATION_READ))
async def mail(visit: CurrentVisit, slug: str, integration_id: int, before: str = "") -> Response:
    return await _mail(visit, slug, integration_id, before)


async def _mail(
    visit: Visit,
    slug: str,
    integration_id: int,
    before: str = "",
    values: Mapping[str, str] | None = None,
    error: FirebellError | None = None,
) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    integration = await alerts.integration_of_service(visit.tx, service.id, integration_id)
    settings = await actions.settings_of(visit.tx, integration_id)
    receipts = await actions.receipts(visit.tx, integration_id, to_id(before), MAILS_SHOWN + 1)
    shown, domain = receipts[:MAILS_SHOWN], visit.ctx.inbound_mail.domain
    own = f"/services/{slug}/integrations/{integration_id}/mail"
    context = {
        "nav": "services",
        "live": actions.LIVE_TOPIC,
        "s": service,
        "integration": integration,
        "own": own,
        "address": address_of(integration.name, integration.masked_key, domain) if domain else "",
        "is_received": bool(visit.ctx.inbound_mail.listen or visit.ctx.inbound_mail.imap),
        "auth_server": visit.ctx.inbound_mail.auth_server,
        "values": {
            "senders": ", ".join(settings.senders),
            "resolve_matchers": settings.resolve_matchers,
            "ignore_matchers": settings.ignore_matchers,
            **(values or {}),
        },
        "receipts": shown,
        "before": to_id(before),
        "older": f"{own}?before={shown[-1].id}" if len(receipts) > len(shown) else "",
        "error": error,
    }
    return await html.render(visit.request, "inbound_mail/mail.html", context)


@router.post(PATH, dependencies=route_access.needs(Verb.INTEGRATION_CREATE))
async def change(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service, values = await catalog.by_slug(visit.tx, slug), visit.values
    try:
        async with visit.tx.savepoint():
            await actions.change_settings(
                visit.tx,
                visit.actor,
                service_id=service.id,
                integration_id=integration_id,
                senders=values.get("senders", "").replace("\n", ",").split(","),
                resolve_matchers=values.get("resolve_matchers", ""),
                ignore_matchers=values.get("ignore_matchers", ""),
                auth_server=visit.ctx.inbound_mail.auth_server,
                now=visit.now,
            )
    except Invalid as error:
        return await _mail(visit, slug, integration_id, values=values, error=error)
    own = f"/services/{slug}/integrations/{integration_id}/mail"
    return flash.redirect(visit.request, own, "Mail settings saved.")
