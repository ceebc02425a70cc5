"""What rolling back a run consists of (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.runbooks.runs.model import ROLLBACK, STEPS, RunStep


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What is to be done, in order, and the commands of Steps that were carried out and have no undo.

    `undoes` has the step that each entry of `to_do` undoes, None for a runbook that names none.
    """

    to_do: tuple[RunStep, ...]
    undoes: tuple[RunStep | None, ...]
    not_undone: tuple[RunStep, ...]


def plan(steps: Sequence[RunStep]) -> RollbackPlan:
    """Return the plan: what the executed steps name as their undo, the last one first.

    Without any such name in the runbook, it is the whole part Rollback, as it is written.
    """
    written = [step for step in steps if step.part == ROLLBACK]
    forward = [step for step in steps if step.part != ROLLBACK]
    if not any(step.undo for step in forward):
        return RollbackPlan(tuple(written), (None,) * len(written), ())
    by_id = {step.fence_id: step for step in written if step.fence_id}
    executed = sorted((step for step in forward if step.order), key=lambda step: -step.order)
    to_do: list[RunStep] = []
    undoes: list[RunStep | None] = []
    not_undone: list[RunStep] = []
    for step in executed:
        named = [by_id[name] for name in step.undo if name in by_id]
        for each in named:
            if each not in to_do:
                to_do.append(each)
                undoes.append(step)
        if not named and step.fence_sha and step.part == STEPS:
            not_undone.append(step)
    return RollbackPlan(tuple(to_do), tuple(undoes), tuple(not_undone))
