"""The guided set-up of an integration, and its test alert."""

from datetime import timedelta
from enum import StrEnum

from fastapi import Response

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import SEVERITIES
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.inbound_mail.queries import address_of
from firebell.integration_setup import actions, queries
from firebell.integration_setup.queries import SetupState
from firebell.kit.durations import duration
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import permissions, route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

KEY_SHOWN = timedelta(days=1)
"""How long the person who created an integration that received nothing is shown its whole key."""
SERVICES_LISTED = 500
"""Number of services that the form offers."""


class TileKind(StrEnum):
    """Which sources are shown as tiles."""

    ALL = "all"
    TOOLS = "tools"
    DROP_IN = "drop-in"

    @property
    def label(self) -> str:
        """What a person reads."""
        return {TileKind.ALL: "All", TileKind.TOOLS: "Tools", TileKind.DROP_IN: "Replace a product"}[self]

    @property
    def is_drop_in(self) -> bool | None:
        """True for addresses of other products, False for tools, None for both."""
        return None if self is TileKind.ALL else self is TileKind.DROP_IN


def _path(service: Service, integration_id: int, source: str = "") -> str:
    return html.address(f"/services/{service.slug}/integrations/{integration_id}", source=source)


async def _choose(
    visit: Visit, slug: str, name: str, q: str, kind: str, error: FirebellError | None = None
) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    shown = TileKind(kind) if kind in list(TileKind) else TileKind.ALL
    chosen = alert_queries.find_source(name)
    services = (await catalog.services(visit.tx))[:SERVICES_LISTED] if chosen or error else []
    context = {
        "nav": "services",
        "s": service,
        "q": q,
        "kind": shown,
        "kinds": list(TileKind),
        "here": f"/services/{service.slug}/integrations/new",
        "sources": alert_queries.search_sources(q, is_drop_in=shown.is_drop_in),
        "source_count": len(alert_queries.all_sources()),
        "source": chosen,
        "services": [(each.slug, each.name) for each in services],
        "values": visit.values if error else {},
        "error": error,
    }
    return await html.render(visit.request, "integration_setup/choose.html", context)


@router.get("/services/{slug}/integrations/new", dependencies=route_access.needs(Verb.INTEGRATION_CREATE))
async def choose_source(
    visit: CurrentVisit, slug: str, source: str = "", q: str = "", kind: str = ""
) -> Response:
    return await _choose(visit, slug, source, q, kind)


@router.post("/services/{slug}/integrations/new", dependencies=route_access.needs(Verb.INTEGRATION_CREATE))
async def add_integration(visit: CurrentVisit, slug: str) -> Response:
    try:
        async with visit.tx.savepoint():
            service = await catalog.by_slug(visit.tx, visit.text("service") or slug)
            integration = await alerts.create_integration(
                visit.tx, visit.actor, service_id=service.id, name=visit.text("name"), now=visit.now
            )
    except Invalid as error:
        return await _choose(visit, slug, visit.text("source"), "", "", error)
    return flash.redirect(
        visit.request,
        _path(service, integration.id, visit.text("source")),
        f"Integration {integration.name} added to {service.name}.",
    )


@router.get(
    "/services/{slug}/integrations/{integration_id}", dependencies=route_access.needs(Verb.INTEGRATION_READ)
)
async def integration(
    visit: CurrentVisit, slug: str, integration_id: int, source: str = "", severity: str = "critical"
) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    shown = await alerts.integration_of_service(visit.tx, service.id, integration_id)
    progress = await queries.progress(visit.tx, shown, visit.now)
    severity = severity if severity in SEVERITIES else "critical"
    sender = alert_queries.find_source(progress.source)
    chosen = alert_queries.find_source(source) or sender
    # in full for the person who sets it up, until something arrived; all others reveal it, which is audited
    is_new = progress.state is SetupState.WAITING and visit.now - shown.created_at < KEY_SHOWN
    is_own = shown.created_by == visit.actor.person_id and permissions.allows(
        visit.rights, Verb.INTEGRATION_REVEAL
    )
    is_shown = is_new and is_own
    key = shown.key if is_shown else shown.masked_key
    domain = visit.ctx.inbound_mail.domain
    context = {
        "nav": "services",
        "live": f"pages,mutes,routing,{alerts.integration_topic(shown.id)}",
        "s": service,
        "k": shown,
        "is_key_shown": is_shown,
        "u": _path(service, shown.id),
        "here": _path(service, shown.id, source),
        "source": chosen,
        "guide": chosen.guide(visit.ctx.public_url, key) if chosen else None,
        "sources": alert_queries.all_sources(),
        "mail": address_of(shown.name, key, domain) if domain else "",
        "progress": progress,
        "state": progress.state,
        "sender": sender,
        # a test that fires hides it
        "preview": None
        if progress.test
        else await queries.preview_of_test(visit.tx, shown, service, severity, visit.now),
        "severity": severity,
        "severities": [(each, each.capitalize()) for each in SEVERITIES],
        "lasts": actions.TEST_LASTS,
    }
    return await html.render(visit.request, "integration_setup/integration.html", context)


@router.post(
    "/services/{slug}/integrations/{integration_id}/test", dependencies=route_access.needs(Verb.PAGE_START)
)
async def send_test(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    _, is_new = await actions.send_test_alert(
        visit.tx,
        visit.actor,
        service_id=service.id,
        integration_id=integration_id,
        severity=visit.text("severity") or "critical",
        now=visit.now,
    )
    return flash.redirect(
        visit.request,
        f"{_path(service, integration_id, visit.text('source'))}#test",
        f"Test alert sent. It ends in {duration(actions.TEST_LASTS)}."
        if is_new
        else "A test alert is already firing. End it to send another one.",
    )


@router.post(
    "/services/{slug}/integrations/{integration_id}/test/end",
    dependencies=route_access.needs(Verb.PAGE_START),
)
async def end_test(visit: CurrentVisit, slug: str, integration_id: int) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    await actions.end_test_alert(
        visit.tx, visit.actor, service_id=service.id, integration_id=integration_id, now=visit.now
    )
    return flash.redirect(
        visit.request, f"{_path(service, integration_id, visit.text('source'))}#test", "Test alert ended."
    )
