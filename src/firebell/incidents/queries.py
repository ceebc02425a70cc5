"""What a reader needs to know of incidents, gathered for the list, home and the frame of every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.incidents import lifecycle, store
from firebell.incidents.model import ROLE_NAMES, Incident, Phase, Role
from firebell.kit.db import Tx
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
class RoleView:
    """A role with (name, id) of its holders; `state` is ok, warn or late."""

    role: Role
    name: str
    holders: list[tuple[str, int]]
    state: str

    @property
    def missing(self) -> bool:
        """Whether the incident requires the role and no one holds it."""
        return self.state != "ok"


@dataclass(frozen=True, slots=True)
class IncidentSummary:
    """An incident with its services, pages and (name, id) of the people around it; None is an empty role."""

    incident: Incident
    services: list[Service]
    page_ids: list[int]
    commander: tuple[str, int] | None
    comms: tuple[str, int] | None
    people: list[tuple[str, int]]
    holders: dict[Role, list[tuple[str, int]]]

    def roles(self, now: datetime) -> list[RoleView]:
        """Return the required roles with their holders, then the lead roles that someone holds as well."""
        held = {role: [i for _, i in holders] for role, holders in self.holders.items()}
        states = lifecycle.role_states(self.incident, held, now)
        leads = {role: "ok" for role in (Role.COMMANDER, Role.COMMS) if self.holders.get(role)}
        return [
            RoleView(role, ROLE_NAMES[role], self.holders.get(role, []), state)
            for role, state in {**leads, **states}.items()
        ]

    @property
    def ref(self) -> str:
        """How people name the incident."""
        return self.incident.ref

    @property
    def title(self) -> str:
        """What it is about."""
        return self.incident.title

    @property
    def severity(self) -> int:
        """0 to 3."""
        return self.incident.severity

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self.incident.phase

    @property
    def declared_at(self) -> datetime:
        """When it was declared."""
        return self.incident.declared_at

    @property
    def service_ids(self) -> list[int]:
        """Which services it is about."""
        return [service.id for service in self.services]

    @property
    def update_due_at(self) -> datetime | None:
        """When the next internal update is promised."""
        return self.incident.update_due_at


async def summaries(tx: Tx, found: Sequence[Incident]) -> list[IncidentSummary]:
    """Return the incidents with the names around them, read in a handful of statements."""
    ids = [i.id for i in found]
    roles, service_ids = await store.roles(tx, ids), await store.services(tx, ids)
    pages = await store.pages_of(tx, ids)
    known = await catalog.services_by_id(tx, [s for of_one in service_ids.values() for s in of_one])
    names = await people.people_by_id(tx, [a.person_id for held in roles.values() for a in held])

    def holders(incident: Incident, *wanted: Role) -> list[tuple[str, int]]:
        held = [a.person_id for a in roles[incident.id] if not wanted or a.role in wanted]
        return [(names[i].name, i) for i in dict.fromkeys(held)]

    return [
        IncidentSummary(
            i,
            [known[s] for s in service_ids[i.id] if s in known],
            pages[i.id],
            next(iter(holders(i, Role.COMMANDER)), None),
            next(iter(holders(i, Role.COMMS)), None),
            holders(i),
            {role: holders(i, role) for role in Role},
        )
        for i in found
    ]


async def of_service(
    tx: Tx, service_id: int, limit: int, phases: Sequence[Phase] | None = None
) -> list[IncidentSummary]:
    """Return the newest incidents of a service, drills apart, newest first; with `phases` only those in one of them."""
    return await summaries(tx, await store.of_service(tx, service_id, limit, phases))


async def alerts_of_pages(tx: Tx, pages: Sequence[Page], limit_each: int) -> list[tuple[Alert, str]]:
    """Return the alerts of some pages with the reference of their page, firing ones of each page first."""
    groups = {page.subject_id: page.ref for page in pages if page.subject_kind == "group"}
    found = await alerts.alerts_of_groups(tx, list(groups), limit_each)
    return [(alert, ref) for group_id, ref in groups.items() for alert in found[group_id]]
