"""The screen of the dependencies of a service, and its forms."""

from collections.abc import Mapping

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.catalog.queries import offer_services
from firebell.kit import undo
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.matchers import Matcher, Op, print_all
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.service_overview.dependencies import queries as dependency_queries

router = routing.html_router()


async def _render(
    visit: Visit, service: Service, values: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    near = await dependency_queries.neighborhood(visit.tx, service)
    offered = await offer_services(visit.tx, [], "")
    context = {
        "nav": "services",
        "live": "pages,incidents",
        "s": service,
        "near": near,
        "offered": [each for each in offered.services if each.id != service.id],
        "inhibition": {each.service.id: _inhibition(service, each.service) for each in near.depends_on},
        "values": values,
        "error": error,
    }
    return await html.render(visit.request, "service_overview/dependencies.html", context)


def _inhibition(service: Service, dependency: Service) -> str:
    """Return the address of a form, filled in for a person to check, that inhibits the alerts of a dependent."""
    return html.address(
        "/inhibition-rules",
        name=f"{dependency.name} explains {service.name}"[:100],
        source_matchers=print_all([Matcher("service", Op.EQUAL, dependency.slug)]),
        target_matchers=print_all([Matcher("service", Op.EQUAL, service.slug)]),
    )


@router.get("/services/{slug}/dependencies", dependencies=route_access.needs(Verb.SERVICE_READ))
async def dependencies(visit: CurrentVisit, slug: str) -> Response:
    return await _render(visit, await catalog.by_slug(visit.tx, slug), {})


@router.post("/services/{slug}/dependencies", dependencies=route_access.needs(Verb.SERVICE_WRITE))
async def add_dependency(visit: CurrentVisit, slug: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    entered = visit.text("depends_on").strip()
    try:
        async with visit.tx.savepoint():
            dependency = await catalog.service_by_name_or_slug(visit.tx, entered)
            if dependency is None:
                raise Invalid(
                    "There is no such service.",
                    fields={"depends_on": "Enter the exact name or slug of a service."},
                )
            await catalog.add_dependency(visit.tx, visit.actor, service, dependency, visit.now)
    except Invalid as error:
        return await _render(visit, service, {"depends_on": entered}, error)
    return flash.redirect(
        visit.request,
        f"/services/{slug}/dependencies",
        f"{service.name} depends on {dependency.name}.",
    )


@router.post(
    "/services/{slug}/dependencies/{depends_on}/remove", dependencies=route_access.needs(Verb.SERVICE_WRITE)
)
async def remove_dependency(visit: CurrentVisit, slug: str, depends_on: str) -> Response:
    service = await catalog.by_slug(visit.tx, slug)
    dependency = await catalog.by_slug(visit.tx, depends_on)
    await catalog.remove_dependency(visit.tx, visit.actor, service, dependency, visit.now)
    offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "service.dependencies", visit.now)
    return flash.redirect(
        visit.request,
        f"/services/{slug}/dependencies",
        f"{service.name} no longer depends on {dependency.name}.",
        offer,
    )
