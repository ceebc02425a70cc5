"""The pages on which people publish on a status page: the first update of an incident, and the next ones."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.status_pages import actions, derived_status, incident_store, queries, stages, store
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.model import (
    CHOOSABLE,
    STAGE_LABELS,
    STATUS_LABELS,
    ComponentStatus,
    PublicIncident,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing import retraction, taking_over
from firebell.status_pages.publishing.actions import NewUpdate
from firebell.status_pages.publishing.update_input import stage_of, status_of

router = routing.html_router()

DEFAULT_SEVERITY = 1
MAX_CONTINUABLE = 20
"""Number of the latest incidents that a new one can continue."""


async def _update_of(visit: Visit, page: StatusPage, published: PublicIncident | None) -> NewUpdate:
    """Return what the form wants to publish. Times are in the time zone of the person."""
    statuses = {}
    for component in await store.components(visit.tx, page.id):
        if chosen := visit.text(f"status-{component.id}"):
            statuses[component.id] = status_of(chosen)
    kind = visit.text("kind") or UpdateKind.UPDATE
    if kind not in list(UpdateKind):
        raise Invalid(f"{kind[:40]!r} is not a kind of update.", fields={"kind": "Choose from the list."})
    return NewUpdate(
        stage_of(visit.text("stage")),
        visit.text("body"),
        statuses,
        visit.instant("since"),
        visit.instant("next_update_at"),
        to_number(visit.text("after") or "0", "after") if published else None,
        UpdateKind(kind),
        visit.instant("eta_at"),
        is_quiet=visit.text("quiet") == "yes",
    )


async def _draft(visit: Visit, incident: Incident | None, stage: Stage) -> str:
    if incident is None:
        return ""
    template = await incidents.message(
        visit.tx, incident, f"status-{stage}", visit.ctx.public_url, visit.person.tz, visit.now
    )
    return template.text


async def _render(
    visit: Visit,
    page: StatusPage,
    published: PublicIncident | None,
    incident: Incident | None,
    values: Mapping[str, str],
    error: FirebellError | None = None,
) -> Response:
    publications = await queries.publications(visit.tx, incident) if incident else []
    publication = next((each for each in publications if each.page.id == page.id), None)
    suggested = await queries.suggested_stage(visit.tx, incident) if incident else None
    stage = suggested or (published.stage if published else Stage.INVESTIGATING)
    if published and stage.rank < published.stage.rank:
        stage = published.stage
    severity = incident.severity if incident else DEFAULT_SEVERITY
    components = await store.components(visit.tx, page.id)
    context: dict[str, Any] = {
        "nav": "status-pages",
        "page": page,
        "published": published,
        "behind": stages.behind(incident.phase, published) if incident and published else "",
        "incident": incident,
        "components": components,
        "current": {
            c.id: derived_status.status_at([published] if published else [], c.id, visit.now)
            for c in components
        },
        "suggested": {
            component_id: stages.SUGGESTED_STATUS.get(severity, ComponentStatus.OPERATIONAL)
            for component_id in (publication.suggested_ids if publication and not published else ())
        },
        "continuable": []
        if published
        else [
            (each.public_id, each.name)
            for each in await incident_store.latest_incidents(visit.tx, page.id, MAX_CONTINUABLE)
            if not each.is_open and each.continued_at is None
        ],
        "stage": stage,
        "own_earlier": publication.published.public_id
        if publication and publication.published and not published
        else "",
        "takeover": await taking_over.planned(visit.tx, page, published, visit.now) if published else None,
        "draft": await taking_over.final_text(visit.tx, page, published)
        if published and published.continued_at
        else await _draft(visit, incident, stage),
        "next_update_at": visit.now + stages.next_update_interval(severity, stage),
        "stage_labels": STAGE_LABELS,
        "status_labels": STATUS_LABELS,
        "choosable": CHOOSABLE,
        "languages": await hosting_queries.other_languages(visit.tx, page),
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "status_pages/publish.html", context)


async def _incident(visit: Visit, ref: str) -> Incident | None:
    return await incidents.incident(visit.tx, parse_ref("INC", ref)) if ref else None


@router.get("/status-pages/{slug}/incidents/new", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def new(visit: CurrentVisit, slug: str, incident: str = "") -> Response:
    page, about = await actions.status_page(visit.tx, slug), await _incident(visit, incident)
    return await _render(visit, page, None, about, {})


@router.post("/status-pages/{slug}/incidents/new", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH))
async def publish_first(visit: CurrentVisit, slug: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    about = await _incident(visit, visit.text("incident"))
    try:
        async with visit.tx.savepoint():
            published = await publishing.open_incident(
                visit.tx,
                visit.actor,
                page.id,
                visit.text("name"),
                await _update_of(visit, page, None),
                visit.now,
                incident_id=about.id if about else None,
                continues=visit.text("continues"),
            )
    except FirebellError as error:
        return await _render(visit, page, None, about, visit.values, error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/incidents/{published.public_id}", f"Published on {page.name}."
    )


@router.get(
    "/status-pages/{slug}/incidents/{public_id}", dependencies=route_access.needs(Verb.STATUS_PAGE_READ)
)
async def show(visit: CurrentVisit, slug: str, public_id: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    published = await publishing.public_incident(visit.tx, page.id, public_id)
    about = await incidents.incident(visit.tx, published.incident_id) if published.incident_id else None
    return await _render(visit, page, published, about, {})


@router.post(
    "/status-pages/{slug}/incidents/{public_id}", dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH)
)
async def publish_next(visit: CurrentVisit, slug: str, public_id: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    published = await publishing.public_incident(visit.tx, page.id, public_id)
    try:
        async with visit.tx.savepoint():
            update = await _update_of(visit, page, published)
            await publishing.publish_update(visit.tx, visit.actor, page.id, public_id, update, visit.now)
    except FirebellError as error:
        about = await incidents.incident(visit.tx, published.incident_id) if published.incident_id else None
        return await _render(visit, page, published, about, visit.values, error)
    return flash.redirect(
        visit.request, f"/status-pages/{slug}/incidents/{public_id}", f"Published on {page.name}."
    )


@router.post(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}",
    dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH),
)
async def edit(visit: CurrentVisit, slug: str, public_id: str, seq: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await publishing.edit_update(
        visit.tx,
        visit.actor,
        page.id,
        public_id,
        to_number(seq, "update", least=1),
        visit.text("body"),
        visit.text("reason"),
        visit.now,
    )
    return flash.redirect(visit.request, f"/status-pages/{slug}/incidents/{public_id}", "Text replaced.")


@router.post(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/retract",
    dependencies=route_access.needs(Verb.STATUS_PAGE_WRITE),
)
async def retract(visit: CurrentVisit, slug: str, public_id: str, seq: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    number = to_number(seq, "update", least=1)
    await retraction.retract_update(
        visit.tx, visit.actor, page.id, public_id, number, visit.text("reason"), visit.now
    )
    return flash.redirect(visit.request, f"/status-pages/{slug}/incidents/{public_id}", "Text erased.")


@router.post(
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/translations",
    dependencies=route_access.needs(Verb.STATUS_PAGE_PUBLISH),
)
async def translate(visit: CurrentVisit, slug: str, public_id: str, seq: str) -> Response:
    page = await actions.status_page(visit.tx, slug)
    await publishing.translate_update(
        visit.tx,
        visit.actor,
        page.id,
        public_id,
        to_number(seq, "update", least=1),
        visit.text("locale"),
        visit.text("body"),
        visit.now,
    )
    return flash.redirect(visit.request, f"/status-pages/{slug}/incidents/{public_id}", "Translation saved.")
