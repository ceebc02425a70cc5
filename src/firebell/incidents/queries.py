"""Read models of incidents for the list, the dashboard and the header of every screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.incidents import store
from firebell.incidents.checks import fact_store, process_checks, waiver_store
from firebell.incidents.checks import model as check_model
from firebell.incidents.checks.waiver_store import Waiver
from firebell.incidents.model import OPEN, ROLE_NAMES, Incident, IncidentRole, Phase, TimelineEntry
from firebell.incidents.roles import role_requirements
from firebell.incidents.roles.rules import conflicting_role
from firebell.incidents.timeline import store as timeline_store
from firebell.kit.db.database import Tx
from firebell.kit.drill_clock import drill_time
from firebell.kit.findings import FindingLevel, Passed, ProcessFinding, severest_first
from firebell.kit.slice import IncidentChecks
from firebell.paging.model import Page
from firebell.people import actions as people

PHASE_LABELS = (
    (Phase.DECLARED, "Declared"),
    (Phase.INVESTIGATING, "Investigating"),
    (Phase.MITIGATING, "Mitigating"),
    (Phase.MONITORING, "Monitoring"),
    (Phase.CLOSED, "Closed"),
    (Phase.REVIEWED, "Post-mortem"),
)


@dataclass(frozen=True, slots=True)
class CheckedIncident:
    """The results of the process checks of an incident: open findings by level, waived ones, and what passed."""

    open: Sequence[ProcessFinding]
    waived: Sequence[tuple[ProcessFinding, Waiver]]
    passed: Sequence[Passed]

    @property
    def problems(self) -> int:
        """Number of open errors and warnings."""
        return sum(finding.level is not FindingLevel.INFO for finding in self.open)

    def finding(self, finding_id: str) -> ProcessFinding | None:
        """Return an open or waived finding, None if there is none with this id."""
        every = (*self.open, *(finding for finding, _ in self.waived))
        return next((finding for finding in every if finding.id == finding_id), None)


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role with (name, id) of its holders; `state` is ok, warn or late."""

    role: IncidentRole
    name: str
    holders: list[tuple[str, int]]
    state: str

    @property
    def missing(self) -> bool:
        """True if the incident requires the role and it is not assigned."""
        return self.state != "ok"


@dataclass(frozen=True, slots=True)
class IncidentSummary:
    """An incident with its services, pages, and the (name, id) of its people; None is an unassigned role."""

    incident: Incident
    services: list[Service]
    page_ids: list[int]
    commander: tuple[str, int] | None
    comms: tuple[str, int] | None
    people: list[tuple[str, int]]
    holders: dict[IncidentRole, list[tuple[str, int]]]

    def roles(self, now: datetime) -> list[RoleView]:
        """Return the lead roles that are assigned and all required roles, with their holders."""
        holder_ids = {role: [i for _, i in people] for role, people in self.holders.items()}
        states = role_requirements.role_states(self.incident, holder_ids, now)
        leads = {
            role: "ok" for role in (IncidentRole.COMMANDER, IncidentRole.COMMS) if self.holders.get(role)
        }
        return [
            RoleView(role, ROLE_NAMES[role], self.holders.get(role, []), state)
            for role, state in {**leads, **states}.items()
        ]

    def can_take(self, role: IncidentRole, person_id: int) -> bool:
        """Return True unless this person has a role that no one has beside this one."""
        held = {r for r, people in self.holders.items() if person_id in {i for _, i in people}}
        return conflicting_role(self.severity, role, held) is None

    @property
    def ref(self) -> str:
        """The reference, such as INC-7."""
        return self.incident.ref

    @property
    def title(self) -> str:
        """The title."""
        return self.incident.title

    @property
    def severity(self) -> int:
        """0 to 3, where 0 is the worst."""
        return self.incident.severity

    @property
    def phase(self) -> Phase:
        """The phase."""
        return self.incident.phase

    @property
    def declared_at(self) -> datetime:
        """When it was declared."""
        return self.incident.declared_at

    @property
    def service_ids(self) -> list[int]:
        """The ids of the affected services."""
        return [service.id for service in self.services]

    @property
    def update_due_at(self) -> datetime | None:
        """When the next internal update is due, None for never."""
        return self.incident.update_due_at


