"""What is run: the steps of a text with their commands, and the way back (pure)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from firebell.runbooks.execution.attributes import FenceAttributes, RunMode, read_attributes
from firebell.runbooks.execution.quoting_checks import BASH_LANGUAGES
from firebell.runbooks.model import Fence, Runbook
from firebell.runbooks.runs.model import (
    FORWARD_PARTS,
    ROLLBACK,
    RunbookStep,
    RunEventKind,
    RunStepState,
    StepKey,
)

_STATES = {
    RunEventKind.STEP_STARTED: RunStepState.RUNNING,
    RunEventKind.STEP_DONE: RunStepState.DONE,
    RunEventKind.STEP_FAILED: RunStepState.FAILED,
    RunEventKind.STEP_SKIPPED: RunStepState.SKIPPED,
    RunEventKind.STEP_UNKNOWN: RunStepState.UNKNOWN,
}
_PART_AND_POSITION = re.compile(r"(?P<part>[A-Za-z]+)[ :/-](?P<position>\d{1,4})")


@dataclass(frozen=True, slots=True)
class ExecutableStep:
    """A step with its command, None if a person carries it out by hand."""

    step: RunbookStep
    fence: Fence | None
    attributes: FenceAttributes

    @property
    def key(self) -> StepKey:
        """Part and position."""
        return self.step.key

    @property
    def name(self) -> str:
        """What it is called in messages, such as `Steps 4b`."""
        return f"{self.step.part} {self.step.label or self.step.position}"

    @property
    def is_runnable(self) -> bool:
        """True if bash can run its command."""
        is_manual = self.attributes.mode == RunMode.MANUAL
        return self.fence is not None and not is_manual and self.fence.language in BASH_LANGUAGES

    @property
    def runs_unattended(self) -> bool:
        """True if it needs no person."""
        return self.is_runnable and self.attributes.mode == RunMode.AUTO and not self.attributes.danger


@dataclass(frozen=True, slots=True)
class StepEvent:
    """Something that happened to a step, as the journal has it."""

    key: StepKey
    kind: RunEventKind


@dataclass(frozen=True, slots=True)
class WayBack:
    """The commands of Rollback to run, in this order, and the steps that none of them reverts."""

    steps: tuple[ExecutableStep, ...]
    not_undone: tuple[ExecutableStep, ...]


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """The steps of one text."""

    steps: tuple[ExecutableStep, ...]

    def step(self, key: StepKey) -> ExecutableStep | None:
        """Return a step, None if the text has no such step."""
        return next((step for step in self.steps if step.key == key), None)

    def named(self, name: str) -> ExecutableStep | None:
        """Return the step that a person names: `4b`, the `id` of a command, or `Verification 2`."""
        match = _PART_AND_POSITION.fullmatch(name.strip())
        for step in self.forward:
            is_labeled = step.step.part == "Steps" and name.strip() in (step.step.label, step.attributes.id)
            part = match and step.step.part.casefold().startswith(match["part"].casefold())
            if is_labeled or (match and part and int(match["position"]) == step.step.position):
                return step
        return None

    @property
    def forward(self) -> tuple[ExecutableStep, ...]:
        """The steps in the order in which they are carried out, without Rollback."""
        return tuple(step for step in self.steps if step.step.part in FORWARD_PARTS)

    def next_step(self, states: Mapping[StepKey, RunStepState]) -> ExecutableStep | None:
        """Return the first step that is neither done nor skipped, None if there is none."""
        settled = (RunStepState.DONE, RunStepState.SKIPPED)
        return next((step for step in self.forward if states.get(step.key) not in settled), None)

    def way_back(self, events: Sequence[StepEvent]) -> WayBack:
        """Return what reverts the steps that were carried out, the last one first.

        A command of Rollback is run once, and not again after it succeeded.
        """
        reverting = {s.attributes.id: s for s in self.steps if s.step.part == ROLLBACK and s.attributes.id}
        states = step_states(events)
        commands: dict[StepKey, ExecutableStep] = {}
        not_undone: list[ExecutableStep] = []
        for key in reversed(carried_out(events)):
            step = self.step(key)
            if step is None or step.step.part == ROLLBACK:
                continue
            known = [reverting[name] for name in step.attributes.undo if name in reverting]
            if step.step.part == "Steps" and len(known) < max(len(step.attributes.undo), 1):
                not_undone.append(step)
            for command in known:
                if states.get(command.key) not in (RunStepState.DONE, RunStepState.SKIPPED):
                    commands.setdefault(command.key, command)
        return WayBack(tuple(commands.values()), tuple(not_undone))


def plan_of(runbook: Runbook, steps: Iterable[RunbookStep]) -> ExecutionPlan:
    """Return the steps with their commands."""
    fences = {fence.line: fence for fence in runbook.fences}
    return ExecutionPlan(tuple(_executable(step, fences) for step in steps))


def _executable(step: RunbookStep, fences: Mapping[int, Fence]) -> ExecutableStep:
    fence = fences.get(step.line) if step.fence_sha else None
    return ExecutableStep(step, fence, read_attributes(fence.info) if fence else FenceAttributes())


def step_states(events: Iterable[StepEvent]) -> dict[StepKey, RunStepState]:
    """Return the state of each step that something happened to."""
    return {event.key: _STATES[event.kind] for event in events if event.kind in _STATES}


def carried_out(events: Iterable[StepEvent]) -> list[StepKey]:
    """Return the steps that began or were done by hand, in the order in which they last were."""
    order: dict[StepKey, None] = {}
    for event in events:
        if event.kind == RunEventKind.STEP_STARTED or (
            event.kind == RunEventKind.STEP_DONE and event.key not in order
        ):
            order.pop(event.key, None)
            order[event.key] = None
    return list(order)
