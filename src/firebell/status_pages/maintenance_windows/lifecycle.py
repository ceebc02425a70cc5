"""The stages of a maintenance window, and what is due when ([spec 7.6](docs/spec/7-comms.md)) (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.status_pages.maintenance_windows.model import Maintenance, MaintenanceStage

OVERRUN_AFTER = timedelta(minutes=15)
"""How long after its end a window that is not over is an overrun."""
RECHECK_INTERVAL = timedelta(minutes=1)
"""How often a window that could not end by itself is checked again."""


class Change(StrEnum):
    """What happens to a maintenance window."""

    START = "start"
    COMPLETE = "complete"
    VERIFY = "verify"
    EXTEND = "extend"
    CANCEL = "cancel"
    POSTPONE = "postpone"


S, P, V = MaintenanceStage.SCHEDULED, MaintenanceStage.IN_PROGRESS, MaintenanceStage.VERIFYING
C, X = MaintenanceStage.COMPLETED, MaintenanceStage.CANCELLED
NEXT_STAGE: Mapping[MaintenanceStage, Mapping[Change, MaintenanceStage]] = {
    S: {Change.START: P, Change.EXTEND: S, Change.CANCEL: X, Change.POSTPONE: S},
    P: {Change.COMPLETE: C, Change.VERIFY: V, Change.EXTEND: P, Change.CANCEL: C},
    V: {Change.COMPLETE: C, Change.EXTEND: P},
    C: {Change.START: C, Change.COMPLETE: C, Change.VERIFY: C, Change.CANCEL: C},
    X: {Change.START: X, Change.COMPLETE: X, Change.VERIFY: X, Change.CANCEL: X},
}
"""The stage after each change; one that is not listed is refused, and one of a window that is over does nothing."""
_REFUSALS = {
    (S, Change.COMPLETE): "It has not started. Start it first, or cancel it.",
    (S, Change.VERIFY): "It has not started. Start it first.",
    (P, Change.START): "It is already in progress.",
    (P, Change.POSTPONE): "It has started. Complete or cancel it, and schedule a new one.",
    (V, Change.START): "It is already being verified.",
    (V, Change.VERIFY): "It is already being verified.",
    (V, Change.CANCEL): "The work is done. Complete it.",
    (V, Change.POSTPONE): "The work is done. Complete it, and schedule a new one.",
}


def refusal(stage: MaintenanceStage, change: Change) -> str:
    """Return why a change is refused; an empty text if it is not."""
    if change in NEXT_STAGE[stage]:
        return ""
    return _REFUSALS.get((stage, change), "This maintenance is over. Schedule a new one.")


def next_stage(stage: MaintenanceStage, change: Change, *, is_firing: bool = False) -> MaintenanceStage:
    """Return the stage after a change that is not refused; what would end while an alert fires is verified first."""
    if (stage, change) == (P, Change.COMPLETE) and is_firing:
        return V
    return NEXT_STAGE[stage][change]


class DueKind(StrEnum):
    """What a maintenance window does by itself."""

    REMIND = "remind"
    START = "start"
    END = "end"
    OVERRUN = "overrun"


@dataclass(frozen=True, slots=True)
class DueStep:
    """Something due at an instant; `minutes` is how long before the start a reminder is."""

    kind: DueKind
    at: datetime
    minutes: int = 0


def _steps(window: Maintenance) -> list[DueStep]:
    """Return what is still due, in order; every step is listed once it is handled no more."""
    if window.stage.is_over:
        return []
    steps = []
    if window.stage is S:
        reminders = [
            DueStep(DueKind.REMIND, window.scheduled_for - timedelta(minutes=minutes), minutes)
            for minutes in window.reminders
        ]
        steps += [step for step in reminders if step.at > window.handled_until]
        if window.auto_start:
            steps.append(DueStep(DueKind.START, window.scheduled_for))
    if window.auto_end and (window.stage is not S or window.auto_start):
        steps.append(DueStep(DueKind.END, window.scheduled_until))
    overrun = DueStep(DueKind.OVERRUN, window.scheduled_until + OVERRUN_AFTER)
    if overrun.at > window.handled_until:
        steps.append(overrun)
    return sorted(steps, key=lambda step: (step.at, list(DueKind).index(step.kind)))


def due_steps(window: Maintenance, now: datetime) -> list[DueStep]:
    """Return what is due until now, in order, each once.

    Of several reminders only the latest is due, and none of a window whose start is over.
    """
    due = [step for step in _steps(window) if step.at <= now]
    reminders = [step for step in due if step.kind is DueKind.REMIND]
    is_late = now >= window.scheduled_for
    return [
        step for step in due if step.kind is not DueKind.REMIND or (step is reminders[-1] and not is_late)
    ]


def next_due(window: Maintenance, now: datetime) -> datetime | None:
    """Return when the timer of a window runs next, None if it is over or waits for a person.

    What is overdue, because an alert fires, is checked again after a minute.
    """
    steps = _steps(window)
    return max(steps[0].at, now + RECHECK_INTERVAL) if steps and steps[0].at <= now else _first(steps)


def _first(steps: list[DueStep]) -> datetime | None:
    return steps[0].at if steps else None


def next_windows(windows: Sequence[Maintenance]) -> list[Maintenance]:
    """Return the windows that have not started, in their order; of those that repeat, only the next one."""
    scheduled = [window for window in windows if window.stage is S]
    first = {window.series_id: window for window in reversed(scheduled)}
    return [w for w in scheduled if w.series_id is None or first[w.series_id] is w]
