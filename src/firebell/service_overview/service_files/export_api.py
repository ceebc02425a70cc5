"""Export services, over JSON, as a file that the import reads."""

from typing import Annotated, Literal

from pydantic import Field

from firebell.catalog.api_types import ServiceLinkShown
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, problems
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.service_overview.api import MatcherQuery, StateFilter, TeamFilter, TierFilter, search_of
from firebell.service_overview.service_files import export_queries
from firebell.service_overview.service_list.queries import HealthFilter

router = api.router("services")

Reader = Annotated[Work, work(Verb.SERVICE_READ)]


class ExportedService(ApiOutput):
    """A service; the import leaves `policy`, `state`, `because_of` and `open_pages` alone."""

    slug: str
    name: str
    team: Annotated[str, Field(description="slug")]
    tier: int | None
    policy: Annotated[str | None, Field(description="slug; null if pages go to the fallback responders")]
    state: Literal["outage", "degraded", "ok"]
    because_of: Annotated[str | None, Field(description="the open incident or page behind the state")]
    open_pages: int
    description: str
    runbook_url: str
    labels: dict[str, str]
    links: list[ServiceLinkShown]


class ServiceExport(ApiOutput):
    """Services by name."""

    services: list[ExportedService]


@router.get(
    "/service-export",
    summary="Export services as a file that the import reads",
    responses=problems(404),
)
async def export_services(
    w: Reader,
    q: MatcherQuery = "",
    team: TeamFilter = None,
    tier: TierFilter = None,
    health: StateFilter = HealthFilter.ALL,
) -> ServiceExport:
    """All services that match are in one response; the response is a JSON file for `POST /service-import`."""
    search = await search_of(w, q, team, tier, health)
    may_read_incidents = permissions.allows(w.rights, Verb.INCIDENT_READ)
    services = await export_queries.exported(w.tx, search, with_incidents=may_read_incidents)
    return ServiceExport(services=[ExportedService.model_validate(each) for each in services])
