"""What a response would do, with names: the dry run, and “What happens next” of the declare form. Pages no one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_local
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind
from firebell.people import actions as people
from firebell.response import plan, queries
from firebell.response.model import (
    NEXT_TIER,
    SERVICE_TEAM,
    How,
    ResponseFacts,
    ResponseGroup,
    ResponseSettings,
    ResponseStep,
)
from firebell.response.queries import TargetNames
from firebell.response.running_steps import manual_target

SHOWN_FOR = timedelta(hours=4)
ICONS = {
    How.PAGE: "phone-call",
    How.BRIEF: "mail",
    How.POST: "message-square",
    How.ASK: "circle-alert",
    How.TASK: "list-checks",
    How.QUEUE: "list-checks",
    How.REMIND: "megaphone",
}


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of a dry run: `people` are those whom it would reach."""

    at: datetime
    how: How
    text: str
    people: tuple[tuple[int, str], ...] = ()

    @property
    def icon(self) -> str:
        """The icon of what the step does."""
        return ICONS[self.how]

    @property
    def names(self) -> str:
        """The names of the people, separated by commas."""
        return ", ".join(name for _, name in self.people)


def hypothetical(severity: int, at: datetime, *, provisional: bool = False) -> ResponseFacts:
    """Return the facts of an incident that is declared at `at` and that no one answers."""
    interval = incidents.update_interval(severity)
    return ResponseFacts(
        severity=severity,
        declared_at=at,
        since=at,
        provisional=provisional,
        missing_roles=FACTS[Severity(severity)].roles if severity <= 1 else (),
        update_from=at,
        update_due=at + interval if interval else None,
    )


async def dry_run(
    tx: Tx,
    settings: ResponseSettings,
    severity: int,
    at: datetime,
    *,
    service_id: int | None = None,
    provisional: bool = False,
) -> list[PlannedStep]:
    """Return what happens in the first four hours of an incident that no one answers, with the people on call then."""
    names = await queries.target_names(tx)
    services = await catalog.services_by_id(tx, [service_id] if service_id else [])
    service = services.get(service_id or 0)
    levels = []
    if service and service.policy_id:
        levels = [targets for _, targets in await paging.level_targets(tx, service.policy_id, severity, at)]
    paged: set[int] = set()
    planned: list[PlannedStep] = []
    if plan.pages_service(severity):
        first = levels[: 2 if plan.off_hours(settings, severity, at) else 1]
        reached = await _reached(tx, [target for level in first for target in level], at, paged)
        text = "Page the service’s policy" + (", first two levels together" if len(first) == 2 else "")
        planned.append(PlannedStep(at, How.PAGE, text, reached))
    tiers = [
        *levels,
        *(_group(settings, group) for group in (ResponseGroup.MANAGERS, ResponseGroup.EXECUTIVES)),
    ]
    for step in plan.steps(settings, hypothetical(severity, at, provisional=provisional)):
        if step.at > at + SHOWN_FOR and step.how is not How.TASK:
            continue
        if step.how is How.REMIND:
            if step.key.endswith(":100"):
                planned.append(PlannedStep(step.at, step.how, step.text))
            continue
        people_reached: tuple[tuple[int, str], ...] = ()
        if step.how is How.PAGE and step.who == NEXT_TIER:
            for targets in tiers:
                if people_reached := await _reached(tx, targets, step.at, paged):
                    break
        elif step.how in (How.PAGE, How.BRIEF, How.TASK):
            targets = _targets(settings, step, service.team_id if service else None)
            known = paged if step.how is How.PAGE else set()
            people_reached = await _reached(tx, targets, step.at, known)
        text = names.text(step)
        if step.code.startswith("E") and step.how is How.PAGE:
            text = f"{text}: page the next tier"
        planned.append(PlannedStep(step.at, step.how, text, people_reached))
    return planned


def _group(settings: ResponseSettings, group: ResponseGroup) -> list[ManualTarget]:
    return [manual_target(target) for target in plan.targets(settings, group)]


def _targets(settings: ResponseSettings, step: ResponseStep, team_id: int | None) -> list[ManualTarget]:
    if step.who == SERVICE_TEAM:
        return [ManualTarget(ManualTargetKind.TEAM, team_id)] if team_id else []
    return [manual_target(target) for target in plan.targets(settings, step.who)]


async def _reached(
    tx: Tx, targets: Sequence[ManualTarget], at: datetime, paged: set[int]
) -> tuple[tuple[int, str], ...]:
    """Return whom targets reach at `at` and who is not in `paged` yet, which gets them."""
    reached = dict.fromkeys(i for ids in await paging.reachable(tx, targets, at) for i in ids)
    new = [person_id for person_id in reached if person_id not in paged]
    paged |= set(new)
    named = await people.people_by_id(tx, new)
    return tuple((i, named[i].name) for i in new if i in named)


async def what_happens_next(tx: Tx, now: datetime, tz: str) -> dict[int, list[tuple[str, str]]]:
    """Return by severity the (icon, text) of what a declaration starts now, by the plan that the worker runs."""
    in_force, _ = await queries.settings(tx)
    return {level: await _lines(tx, in_force, level, now, tz) for level in range(4)}


async def _lines(
    tx: Tx, in_force: ResponseSettings, level: int, now: datetime, tz: str
) -> list[tuple[str, str]]:
    steps = [s for s in plan.steps(in_force, hypothetical(level, now)) if s.code == "declared"]
    names = await queries.names_of(tx, steps)
    lines = []
    if plan.pages_service(level):
        together = " (levels 1 and 2 together)" if plan.off_hours(in_force, level, now) else ""
        lines.append(("phone-call", f"Page the service’s escalation policy now{together}"))
    lines += [(ICONS[step.how], await _line(tx, in_force, names, step, now, tz)) for step in steps]
    later = [step.after for step in in_force.severities[level].matrix if step.after]
    if later:
        lines.append(("timer", f"Escalate by elapsed time, first after {min(later)} min"))
    return lines


async def _line(
    tx: Tx, in_force: ResponseSettings, names: TargetNames, step: ResponseStep, now: datetime, tz: str
) -> str:
    when = "" if step.at <= now else f", {format_local(step.at, tz)}"
    if step.how in (How.TASK, How.QUEUE) or step.who == SERVICE_TEAM:
        return f"{names.text(step)}{when}"
    reached = await _reached(tx, _targets(in_force, step, None), step.at, set())
    shown = ", ".join(name for _, name in reached[:3]) + (
        f" and {len(reached) - 3} more" if len(reached) > 3 else ""
    )
    return f"{names.text(step)}{when}: {shown or 'no one set'}"
