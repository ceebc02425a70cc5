"""Dependencies between services over JSON: those of one service, and all of them as one map."""

from typing import Annotated, Literal

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.catalog import dependencies as graph
from firebell.catalog.model import Service
from firebell.kit import undo
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Removed, Text, problems, removed
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.service_overview.dependencies import queries as dependency_queries
from firebell.service_overview.dependencies.queries import RelatedService

router = api.router("services")

Reader = Annotated[Work, work(Verb.SERVICE_READ)]
Responder = Annotated[Work, work(Verb.SERVICE_WRITE)]
Slugs = Annotated[list[Text], Field(max_length=catalog.MAX_DEPENDENCIES)]


class ServiceNearby(ApiOutput):
    """A service near another one; `ref` is the open incident or page behind its state."""

    slug: str
    name: str
    state: Literal["outage", "degraded", "ok"]
    ref: str | None
    through: Annotated[list[str], Field(description="slugs of the services between, the nearest first")]


class ServiceDependencies(ApiOutput):
    """What a service depends on and what depends on it; `problems` are the unhealthy services behind it."""

    service: str
    depends_on: Annotated[list[ServiceNearby], Field(description="directly, unhealthy first")]
    used_by: Annotated[list[ServiceNearby], Field(description="directly, unhealthy first")]
    behind: Annotated[list[ServiceNearby], Field(description="what it depends on through others")]
    before: Annotated[list[ServiceNearby], Field(description="what depends on it through others")]
    problems: list[ServiceNearby]
    cycle: Annotated[list[str], Field(description="the services through which it depends on itself")]


class ServiceDependencyChange(ApiInput):
    """The services that a service depends on from now on; others are removed."""

    depends_on: Annotated[Slugs, Field(examples=[["ledger-db", "payments-gateway"]])]


class NewDependency(ApiInput):
    """A service that a service depends on from now on."""

    depends_on: Annotated[Text, Field(description="slug", examples=["ledger-db"])]


class DependencyMap(ApiOutput):
    """What each service depends on, by slug, and the groups of services that depend on one another."""

    services: dict[str, list[str]]
    cycles: list[list[str]]


class DependencyImport(ApiInput):
    """Services with what they depend on, by slug; services that are not listed keep what they have."""

    services: Annotated[
        dict[str, Slugs],
        Field(
            max_length=catalog.MAX_IMPORTED_SERVICES,
            examples=[{"checkout-api": ["ledger-db", "payments-gateway"], "search": []}],
        ),
    ]
    dry_run: Annotated[bool, Field(description="only return what would change")] = False


class ImportedDependency(ApiOutput):
    """A service and one that it depends on, by slug."""

    service: str
    depends_on: str


class DependencyImportResult(ApiOutput):
    """What an import added and removed, or would with `dry_run`."""

    services: Annotated[int, Field(description="number of services in the import")]
    added: list[ImportedDependency]
    removed: list[ImportedDependency]
    dry_run: bool


def nearby(related: RelatedService) -> ServiceNearby:
    """Return a service near another one as JSON has it."""
    return ServiceNearby(
        slug=related.service.slug,
        name=related.service.name,
        state=related.health.state,
        ref=related.health.ref,
        through=[each.slug for each in related.through],
    )


async def _dependencies(w: Work, service: Service) -> ServiceDependencies:
    may_read_incidents = permissions.allows(w.rights, Verb.INCIDENT_READ)
    near = await dependency_queries.neighborhood(w.tx, service, with_incidents=may_read_incidents)
    return ServiceDependencies(
        service=service.slug,
        depends_on=[nearby(each) for each in near.depends_on],
        used_by=[nearby(each) for each in near.used_by],
        behind=[nearby(each) for each in near.behind],
        before=[nearby(each) for each in near.before],
        problems=[nearby(each) for each in near.problems],
        cycle=[each.slug for each in near.cycle],
    )


@router.get(
    "/services/{slug}/dependencies",
    summary="List what a service depends on and what depends on it",
    responses=problems(404),
)
async def list_dependencies(w: Reader, slug: Text) -> ServiceDependencies:
    return await _dependencies(w, await catalog.by_slug(w.tx, slug))


@router.put(
    "/services/{slug}/dependencies",
    summary="Replace what a service depends on",
    responses=problems(404),
)
async def replace_dependencies(
    w: Responder, slug: Text, change: ServiceDependencyChange
) -> ServiceDependencies:
    service = await catalog.by_slug(w.tx, slug)
    depends_on = await catalog.resolve_dependencies(w.tx, change.depends_on)
    await catalog.set_dependencies(w.tx, w.actor, service, depends_on, w.now)
    return await _dependencies(w, service)


@router.post(
    "/services/{slug}/dependencies",
    summary="Add a dependency",
    responses=problems(404),
)
async def add_dependency(w: Responder, slug: Text, added: NewDependency) -> ServiceDependencies:
    service = await catalog.by_slug(w.tx, slug)
    (dependency,) = await catalog.resolve_dependencies(w.tx, [added.depends_on])
    await catalog.add_dependency(w.tx, w.actor, service, dependency, w.now)
    return await _dependencies(w, service)


@router.delete(
    "/services/{slug}/dependencies/{depends_on}",
    summary="Remove a dependency",
    responses=problems(404),
)
async def remove_dependency(w: Responder, slug: Text, depends_on: Text) -> Removed:
    service, dependency = await catalog.by_slug(w.tx, slug), await catalog.by_slug(w.tx, depends_on)
    await catalog.remove_dependency(w.tx, w.actor, service, dependency, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "service.dependencies", w.now))


@router.get("/service-dependencies", summary="Get the dependencies of all services, with their cycles")
async def export_dependencies(w: Reader) -> DependencyMap:
    edges = await catalog.dependency_edges(w.tx)
    slugs = {service.id: service.slug for service in await catalog.services(w.tx)}
    services: dict[str, list[str]] = {}
    for service_id, depends_on_id in edges:
        services.setdefault(slugs[service_id], []).append(slugs[depends_on_id])
    return DependencyMap(
        services={slug: sorted(services[slug]) for slug in sorted(services)},
        cycles=[[slugs[i] for i in group] for group in graph.cycles(edges)],
    )


@router.post(
    "/service-dependencies",
    summary="Import the dependencies of many services at once",
)
async def import_dependencies(w: Responder, body: DependencyImport) -> DependencyImportResult:
    changes = await catalog.import_dependencies(w.tx, w.actor, body.services, w.now, dry_run=body.dry_run)
    return DependencyImportResult(
        services=changes.services,
        added=[ImportedDependency(service=a.slug, depends_on=b.slug) for a, b in changes.added],
        removed=[ImportedDependency(service=a.slug, depends_on=b.slug) for a, b in changes.removed],
        dry_run=body.dry_run,
    )
