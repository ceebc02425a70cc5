"""The score of a drill: which expectations were met, in drill time (pure, spec 11.15)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from firebell.drills.model import Expectation, ExpectedEvent, Scenario
from firebell.incidents.model import ROLE_NAMES, IncidentRole

EVENT_NAMES = {
    ExpectedEvent.PAGE_ACKED: "Acknowledged",
    ExpectedEvent.DECLARED: "Declared",
    ExpectedEvent.UPDATE_POSTED: "Update",
    ExpectedEvent.ROLE_TAKEN: "{role} assigned",
    ExpectedEvent.PHASE: "Phase {phase}",
    ExpectedEvent.ANSWERED: "Answered {of}",
    ExpectedEvent.DRAFT_POSTED: "{target} text in the tray",
    ExpectedEvent.PRIVATE: "Incident made private",
}


class Verdict(StrEnum):
    """The outcome of an expectation; an open one can still be met."""

    MET = "met"
    PARTLY = "partly"
    MISSED = "missed"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class DrillFacts:
    """What happened in a drill, in drill time in seconds; `now_s` is how far the drill is.

    `delivered`, `acked` and `answered` are by inject, `roles` by role, `phases` by phase; each has the first time.
    `checks` are the codes of the process checks that found something, None as long as there is no incident.
    """

    now_s: float
    ended: bool
    delivered: Mapping[str, float] = field(default_factory=dict)
    acked: Mapping[str, float] = field(default_factory=dict)
    answered: Mapping[str, float] = field(default_factory=dict)
    declared: Sequence[tuple[float, int]] = ()
    """When the severity became which: the declaration, and each change."""
    resolved_s: float | None = None
    updates: Sequence[float] = ()
    roles: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    drafts: Sequence[tuple[float, str]] = ()
    private_s: float | None = None
    checks: frozenset[str] | None = None
    verdicts: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one expectation, and what it earned of its weight; `took_s` is how long it took."""

    id: str
    name: str
    verdict: Verdict
    earned: float
    weight: int
    took_s: float | None = None
    due_s: float | None = None
    """The drill time until which an open one can be met."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """The results of all expectations; open ones count neither as earned nor as possible."""

    results: tuple[Result, ...]

    @property
    def earned(self) -> float:
        """The weight that was earned."""
        return sum(result.earned for result in self.results)

    @property
    def possible(self) -> float:
        """The weight of the decided expectations."""
        return float(sum(result.weight for result in self.results if result.verdict is not Verdict.OPEN))

    @property
    def percent(self) -> int | None:
        """The share that was earned, None if nothing is decided."""
        return round(100 * self.earned / self.possible) if self.possible else None


def span(seconds: float) -> str:
    """Return a duration in its units, such as 90 s, 15 min or 1 h 30 min."""
    whole = round(seconds)
    if whole < 120 and whole != 60:
        return f"{whole} s"
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def name_of(expectation: Expectation) -> str:
    """Return what is expected, in a few words."""
    if expectation.text:
        return expectation.text
    if expectation.event is None:
        return f"{'No ' if expectation.absent else ''}{expectation.check}"
    name = EVENT_NAMES[expectation.event].format(
        role=ROLE_NAMES[IncidentRole(expectation.role)] if expectation.role else "",
        phase=expectation.phase,
        of=expectation.of,
        target=(expectation.target or "any").replace("_", " ").capitalize(),
    )
    if expectation.severity is not None:
        name = f"{name} SEV{expectation.severity}"
    if expectation.every_s:
        return f"{name} every {span(expectation.every_s)}"
    return f"{name} within {span(expectation.within_s)}" if expectation.within_s else name


def score(scenario: Scenario, facts: DrillFacts) -> Score:
    """Return the outcome of each expectation of a scenario."""
    return Score(tuple(_result(expectation, facts) for expectation in scenario.expectations))


def _result(expectation: Expectation, facts: DrillFacts) -> Result:
    if expectation.check:
        return _checked(expectation, facts)
    if expectation.event is ExpectedEvent.OBSERVED:
        return _observed(expectation, facts)
    since = facts.delivered.get(expectation.of) if expectation.of else 0.0
    if expectation.event is ExpectedEvent.UPDATE_POSTED and expectation.every_s:
        return _updated(expectation, facts, expectation.every_s)
    if since is None:
        return _open_or_missed(expectation, facts, None)
    due_s = since + expectation.within_s if expectation.within_s else None
    happened = min((at for at in _times(expectation, facts) if at >= since), default=None)
    if happened is None:
        return _open_or_missed(expectation, facts, due_s)
    is_met = due_s is None or happened <= due_s
    return Result(
        expectation.id,
        name_of(expectation),
        Verdict.MET if is_met else Verdict.MISSED,
        expectation.weight if is_met else 0,
        expectation.weight,
        took_s=happened - since,
    )


def _times(expectation: Expectation, facts: DrillFacts) -> Iterable[float]:
    """Return the times at which the event happened."""
    match expectation.event:
        case ExpectedEvent.PAGE_ACKED:
            times = [facts.acked.get(expectation.of)]
        case ExpectedEvent.DECLARED:
            worst = 3 if expectation.severity is None else expectation.severity
            times = [at for at, severity in facts.declared if severity <= worst]
        case ExpectedEvent.UPDATE_POSTED:
            times = list(facts.updates)
        case ExpectedEvent.ROLE_TAKEN:
            times = [facts.roles.get(expectation.role)]
        case ExpectedEvent.PHASE:
            times = [facts.phases.get(expectation.phase)]
        case ExpectedEvent.ANSWERED:
            times = [facts.answered.get(expectation.of)]
        case ExpectedEvent.DRAFT_POSTED:
            times = [at for at, target in facts.drafts if expectation.target in ("", target)]
        case _:
            times = [facts.private_s]
    return [at for at in times if at is not None]


def _open_or_missed(expectation: Expectation, facts: DrillFacts, due_s: float | None) -> Result:
    """Return the result of an event that has not happened: missed once its time or the drill is over."""
    is_late = facts.ended or (due_s is not None and facts.now_s > due_s)
    verdict = Verdict.MISSED if is_late else Verdict.OPEN
    return Result(expectation.id, name_of(expectation), verdict, 0, expectation.weight, due_s=due_s)


def _checked(expectation: Expectation, facts: DrillFacts) -> Result:
    """Return the result of a process check, which is decided at the end, or as soon as it finds something."""
    is_raised = facts.checks is not None and expectation.check in facts.checks
    if is_raised:
        is_met = not expectation.absent
    elif not facts.ended:
        return Result(expectation.id, name_of(expectation), Verdict.OPEN, 0, expectation.weight)
    else:
        is_met = expectation.absent and facts.checks is not None
    return Result(
        expectation.id,
        name_of(expectation),
        Verdict.MET if is_met else Verdict.MISSED,
        expectation.weight if is_met else 0,
        expectation.weight,
        detail="" if facts.checks is not None else "no incident was declared",
    )


def _observed(expectation: Expectation, facts: DrillFacts) -> Result:
    decided = facts.verdicts.get(expectation.id)
    if decided is None:
        return _open_or_missed(expectation, facts, None)
    verdict = Verdict.MET if decided else Verdict.MISSED
    return Result(
        expectation.id,
        name_of(expectation),
        verdict,
        expectation.weight if decided else 0,
        expectation.weight,
        detail="decided by the facilitator",
    )


def updates_on_time(
    begin_s: float, end_s: float, every_s: float, updates: Iterable[float]
) -> tuple[int, int, float]:
    """Return how many updates were due and on time, and when the next one is due.

    Each update restarts the interval; one that comes late counts as missed, and restarts it too.
    """
    due = on_time = 0
    since = begin_s
    for at in sorted(at for at in updates if at > begin_s):
        if at > end_s:
            break
        missed = max(0, math.ceil((at - since) / every_s) - 1)
        due += missed or 1
        on_time += not missed
        since = at
    while since + every_s <= end_s:
        due += 1
        since += every_s
    return on_time, due, since + every_s


def _updated(expectation: Expectation, facts: DrillFacts, every_s: int) -> Result:
    """Return the result of updates at an interval, from the declaration until the incident is resolved."""
    if not facts.declared:
        return _open_or_missed(expectation, facts, None)
    begin_s = facts.declared[0][0]
    end_s = facts.now_s if facts.resolved_s is None else facts.resolved_s
    on_time, due, next_s = updates_on_time(begin_s, end_s, every_s, facts.updates)
    is_over = facts.ended or facts.resolved_s is not None
    if not due:
        verdict = Verdict.MET if is_over else Verdict.OPEN
        earned = float(expectation.weight) if is_over else 0.0
        detail = "none was due" if is_over else ""
    else:
        earned = expectation.weight * on_time / due
        verdict = Verdict.MET if on_time == due else Verdict.PARTLY if on_time else Verdict.MISSED
        detail = f"{on_time} of {due} on time"
    return Result(
        expectation.id,
        name_of(expectation),
        verdict,
        earned,
        expectation.weight,
        due_s=None if is_over else next_s,
        detail=detail,
    )
