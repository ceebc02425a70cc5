"""What the incident page shows of its response: what comes next, and the questions to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.model import OPEN, Incident
from firebell.incidents.severity import QUESTIONS, Question
from firebell.kit.db.database import Tx
from firebell.kit.slice import IncidentPart
from firebell.response import queries, running_steps
from firebell.response.model import ResponseStep
from firebell.response.preview import ICONS, PlannedStep, dry_run
from firebell.response.queries import RunningResponse, TargetNames


@dataclass(frozen=True, slots=True)
class ComingStep:
    """A step to come: when it acts, and whether the commander is being asked about it."""

    step: ResponseStep
    icon: str
    text: str
    at: datetime
    asking: bool


@dataclass(frozen=True, slots=True)
class Coming:
    """What comes next in an incident."""

    running: RunningResponse
    questions: Sequence[Question]
    steps: list[ComingStep]

    @property
    def asking(self) -> list[ComingStep]:
        """The questions that wait for an answer."""
        return [one for one in self.steps if one.asking]


def coming(one: RunningResponse, names: TargetNames) -> list[ComingStep]:
    """Return the steps to come, those that ask first, then by time."""
    steps = [
        ComingStep(
            step,
            ICONS[step.how],
            names.text(step),
            running_steps.answer_until(step, one.state(step)),
            running_steps.is_asking(one, step),
        )
        for step in one.pending
    ]
    return sorted(steps, key=lambda each: (not each.asking, each.step.ask_at or each.at, each.step.key))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen now if a drill were a real incident."""

    planned: Sequence[PlannedStep]


async def _rehearsal(tx: Tx, incident: Incident) -> Rehearsal | None:
    """Return whom a drill would page, brief and ask, by the plan of a real incident; None once it is over."""
    if incident.phase not in OPEN:
        return None
    in_force, _ = await queries.settings(tx)
    service = await running_steps.first_service(tx, incident.id)
    service_id = service.id if service else None
    planned = await dry_run(
        tx,
        in_force,
        incident.severity,
        incident.declared_at,
        service_id=service_id,
        provisional=incident.provisional,
    )
    return Rehearsal(planned)


async def load(tx: Tx, incident: Incident, now: datetime) -> Coming | Rehearsal | None:
    """Return what comes next, of a drill what would; None without a response or without anything to come."""
    if incident.drill:
        return await _rehearsal(tx, incident)
    listed = await queries.running(tx, [incident], now)
    if not listed or not listed[0].facts.is_open:
        return None
    return Coming(listed[0], QUESTIONS, coming(listed[0], await queries.names_of(tx, listed[0].pending)))


PART = IncidentPart(load, "response/incident_part.html")
