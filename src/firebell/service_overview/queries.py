"""Read model of one service with its pages, incidents, alerts and changes, for the web and the API."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import ChangeEvent
from firebell.catalog.model import Service
from firebell.incidents import queries as incident_queries
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.paging import queries as page_queries
from firebell.paging.model import Policy, TargetKind
from firebell.people import actions as people
from firebell.people.model import Team
from firebell.service_overview import figure_store as fact_store
from firebell.service_overview.figure_store import PageFigures
from firebell.service_overview.health import ServiceHealth, health
from firebell.service_overview.service_list.alert_bars import alert_bars

PERIOD = timedelta(days=30)
"""The period of which figures are shown."""
COMPARABLE_PAGES = 5
"""Fewer acknowledged pages are too few to compare two periods."""
ITEMS_LISTED = 10
"""The most pages, incidents and alerts that the overview has of each."""


@dataclass(frozen=True, slots=True)
class PagedLevel:
    """Who an escalation level would notify now; `offset_s` counts from the start of a page."""

    offset_s: int
    targets: str
    """The schedules and teams of the level; blank for the last resort."""
    people: list[tuple[int, str]]
    last_resort: bool


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """The figures of the last 30 days, and those of the 30 days before; `days` are the alerts of each, oldest first."""

    last: PageFigures
    before: PageFigures
    days: tuple[int, ...]

    @property
    def alerts(self) -> int:
        """The number of alerts."""
        return sum(self.days)

    @property
    def is_comparable(self) -> bool:
        """True if both periods have enough acknowledged pages to compare them."""
        return min(self.last.acknowledged, self.before.acknowledged) >= COMPARABLE_PAGES


@dataclass(frozen=True, slots=True)
class Overview:
    """A service with its state and its newest pages, incidents, alerts and changes."""

    service: Service
    team: Team
    policy: Policy | None
    health: ServiceHealth
    levels: list[PagedLevel]
    open_pages: list[page_queries.PageDetails]
    last_pages: list[page_queries.PageDetails]
    incidents: list[incident_queries.IncidentSummary]
    alerts: list[alert_queries.AlertDetails]
    changes: list[ChangeEvent]
    figures: ServiceFigures

    @property
    def on_call(self) -> list[tuple[int, str]]:
        """The people who would get a page first if it began now."""
        return next((level.people for level in self.levels if level.people), [])


async def overview(tx: Tx, service: Service, now: datetime, *, with_incidents: bool = True) -> Overview:
    """Return the service with the newest of its pages, incidents, alerts and changes.

    Without `with_incidents` the state depends on its pages alone.
    """
    team = await people.team(tx, service.team_id)
    policies = await paging.policies_by_id(tx, [service.policy_id] if service.policy_id else [])
    policy = policies.get(service.policy_id or 0)
    pages = await page_queries.of_service(tx, service, policy, ITEMS_LISTED, now)
    open_incidents: list[Incident] = []
    incidents: list[incident_queries.IncidentSummary] = []
    if with_incidents:
        open_incidents = await incident_queries.open_of_service(tx, service.id, ITEMS_LISTED)
        incidents = await incident_queries.of_service(tx, service.id, ITEMS_LISTED)
    ended_at = [
        await page_queries.last_resolved_at(tx, service.id),
        *(i.incident.closed_at for i in incidents),
    ]
    return Overview(
        service=service,
        team=team,
        policy=policy,
        health=health(open_incidents, [v.page for v in pages.open], ended_at),
        levels=await _levels(tx, policy, pages),
        open_pages=pages.open,
        last_pages=pages.resolved,
        incidents=incidents,
        alerts=await _alerts(tx, service.id),
        changes=await alerts.changes(tx, [service.id]),
        figures=await _figures(tx, service.id, now),
    )


async def _figures(tx: Tx, service_id: int, now: datetime) -> ServiceFigures:
    days = await alert_bars(tx, [service_id], timedelta(days=1), PERIOD.days, now)
    return ServiceFigures(
        await fact_store.page_figures(tx, service_id, now - PERIOD, now),
        await fact_store.page_figures(tx, service_id, now - 2 * PERIOD, now - PERIOD),
        days[service_id],
    )


async def _alerts(tx: Tx, service_id: int) -> list[alert_queries.AlertDetails]:
    """Return the newest alerts of a service, firing ones first."""
    firing = await alerts.newest_alerts(tx, ITEMS_LISTED, service_id=service_id, firing=True)
    newest = await alerts.newest_alerts(tx, ITEMS_LISTED, service_id=service_id)
    resolved = [a for a in newest if a.status != "firing"]
    return await alert_queries.alert_details(tx, [*firing, *resolved][:ITEMS_LISTED])


async def _levels(tx: Tx, policy: Policy | None, pages: page_queries.ServicePages) -> list[PagedLevel]:
    names = {
        **{(TargetKind.SCHEDULE, i): name for i, name in (await oncall.names_by_id(tx)).items()},
        **{(TargetKind.TEAM, t.id): t.name for t in await people.teams(tx)},
    }
    levels = []
    for step in pages.steps:
        targets = policy.levels[step.level].targets if policy and step.level is not None else ()
        label = ", ".join(names[t.kind, t.id] for t in targets if (t.kind, t.id) in names)
        offset_s = int(step.at.total_seconds())
        levels.append(
            PagedLevel(offset_s, targets=label, people=list(step.people), last_resort=step.level is None)
        )
    return levels
