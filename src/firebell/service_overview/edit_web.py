"""The screen on which a service's texts, team, tier, labels and links are edited."""

from collections.abc import Mapping

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import TIERS, Service, ServiceLink
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import to_choice, to_required
from firebell.kit.web import flash, html, routing, undo
from firebell.kit.web.field_errors import FieldErrors
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _render(
    visit: Visit, service: Service, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    context = {
        "nav": "services",
        "s": service,
        "teams": [(team.id, team.name) for team in await people.teams(visit.tx)],
        "tiers": [("", "None"), *((number, f"{number}: {name}") for number, name in TIERS.items())],
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "service_overview/edit.html", context)


def _values(service: Service) -> dict[str, str]:
    return {
        "description": service.description,
        "team": str(service.team_id),
        "tier": str(service.tier or ""),
        "runbook_url": service.runbook_url,
        "labels": catalog.label_lines(service.labels),
        "links": catalog.link_lines(service.links),
    }


@router.get("/services/{slug}/edit", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def edit(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    return await _render(visit, service, _values(service))


@router.post("/services/{slug}/edit", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def save(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    errors = FieldErrors()
    try:
        async with visit.tx.savepoint():
            labels = errors.value(lambda: catalog.labels_of_lines(visit.text("labels")), dict[str, str]())
            links = errors.value(
                lambda: catalog.links_of_lines(visit.text("links")), tuple[ServiceLink, ...]()
            )
            errors.check()
            await catalog.update_service(
                visit.tx,
                visit.actor,
                service,
                team_id=to_required(visit.values.get("team"), "team"),
                tier=to_choice(visit.text("tier"), "tier"),
                description=visit.text("description"),
                runbook_url=visit.text("runbook_url"),
                labels=labels,
                links=links,
                now=visit.now,
            )
    except Invalid as error:
        return await _render(visit, service, visit.values, error)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "service.changed", visit.now)
    return flash.redirect(visit.request, f"/services/{slug}", f"{service.name} saved.", offer)
