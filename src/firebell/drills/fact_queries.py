"""Reads what happened in a drill, in drill time, for its clock and its score."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.action_items import slice as action_items
from firebell.audiences import slice as audiences
from firebell.drills.clock import due_times, started_clock
from firebell.drills.model import Drill, DrillState, Inject, Participant, Record
from firebell.drills.reachable_people import reachable
from firebell.drills.scoring import DrillFacts, Score, score
from firebell.drills.shipped_scenarios import scenario_of
from firebell.incidents import actions as incidents
from firebell.incidents import queries as incident_queries
from firebell.incidents.model import Incident, TimelineEntry
from firebell.kit.db.database import Tx
from firebell.kit.drill_clock import DrillClock
from firebell.kit.findings import ProcessFinding
from firebell.kit.slice import IncidentChecks
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.postmortems import slice as postmortems
from firebell.regulatory import slice as regulatory
from firebell.status_copies import slice as status_copies
from firebell.status_pages import slice as status_pages
from firebell.subscribers import slice as subscribers

_SLICES_WITH_CHECKS = (
    action_items.SLICE,
    audiences.SLICE,
    postmortems.SLICE,
    regulatory.SLICE,
    status_copies.SLICE,
    status_pages.SLICE,
    subscribers.SLICE,
)


async def timeline_of(tx: Tx, drill: Drill) -> list[TimelineEntry]:
    """Return the timeline of the drill's incident, none without one."""
    return list(await incidents.timeline(tx, drill.incident_id)) if drill.incident_id else []


def first_times(entries: Iterable[TimelineEntry], clock: DrillClock) -> dict[str, float]:
    """Return the drill time at which each phase and each kind of entry first came up."""
    times: dict[str, float] = {}
    for entry in entries:
        names = [entry.kind]
        if entry.kind == "phase":
            names.append(str(entry.data.get("to", "")))
        at_s = clock.elapsed_s(entry.effective_at)
        for name in names:
            times[name] = min(at_s, times.get(name, at_s))
    return times


async def waiting_injects(tx: Tx, drill: Drill, record: Record) -> list[tuple[float | None, Inject]]:
    """Return the injects of a drill under way that are neither delivered nor skipped, soonest first."""
    reached = first_times(await timeline_of(tx, drill), started_clock(drill))
    settled = [each.inject_id for each in record.delivered]
    return due_times(scenario_of(drill).injects, settled, reached)


def incident_checks() -> list[IncidentChecks]:
    """Return what other slices add to the process checks of incidents, so that a score has all their findings."""
    return [check for each in _SLICES_WITH_CHECKS for check in each.incident_checks()]


@dataclass(frozen=True, slots=True)
class ScoredDrill:
    """The score of a drill, and the open findings of the process checks of its incident."""

    score: Score
    findings: Sequence[ProcessFinding]


async def scored(
    tx: Tx,
    drill: Drill,
    record: Record,
    incident: Incident | None,
    entries: Sequence[TimelineEntry],
    now: datetime,
) -> ScoredDrill:
    """Return the score so far of a drill that has started; `entries` are the timeline of its incident, if any."""
    findings: Sequence[ProcessFinding] = ()
    if incident is not None:
        timelines = {incident.id: entries}
        checked = await incident_queries.checked(tx, [incident], incident_checks(), now, timelines=timelines)
        findings = checked[incident.id].open
    facts = await _load_facts(tx, drill, record, incident, entries, findings, now)
    return ScoredDrill(score(scenario_of(drill), facts), findings)


async def _load_facts(
    tx: Tx,
    drill: Drill,
    record: Record,
    incident: Incident | None,
    entries: Sequence[TimelineEntry],
    findings: Sequence[ProcessFinding],
    now: datetime,
) -> DrillFacts:
    clock = started_clock(drill)
    delivered = {each.inject_id: each for each in record.delivered if not each.skipped}
    page_ids = [each.page_id for each in delivered.values() if each.page_id is not None]
    pages = await paging.pages_by_id(tx, page_ids) if page_ids else {}

    def at_s(instant: datetime) -> float:
        return clock.elapsed_s(instant)

    acked = {
        inject_id: at_s(first)
        for inject_id, each in delivered.items()
        if each.page_id in pages and (first := pages[each.page_id].first_ack_at) is not None
    }
    private = [at_s(e.effective_at) for e in entries if e.data.get("visibility") == "private"]
    if incident is not None and incident.is_private and not private:
        private = [at_s(incident.declared_at)]
    roles: dict[str, float] = {}
    for entry in entries:
        if entry.kind == "role" and "role" in entry.data:
            roles.setdefault(str(entry.data["role"]), at_s(entry.effective_at))
    return DrillFacts(
        now_s=at_s(now),
        ended=drill.state is DrillState.FINISHED,
        delivered={inject_id: each.elapsed_s for inject_id, each in delivered.items()},
        acked=acked,
        answered={i: each.answered_s for i, each in delivered.items() if each.answered_s is not None},
        declared=_severities(entries, clock),
        resolved_s=at_s(incident.resolved_at) if incident and incident.resolved_at else None,
        updates=[at_s(entry.effective_at) for entry in entries if entry.kind == "update"],
        roles=roles,
        phases=first_times(entries, clock),
        drafts=[(post.elapsed_s, post.target) for post in record.tray],
        private_s=min(private, default=None),
        checks=None if incident is None else frozenset(finding.code for finding in findings),
        verdicts=record.verdicts,
    )


def _severities(entries: Iterable[TimelineEntry], clock: DrillClock) -> list[tuple[float, int]]:
    """Return when the incident got which severity, first its declaration."""
    severities = []
    for entry in entries:
        severity = entry.data.get("severity" if entry.kind == "declared" else "to")
        if entry.kind in ("declared", "severity") and isinstance(severity, int):
            severities.append((clock.elapsed_s(entry.effective_at), severity))
    return severities


async def reachable_now(tx: Tx, participants: Sequence[Participant], now: datetime) -> set[int]:
    """Return the participants that a page of the drill may reach now."""
    by_id = await people.people_by_id(tx, [each.person_id for each in participants])
    zones = {person.id: person.tz for person in by_id.values() if person.active}
    return reachable(participants, zones, now)


async def people_who_took_part(tx: Tx, record: Record, entries: Sequence[TimelineEntry]) -> set[int]:
    """Return who wrote an entry, acknowledged a page, answered an inject, filled the tray or held a role."""
    page_ids = [each.page_id for each in record.delivered if each.page_id is not None]
    owners = await paging.owners(tx, page_ids, ever=True) if page_ids else {}
    took_part = {entry.actor_id for entry in entries}
    took_part |= {each.answered_by for each in record.delivered}
    took_part |= {post.person_id for post in record.tray}
    took_part |= {person_id for of_page in owners.values() for person_id in of_page}
    took_part |= {e.data.get("person") for e in entries if e.kind == "role"}
    return {person_id for person_id in took_part if isinstance(person_id, int)}
