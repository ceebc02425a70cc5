"""What a page does if no one acknowledges it (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from firebell.paging.escalation.state_machine import Answered, Exhausted, Pick, advance, first_listed
from firebell.paging.model import Page


@dataclass(frozen=True, slots=True)
class DryStep:
    """What an unacknowledged page does at `at`: enter `level`, skip it without people, or alarm if it is None.

    `is_excluded` is True if the page does not meet the conditions of the level then.
    """

    at: datetime
    level: int | None
    people: tuple[int, ...] = ()
    is_excluded: bool = False


def dry_run(
    page: Page, reach: Callable[[datetime, int], Sequence[int]], pick: Pick = first_listed
) -> list[DryStep]:
    """Return the steps of a page from now on if no one acknowledges it.

    These are the levels of the first round, then the final alarm after the last round.
    """
    steps: list[DryStep] = []
    while page.due_at is not None:
        at = page.due_at
        outcome = advance(page, partial(reach, at), at, pick=pick)
        known = {step.level for step in steps}
        if isinstance(outcome, Answered):
            return steps
        passed = sorted({*outcome.skipped, *outcome.excluded} - known)
        steps += [DryStep(at, level, is_excluded=level in outcome.excluded) for level in passed]
        if isinstance(outcome, Exhausted):
            return [*steps, DryStep(at, None)]
        if outcome.page.level not in known:
            steps.append(DryStep(at, outcome.page.level, outcome.people))
        page = outcome.page
    return steps
