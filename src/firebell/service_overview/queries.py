"""Everything that belongs to a service, gathered once for its page, the API and the CLI."""

from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alerts_view
from firebell.alerts.model import Change
from firebell.catalog.model import Service
from firebell.incidents import queries as incidents_view
from firebell.incidents.model import OPEN as OPEN_PHASES
from firebell.kit.db import Tx
from firebell.oncall import actions as oncall
from firebell.paging import actions as paging
from firebell.paging import queries as paging_view
from firebell.paging.model import OPEN as OPEN_STATES
from firebell.paging.model import PageState, Policy, TargetKind
from firebell.people import actions as people
from firebell.people.model import Team
from firebell.service_overview.health import Health, health

LISTED = 10
"""Number of pages, incidents and alerts that the overview shows of each."""


@dataclass(frozen=True, slots=True)
class PagedLevel:
    """Who an escalation level would notify now; `offset_s` counts from the start of a page."""

    offset_s: int
    targets: str
    """The schedules and teams of the level; blank for the last resort."""
    people: list[tuple[int, str]]
    last_resort: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """A service with its state and the newest of everything that belongs to it."""

    service: Service
    team: Team
    policy: Policy | None
    health: Health
    levels: list[PagedLevel]
    open_pages: list[paging_view.PageDetails]
    last_pages: list[paging_view.PageDetails]
    incidents: list[incidents_view.IncidentSummary]
    alerts: list[alerts_view.AlertDetails]
    changes: list[Change]

    @property
    def on_call(self) -> list[tuple[int, str]]:
        """Who a page would notify first if it began now."""
        return next((level.people for level in self.levels if level.people), [])


async def overview(tx: Tx, service: Service, now: datetime, *, with_incidents: bool = True) -> Overview:
    """Return the service with the newest of its pages, incidents, alerts and changes.

    Without `with_incidents` its state is that of its pages alone.
    """
    team = await people.team(tx, service.team_id)
    policies = await paging.policies_by_id(tx, [service.policy_id] if service.policy_id else [])
    policy = policies.get(service.policy_id or 0)
    open_pages = await paging_view.of_service(tx, service.id, list(OPEN_STATES), LISTED, now)
    last_pages = await paging_view.of_service(tx, service.id, [PageState.RESOLVED], LISTED, now)
    open_incidents, incidents = [], []
    if with_incidents:
        open_incidents = await incidents_view.of_service(tx, service.id, LISTED, phases=OPEN_PHASES)
        incidents = await incidents_view.of_service(tx, service.id, LISTED)
    ended_at = [
        await paging_view.last_resolved_at(tx, service.id),
        *(i.incident.closed_at for i in incidents),
    ]
    return Overview(
        service,
        team,
        policy,
        health([i.incident for i in open_incidents], [v.page for v in open_pages], ended_at),
        await _levels(tx, service, policy, now),
        open_pages,
        last_pages,
        incidents,
        await _alerts(tx, service.id),
        await alerts.changes(tx, [service.id]),
    )


async def _alerts(tx: Tx, service_id: int) -> list[alerts_view.AlertDetails]:
    """Return the newest alerts of a service, those that fire first."""
    firing = await alerts.alerts(tx, "", None, LISTED, service_id=service_id, firing=True)
    newest = await alerts.alerts(tx, "", None, LISTED, service_id=service_id)
    resolved = [a for a in newest if a.status != "firing"]
    return await alerts_view.alert_details(tx, [*firing, *resolved][:LISTED])


async def _levels(tx: Tx, service: Service, policy: Policy | None, now: datetime) -> list[PagedLevel]:
    names = {
        **{(TargetKind.SCHEDULE, i): name for i, name in (await oncall.names_by_id(tx)).items()},
        **{(TargetKind.TEAM, t.id): t.name for t in await people.teams(tx)},
    }
    levels = []
    for step in await paging_view.steps(tx, policy, service.team_id, now):
        targets = policy.levels[step.level].targets if policy and step.level is not None else ()
        label = ", ".join(names[t.kind, t.id] for t in targets if (t.kind, t.id) in names)
        offset_s = int(step.at.total_seconds())
        levels.append(PagedLevel(offset_s, label, list(step.people), step.level is None))
    return levels