async def summaries(tx: Tx, incidents: Sequence[Incident]) -> list[IncidentSummary]:
    """Return summaries of the incidents; the number of statements does not depend on theirs."""
    ids = [incident.id for incident in incidents]
    roles, service_ids = await store.roles(tx, ids), await store.services(tx, ids)
    pages = await store.pages_of(tx, ids)
    services_by_id = await catalog.services_by_id(tx, [s for ids_ in service_ids.values() for s in ids_])
    people_by_id = await people.people_by_id(tx, [a.person_id for held in roles.values() for a in held])

    def holders(incident: Incident, *of_roles: IncidentRole) -> list[tuple[str, int]]:
        ids = [a.person_id for a in roles[incident.id] if not of_roles or a.role in of_roles]
        return [(people_by_id[i].name, i) for i in dict.fromkeys(ids)]

    return [
        IncidentSummary(
            incident=incident,
            services=[services_by_id[i] for i in service_ids[incident.id] if i in services_by_id],
            page_ids=pages[incident.id],
            commander=next(iter(holders(incident, IncidentRole.COMMANDER)), None),
            comms=next(iter(holders(incident, IncidentRole.COMMS)), None),
            people=holders(incident),
            holders={role: holders(incident, role) for role in IncidentRole},
        )
        for incident in incidents
    ]


async def of_service(tx: Tx, service_id: int, limit: int) -> list[IncidentSummary]:
    """Return incidents of a service without drills, newest first."""
    return await summaries(tx, await store.of_service(tx, service_id, limit))


async def open_of_service(tx: Tx, service_id: int, limit: int) -> list[Incident]:
    """Return open incidents of a service without drills, newest first."""
    return await store.of_service(tx, service_id, limit, OPEN)


async def open_by_service(tx: Tx, service_ids: Sequence[int] | None) -> list[tuple[int, Incident]]:
    """Return each open incident, without drills, with each of its services that is among these; None means all."""
    return await store.open_by_service(tx, service_ids)


async def alerts_of_pages(tx: Tx, pages: Sequence[Page], limit_each: int) -> list[tuple[Alert, str]]:
    """Return the alerts of pages with the reference of their page, firing ones of each page first."""
    groups = {page.subject_id: page.ref for page in pages if page.subject_kind == "group"}
    alerts_by_group = await alerts.alerts_of_groups(tx, list(groups), limit_each)
    return [(alert, ref) for group_id, ref in groups.items() for alert in alerts_by_group[group_id]]


async def checked(
    tx: Tx,
    incidents: Sequence[Incident],
    added: Sequence[IncidentChecks],
    now: datetime,
    tz: str = "UTC",
    *,
    timelines: Mapping[int, Sequence[TimelineEntry]] | None = None,
) -> dict[int, CheckedIncident]:
    """Return the results of the process checks of incidents, by id, with what other slices added.

    `timelines` are those in force, if the caller has read them. The number of statements does not depend on the
    number of incidents.
    """
    ids = [incident.id for incident in incidents]
    if timelines is None:
        timelines = await timeline_store.timelines(tx, ids)
    roles = await fact_store.role_history(tx, ids)
    pages, responders = await fact_store.alert_pages(tx, ids), await fact_store.responders_before(tx, ids)
    waivers = await waiver_store.waivers(tx, ids, now)
    others: list[Mapping[int, Sequence[ProcessFinding]]] = [
        await check(tx, incidents, timelines, now) for check in added
    ]
    results = {}
    for incident in incidents:
        record = check_model.CheckRecord(
            incident,
            timelines[incident.id],
            roles[incident.id],
            pages[incident.id],
            responders.get(incident.id, 0),
        ).on_drill_time()
        at = drill_time(incident.drill_clock, now)
        findings = severest_first(
            [
                *process_checks.findings(record, at, tz),
                *(finding for by_incident in others for finding in by_incident.get(incident.id, ())),
            ]
        )
        waived = waivers[incident.id]
        results[incident.id] = CheckedIncident(
            [finding for finding in findings if finding.id not in waived],
            [(finding, waived[finding.id]) for finding in findings if finding.id in waived],
            process_checks.passed(record, at),
        )
    return results
