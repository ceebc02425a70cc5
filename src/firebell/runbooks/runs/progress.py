"""What the events of a run make of it and of its steps (pure).

The rows of a run follow from the set of its events alone: in whatever order they arrive, and however often, the result
is the same. An event that the state does not allow changes nothing, so that it takes effect once what it waits for has
arrived.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter

from firebell.runbooks.model import RunSummary
from firebell.runbooks.runs import rollback
from firebell.runbooks.runs.model import (
    FORWARD_PARTS,
    OPEN_STATES,
    REASON_MIN_CHARS,
    ROLLBACK,
    RunbookRun,
    RunbookStep,
    RunEvent,
    RunEventKind,
    RunKind,
    RunMode,
    RunProgress,
    RunState,
    RunStep,
    RunStepState,
    StepKey,
    Stream,
)

_NEXT_STATES: dict[RunStepState, dict[RunEventKind, RunStepState]] = {
    RunStepState.PENDING: {
        RunEventKind.STEP_STARTED: RunStepState.RUNNING,
        RunEventKind.STEP_DONE: RunStepState.DONE,
        RunEventKind.STEP_FAILED: RunStepState.FAILED,
        RunEventKind.STEP_SKIPPED: RunStepState.SKIPPED,
    },
    RunStepState.RUNNING: {
        RunEventKind.STEP_DONE: RunStepState.DONE,
        RunEventKind.STEP_FAILED: RunStepState.FAILED,
        RunEventKind.STEP_SKIPPED: RunStepState.SKIPPED,
        RunEventKind.STEP_UNKNOWN: RunStepState.UNKNOWN,
    },
    RunStepState.FAILED: {
        RunEventKind.STEP_STARTED: RunStepState.RUNNING,
        RunEventKind.STEP_DONE: RunStepState.DONE,
        RunEventKind.STEP_SKIPPED: RunStepState.SKIPPED,
    },
    RunStepState.UNKNOWN: {
        RunEventKind.STEP_STARTED: RunStepState.RUNNING,
        RunEventKind.STEP_DONE: RunStepState.DONE,
        RunEventKind.STEP_FAILED: RunStepState.FAILED,
        RunEventKind.STEP_SKIPPED: RunStepState.SKIPPED,
    },
    RunStepState.DONE: {},
    RunStepState.SKIPPED: {},
}
"""The state of a step after each event that its state allows."""
_ENDS = {
    RunEventKind.RUN_SUCCEEDED: RunState.SUCCEEDED,
    RunEventKind.RUN_FAILED: RunState.FAILED,
    RunEventKind.RUN_STOPPED: RunState.STOPPED,
    RunEventKind.RUN_ROLLED_BACK: RunState.ROLLED_BACK,
    RunEventKind.RUN_ROLLBACK_FAILED: RunState.ROLLBACK_FAILED,
}
_EXECUTED = frozenset({RunEventKind.STEP_DONE, RunEventKind.STEP_FAILED, RunEventKind.STEP_UNKNOWN})


def begun(steps: Iterable[RunbookStep | RunStep]) -> RunProgress:
    """Return a run that has just begun, all of its steps pending."""
    names = ("part", "position", "title", "label", "line", "fence_sha", "fence_id", "undo")
    return RunProgress(tuple(RunStep(**{n: getattr(step, n) for n in names}) for step in steps))


def replay(fresh: RunProgress, events: Collection[RunEvent]) -> RunProgress:
    """Return a run after its events, which can be given in any order and more than once."""
    progress = fresh
    for event in in_order(events):
        progress = advance(progress, event) or progress
    return progress


def in_order(events: Collection[RunEvent]) -> list[RunEvent]:
    """Return each event once, in the order in which they happened.

    The events of one stream keep the order of their numbers, whatever the clock of the terminal did meanwhile.
    """
    unique = sorted({(e.stream, e.seq): e for e in events}.values(), key=attrgetter("stream", "seq"))
    ordered: list[tuple[datetime, Stream, int, RunEvent]] = []
    latest: dict[Stream, datetime] = {}
    for event in unique:
        latest[event.stream] = max(latest.get(event.stream, event.at), event.at)
        ordered.append((latest[event.stream], event.stream, event.seq, event))
    return [event for *_, event in sorted(ordered, key=itemgetter(0, 1, 2))]


def contiguous(numbers: Collection[int]) -> int:
    """Return the number up to which every number from 1 is among these, 0 if 1 is not."""
    held = set(numbers)
    last = 0
    while last + 1 in held:
        last += 1
    return last


def advance(progress: RunProgress, event: RunEvent) -> RunProgress | None:
    """Return a run after an event, None if its state does not allow it."""
    if progress.state not in OPEN_STATES:
        return None
    if event.kind.is_of_step:
        return _advance_step(progress, event)
    match event.kind:
        case RunEventKind.RUN_LOST if progress.state is RunState.RUNNING:
            return replace(
                progress, state=RunState.LOST, steps=tuple(_lose(step, event) for step in progress.steps)
            )
        case RunEventKind.RUN_RETURNED if progress.state is RunState.LOST:
            return replace(progress, state=RunState.RUNNING)
        case RunEventKind.RUN_TAKEN_OVER if not progress.is_taken_over:
            return replace(
                progress,
                state=RunState.RUNNING,
                is_taken_over=True,
                steps=tuple(_lose(step, event) for step in progress.steps),
            )
        case RunEventKind.RUN_ROLLING_BACK if not progress.is_rolling_back:
            return replace(progress, is_rolling_back=True, reason=event.reason)
        case kind if kind in _ENDS and _may_end(progress, kind):
            return replace(
                progress, state=_ENDS[kind], ended_at=event.at, reason=event.reason or progress.reason
            )
    return None


def _may_end(progress: RunProgress, kind: RunEventKind) -> bool:
    if kind is RunEventKind.RUN_SUCCEEDED:
        return not progress.is_rolling_back and not unsettled(progress)
    if kind in (RunEventKind.RUN_ROLLED_BACK, RunEventKind.RUN_ROLLBACK_FAILED):
        return progress.is_rolling_back
    return True


def _lose(step: RunStep, event: RunEvent) -> RunStep:
    """Return a running step as unknown: no one is left who would report its end."""
    if step.state is not RunStepState.RUNNING:
        return step
    return replace(
        step,
        state=RunStepState.UNKNOWN,
        version=step.version + 1,
        changed_by=event.by,
        changed_at=event.at,
    )


def _advance_step(progress: RunProgress, event: RunEvent) -> RunProgress | None:
    step = progress.step(event.key)
    if step is None or (step.part == ROLLBACK) is not progress.is_rolling_back:
        return None
    changed = _edited(step, event) if event.kind is RunEventKind.STEP_EDITED else _changed(step, event)
    if changed is None:
        return None
    if event.kind in _EXECUTED:
        changed = replace(changed, order=max(each.order for each in progress.steps) + 1)
    return replace(progress, steps=tuple(changed if each is step else each for each in progress.steps))


def _edited(step: RunStep, event: RunEvent) -> RunStep | None:
    if step.is_settled:
        return None
    return replace(step, version=step.version + 1, changed_by=event.by, changed_at=event.at)


def _changed(step: RunStep, event: RunEvent) -> RunStep | None:
    state = _NEXT_STATES[step.state].get(event.kind)
    if state is None or needs_reason(step.state, event.kind, event.exit) > len(event.reason.strip()):
        return None
    changed = replace(
        step,
        state=state,
        version=step.version + 1,
        exit=event.exit,
        ms=event.ms,
        reason=event.reason,
        changed_by=event.by,
        changed_at=event.at,
        output_event=(event.stream, event.seq),
    )
    if state is RunStepState.RUNNING:
        return replace(changed, attempts=step.attempts + 1, from_at=event.at, to_at=None)
    if state is RunStepState.UNKNOWN:
        return changed
    began = step.from_at
    if began is None or step.state is not RunStepState.RUNNING:
        began = event.at - timedelta(milliseconds=event.ms or 0)
    attempts = step.attempts if step.state is RunStepState.RUNNING else step.attempts + bool(event.exit)
    return replace(changed, from_at=began, to_at=event.at, attempts=max(attempts, 1))


def needs_reason(state: RunStepState, kind: RunEventKind, exit_code: int | None) -> int:
    """Return how many characters the reason of an event must have.

    A step that is skipped has one, and so has one that failed, or may have, and is done by hand.
    """
    by_hand = kind is RunEventKind.STEP_DONE and exit_code is None
    if kind is RunEventKind.STEP_SKIPPED or (
        by_hand and state in (RunStepState.FAILED, RunStepState.UNKNOWN)
    ):
        return REASON_MIN_CHARS
    return 0


def unsettled(progress: RunProgress) -> list[RunStep]:
    """Return the steps that are neither done nor skipped and have to be, in order.

    While a run rolls back, those of its rollback.
    """
    if progress.is_rolling_back:
        return [step for step in rollback.plan(progress.steps).to_do if not step.is_settled]
    return [step for step in progress.steps if step.part in FORWARD_PARTS and not step.is_settled]


def current(progress: RunProgress) -> RunStep | None:
    """Return the step that is next, None if none is left or the run has ended."""
    open_steps = unsettled(progress) if progress.state in OPEN_STATES else []
    return open_steps[0] if open_steps else None


def waits_for(progress: RunProgress, key: StepKey) -> RunStep | None:
    """Return the open step of an earlier part that has to be settled before this one."""
    if progress.is_rolling_back:
        return None
    first = next(iter(unsettled(progress)), None)
    step = progress.step(key)
    if first is None or step is None or step.part not in FORWARD_PARTS:
        return None
    is_later = FORWARD_PARTS.index(step.part) > FORWARD_PARTS.index(first.part)
    return first if is_later else None


def consequence(progress: RunProgress) -> RunEventKind | None:
    """Return how a run in the browser ends after the last step, None if it continues."""
    if progress.state is not RunState.RUNNING:
        return None
    if progress.is_rolling_back:
        to_do = rollback.plan(progress.steps).to_do
        if not to_do:
            return RunEventKind.RUN_STOPPED
        if any(step.state is RunStepState.FAILED for step in to_do):
            return RunEventKind.RUN_ROLLBACK_FAILED
        return RunEventKind.RUN_ROLLED_BACK if all(step.is_settled for step in to_do) else None
    return None if unsettled(progress) else RunEventKind.RUN_SUCCEEDED


def end_of_stopped(progress: RunProgress) -> RunEventKind:
    """Return as what a run ends that someone stops: failed if a step failed, stopped otherwise."""
    if progress.is_rolling_back:
        return RunEventKind.RUN_ROLLBACK_FAILED
    failed = (RunStepState.FAILED, RunStepState.UNKNOWN)
    has_failed = any(step.state in failed for step in progress.steps)
    return RunEventKind.RUN_FAILED if has_failed else RunEventKind.RUN_STOPPED


def summary(run: RunbookRun, progress: RunProgress) -> RunSummary:
    """Return what the library needs of a run; steps of its rollback do not count."""
    forward = [step for step in progress.steps if step.part != ROLLBACK]
    done = [step for step in forward if step.state is RunStepState.DONE]
    return RunSummary(
        ended_at=progress.ended_at,
        has_succeeded=progress.state is RunState.SUCCEEDED,
        is_rolled_back=progress.state is RunState.ROLLED_BACK,
        is_dry=run.is_dry,
        is_cli=run.kind is RunKind.CLI,
        is_unattended=run.mode is RunMode.UNATTENDED,
        steps=len(forward),
        steps_done=len(done),
        steps_by_machine=sum(step.exit is not None for step in done),
    )
