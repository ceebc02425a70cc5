"""Read models of drills: one drill as its screen, the API and the CLI show it, and the list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.drills import fact_queries, record_store, store
from firebell.drills.clock import clock_of, due_times
from firebell.drills.model import (
    ANSWERABLE,
    UNDER_WAY,
    DeliveredInject,
    Drill,
    DrillState,
    Inject,
    Participant,
    Record,
    Scenario,
)
from firebell.drills.scoring import Result, Score, Verdict
from firebell.drills.shipped_scenarios import scenario_of
from firebell.incidents import actions as incidents
from firebell.incidents import queries as incident_queries
from firebell.incidents.model import Incident, TimelineEntry
from firebell.incidents.queries import IncidentSummary
from firebell.kit.db.database import Tx
from firebell.kit.drill_clock import DrillClock
from firebell.people import actions as people


@dataclass(frozen=True, slots=True)
class InjectLine:
    """An inject on the screen; `state` is done, waiting, next, later or skipped, `at_s` its drill time if any."""

    inject: Inject
    state: str
    at_s: float | None
    delivered: DeliveredInject | None


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill with everything that its screen shows to a reader; players see no inject before it is delivered."""

    drill: Drill
    scenario: Scenario
    clock: DrillClock | None
    elapsed_s: float
    lines: tuple[InjectLine, ...]
    record: Record
    score: Score
    incident: IncidentSummary | None
    previous: Drill | None
    names: Mapping[int, str]
    is_facilitator: bool
    part: Participant | None

    @property
    def upcoming(self) -> InjectLine | None:
        """The inject that comes next."""
        return next((line for line in self.lines if line.state == "next"), None)

    @property
    def delivered(self) -> int:
        """Number of injects that were delivered."""
        return sum(line.delivered is not None and not line.delivered.skipped for line in self.lines)

    @property
    def met(self) -> int:
        """Number of expectations that were met."""
        return sum(result.verdict is Verdict.MET for result in self.score.results)

    @property
    def decided(self) -> int:
        """Number of expectations that are decided."""
        return sum(result.verdict is not Verdict.OPEN for result in self.score.results)

    @property
    def players(self) -> list[Participant]:
        """Those who accepted."""
        return [each for each in self.record.participants if each.state == "accepted"]


finished_between = store.finished_between


def inject_lines(
    scenario: Scenario, record: Record, reached: Mapping[str, float], *, shows_all: bool
) -> list[InjectLine]:
    """Return the injects in the order in which they happen; without `shows_all` only the delivered ones."""
    settled = {each.inject_id: each for each in record.delivered}
    lines = []
    for each in record.delivered:
        inject = scenario.inject(each.inject_id)
        if inject is None or (each.skipped and not shows_all):
            continue
        is_open = inject.kind in ANSWERABLE and each.answered_s is None and not each.skipped
        state = "skipped" if each.skipped else "waiting" if is_open else "done"
        lines.append(InjectLine(inject, state, each.elapsed_s, each))
    if shows_all:
        for place, (due_s, inject) in enumerate(due_times(scenario.injects, settled, reached)):
            lines.append(InjectLine(inject, "later" if place else "next", due_s, None))
    return lines


async def view(tx: Tx, drill: Drill, person_id: int, *, leads: bool, now: datetime) -> DrillView:
    """Return one drill for a reader; `leads` is true for someone who may run the drills of others.

    What hangs on an incident that the reader may not read is left out.
    """
    if drill.incident_id is not None and drill.incident_id in await incidents.hidden_ids(tx):
        drill = replace(drill, incident_id=None, findings=[])
    scenario, record = scenario_of(drill), await record_store.record(tx, drill.id)
    clock = clock_of(drill)
    part = next((each for each in record.participants if each.person_id == person_id), None)
    is_facilitator = drill.facilitator_id == person_id or (
        leads and not (part is not None and part.state == "accepted")
    )
    sees_all = is_facilitator or drill.state is DrillState.FINISHED
    entries = await fact_queries.timeline_of(tx, drill)
    reached = fact_queries.first_times(entries, clock) if clock else {}
    if not sees_all:
        record = replace(record, observations=())
    names = {
        drill.facilitator_id,
        *(each.person_id for each in record.participants),
        *(each.answered_by for each in record.delivered if each.answered_by),
    }
    by_id = await people.people_by_id(tx, list(names))
    incident = await incidents.incident(tx, drill.incident_id) if drill.incident_id is not None else None
    return DrillView(
        drill=drill,
        scenario=scenario,
        clock=clock,
        elapsed_s=clock.elapsed_s(now) if clock else 0,
        lines=tuple(inject_lines(scenario, record, reached, shows_all=sees_all)),
        record=record,
        score=await _score(tx, drill, record, incident, entries, now),
        incident=(await incident_queries.summaries(tx, [incident]))[0] if incident is not None else None,
        previous=await store.previous_of_team(tx, drill),
        names={i: person.name for i, person in by_id.items()},
        is_facilitator=is_facilitator,
        part=part,
    )


async def _score(
    tx: Tx,
    drill: Drill,
    record: Record,
    incident: Incident | None,
    entries: Sequence[TimelineEntry],
    now: datetime,
) -> Score:
    """Return the stored results of a finished drill, else those so far; none before it starts."""
    if drill.state is DrillState.FINISHED:
        return Score(tuple(Result(**{**each, "verdict": Verdict(each["verdict"])}) for each in drill.results))  # type: ignore[arg-type]
    if drill.state not in UNDER_WAY:
        return Score(())
    return (await fact_queries.scored(tx, drill, record, incident, entries, now)).score


@dataclass(frozen=True, slots=True)
class ListedDrill:
    """A drill in a list, with the numbers of those who accepted and who took part, and the reader's own part."""

    drill: Drill
    facilitator: str
    team: str
    accepted: int
    invited: int
    attended: int
    part: Participant | None


async def listed(tx: Tx, drills: Sequence[Drill], person_id: int) -> list[ListedDrill]:
    """Return drills for a list; the number of statements does not depend on theirs."""
    participants = await record_store.participants(tx, [drill.id for drill in drills])
    by_id = await people.people_by_id(tx, list({drill.facilitator_id for drill in drills}))
    teams = {team.id: team.name for team in await people.teams(tx)}
    return [
        ListedDrill(
            drill=drill,
            facilitator=by_id[drill.facilitator_id].name,
            team=teams.get(drill.team_id or 0, ""),
            accepted=sum(each.state == "accepted" for each in participants[drill.id]),
            invited=len(participants[drill.id]),
            attended=sum(each.attended for each in participants[drill.id]),
            part=next((each for each in participants[drill.id] if each.person_id == person_id), None),
        )
        for drill in drills
    ]
