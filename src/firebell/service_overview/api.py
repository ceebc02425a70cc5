"""One service with everything related to it, over JSON."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import Query
from pydantic import Field

from firebell.alerts.model import ChangeEvent
from firebell.alerts.queries import AlertDetails
from firebell.catalog import actions as catalog
from firebell.catalog.api_types import LEAST_TIER, MOST_TIER, EarlierNames, ServiceLinkShown
from firebell.incidents.model import Phase
from firebell.incidents.queries import IncidentSummary
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, PageParams, Text, problems
from firebell.paging.model import PageState
from firebell.paging.queries import PageDetails
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.runbooks import queries as runbooks
from firebell.runbooks.queries import RunbookOfService
from firebell.service_overview import queries
from firebell.service_overview.service_list import queries as list_queries
from firebell.service_overview.service_list.queries import HealthFilter, ServiceSearch

router = api.router("services", "/services")

Reader = Annotated[Work, work(Verb.SERVICE_READ)]
Sev = Literal["SEV0", "SEV1", "SEV2", "SEV3"]


class ServiceState(ApiOutput):
    """The state of a service; `ref` is the open incident or page behind it, `since` is null if it never changed."""

    state: Literal["outage", "degraded", "ok"]
    since: datetime | None
    ref: str | None


class ListedService(ApiOutput):
    """A service; without a policy its pages go to the fallback responders. `open_pages` counts snoozed ones too."""

    id: int
    slug: str
    name: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
    tier: int | None
    labels: dict[str, str]
    links: list[ServiceLinkShown]
    earlier_names: EarlierNames
    state: Literal["outage", "degraded", "ok"]
    ref: Annotated[str | None, Field(description="the open incident or page behind the state")]
    open_pages: int


class ServicePerson(ApiOutput):
    """A person who would get a page now."""

    id: int
    name: str


class ServicePage(ApiOutput):
    """A page of the service; `acked_after_s` is null until someone acknowledges it."""

    ref: str
    title: str
    state: PageState
    triggered_at: datetime
    resolved_at: datetime | None
    acked_after_s: int | None
    owners: list[str]
    incidents: list[str]


class ServiceIncident(ApiOutput):
    """An incident of the service; `closed_at` is null while it is open."""

    ref: str
    title: str
    severity: Sev
    phase: Phase
    declared_at: datetime
    closed_at: datetime | None
    duration_s: int | None


class ServiceAlert(ApiOutput):
    """An alert of the service, with its page and incidents."""

    id: int
    title: str
    status: Literal["firing", "resolved"]
    severity: Literal["critical", "error", "warning", "info"] | None
    starts_at: datetime
    page: str | None
    incidents: list[str]


class ServiceChangeEvent(ApiOutput):
    """A deployment or another change of the service."""

    id: int
    at: datetime
    summary: str
    source: str


class ServiceFigures(ApiOutput):
    """Figures of 30 days; `median_ack_s` is null if no page was acknowledged. Pages count when they are resolved."""

    pages: int
    acknowledged: int
    median_ack_s: float | None
    median_ack_s_before: Annotated[float | None, Field(description="of the 30 days before")]
    alerts: int


class ServiceRunbook(ApiOutput):
    """A runbook of the service: why it is one, when it was last exercised, and what a machine can do of it."""

    slug: str
    title: str
    match: Annotated[
        Literal["trigger", "service_link", "service_listed"],
        Field(description="a trigger matches the service, the service links to it, or it lists the service"),
    ]
    last_exercised: Annotated[datetime | None, Field(description="null if no one has exercised it")]
    automation_level: Annotated[int, Field(ge=0, le=4)]
    url: str


class ServiceDetail(ApiOutput):
    """A service, its state, and its ten newest pages, incidents, alerts and changes; the URLs are the full lists."""

    id: int
    slug: str
    name: str
    team_id: int
    policy_id: int | None
    description: str
    runbook_url: str
    tier: int | None
    labels: dict[str, str]
    links: list[ServiceLinkShown]
    earlier_names: EarlierNames
    deleted_at: Annotated[datetime | None, Field(description="null unless only its history is kept")]
    runbooks: Annotated[
        list[ServiceRunbook] | None,
        Field(description="runbooks of the service, best first; null if the key lacks runbooks:read"),
    ]
    team: Annotated[str, Field(description="slug")]
    policy: Annotated[str | None, Field(description="slug; null if pages go to the fallback responders")]
    state: ServiceState
    on_call: Annotated[
        list[ServicePerson] | None,
        Field(description="the people who would get a page first now; null if the key lacks oncall:read"),
    ]
    open_pages: list[ServicePage]
    last_pages: Annotated[list[ServicePage], Field(description="resolved pages, newest first")]
    incidents: Annotated[
        list[ServiceIncident] | None,
        Field(description="newest first, without drills; null if the key lacks incidents:read"),
    ]
    alerts: Annotated[list[ServiceAlert], Field(description="firing alerts first, then the newest")]
    changes: list[ServiceChangeEvent]
    figures: ServiceFigures
    pages_url: Annotated[str, Field(description="all pages of the service")]
    incidents_url: Annotated[str, Field(description="all incidents of the service")]
    alerts_url: Annotated[str, Field(description="all alerts of the service")]


def _page(details: PageDetails) -> ServicePage:
    page = details.page
    waited = page.first_ack_at - page.triggered_at if page.first_ack_at else None
    return ServicePage(
        ref=page.ref,
        title=page.title,
        state=page.state,
        triggered_at=page.triggered_at,
        resolved_at=page.resolved_at,
        acked_after_s=int(waited.total_seconds()) if waited else None,
        owners=details.owners,
        incidents=details.incidents,
    )


def _incident(summary: IncidentSummary) -> ServiceIncident:
    incident = summary.incident
    lasted = incident.closed_at - incident.declared_at if incident.closed_at else None
    return ServiceIncident.model_validate(
        {
            "ref": incident.ref,
            "title": incident.title,
            "severity": f"SEV{incident.severity}",
            "phase": incident.phase,
            "declared_at": incident.declared_at,
            "closed_at": incident.closed_at,
            "duration_s": int(lasted.total_seconds()) if lasted else None,
        }
    )


def _alert(details: AlertDetails) -> ServiceAlert:
    own = {n: getattr(details.alert, n) for n in ("id", "title", "status", "severity", "starts_at")}
    return ServiceAlert.model_validate({**own, "page": details.page, "incidents": details.incidents})


def _change(change: ChangeEvent) -> ServiceChangeEvent:
    return ServiceChangeEvent(id=change.id, at=change.at, summary=change.summary, source=change.source)


def _runbook(runbook: RunbookOfService) -> ServiceRunbook:
    return ServiceRunbook(
        slug=runbook.slug,
        title=runbook.title,
        match=runbook.match,
        last_exercised=runbook.last_exercised,
        automation_level=runbook.level,
        url=runbook.url,
    )


MatcherQuery = Annotated[
    Text, Query(description="matchers of labels, and words of the name or description", max_length=200)
]
TeamFilter = Annotated[Text | None, Query(description="slug of the team that owns them")]
TierFilter = Annotated[
    int | None, Query(ge=LEAST_TIER, le=MOST_TIER, description="only services of this tier")
]
StateFilter = Annotated[
    HealthFilter,
    Query(
        description="only unhealthy, not ready or deleted ones; not ready: without a policy or an integration"
    ),
]


async def search_of(
    w: Work, q: str, team: str | None, tier: int | None, health: HealthFilter
) -> ServiceSearch:
    """Return the search that the filters of a request describe; raise `NotFound` if there is no such team."""
    team_id = (await people.team_by_slug(w.tx, team)).id if team else None
    return ServiceSearch(q.strip(), team_id, tier, health)


@router.get("", summary="List services, newest first", responses=problems(404))
async def list_services(
    w: Reader,
    params: PageParams,
    q: MatcherQuery = "",
    team: TeamFilter = None,
    tier: TierFilter = None,
    health: StateFilter = HealthFilter.ALL,
) -> list[ListedService]:
    search = await search_of(w, q, team, tier, health)
    may_read_incidents = permissions.allows(w.rights, Verb.INCIDENT_READ)
    listed = await list_queries.matching(w.tx, search, with_incidents=may_read_incidents)
    return [
        ListedService(
            **{name: value for name, value in asdict(service).items() if name != "deleted_at"},
            state=state.health.state,
            ref=state.health.ref,
            open_pages=state.open_pages,
        )
        for service, state in params.newest(listed, [service.id for service, _ in listed])
    ]


@router.get(
    "/{slug}", summary="Get a service with its pages, incidents, alerts and changes", responses=problems(404)
)
async def get_service(w: Reader, slug: Text) -> ServiceDetail:
    may_read_incidents = permissions.allows(w.rights, Verb.INCIDENT_READ)
    may_read_schedules = permissions.allows(w.rights, Verb.SCHEDULE_READ)
    service = await catalog.by_slug(w.tx, slug, with_deleted=True)
    service_runbooks = None
    if permissions.allows(w.rights, Verb.RUNBOOK_READ):
        service_runbooks = await runbooks.of_service(w.tx, service, w.ctx.public_url, w.now)
    overview = await queries.overview(w.tx, service, w.now, with_incidents=may_read_incidents)
    base = w.ctx.public_url + "/api/v1"
    service_filter = f"service={quote(service.slug, safe='')}"
    return ServiceDetail(
        id=service.id,
        slug=service.slug,
        name=service.name,
        team_id=service.team_id,
        policy_id=service.policy_id,
        description=service.description,
        runbook_url=service.runbook_url,
        tier=service.tier,
        labels=dict(service.labels),
        links=[ServiceLinkShown(title=link.title, url=link.url) for link in service.links],
        earlier_names=list(service.earlier_names),
        deleted_at=service.deleted_at,
        runbooks=None if service_runbooks is None else [_runbook(each) for each in service_runbooks],
        team=overview.team.slug,
        policy=overview.policy.slug if overview.policy else None,
        state=ServiceState.model_validate(overview.health),
        on_call=[ServicePerson(id=i, name=name) for i, name in overview.on_call]
        if may_read_schedules
        else None,
        open_pages=[_page(v) for v in overview.open_pages],
        last_pages=[_page(v) for v in overview.last_pages],
        incidents=[_incident(s) for s in overview.incidents] if may_read_incidents else None,
        alerts=[_alert(v) for v in overview.alerts],
        changes=[_change(c) for c in overview.changes],
        figures=ServiceFigures(
            pages=overview.figures.last.pages,
            acknowledged=overview.figures.last.acknowledged,
            median_ack_s=overview.figures.last.median_ack_s,
            median_ack_s_before=overview.figures.before.median_ack_s,
            alerts=overview.figures.alerts,
        ),
        pages_url=f"{base}/pages?{service_filter}",
        incidents_url=f"{base}/incidents?{service_filter}",
        alerts_url=f"{base}/alerts?{service_filter}",
    )
