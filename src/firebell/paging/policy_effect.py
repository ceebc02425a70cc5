"""What a plan would have done with the pages of the last 90 days, by how long each waited (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from firebell.paging.model import Plan

PERIOD = timedelta(days=90)
MAX_PAGES = 2000
"""Number of pages that are counted, the newest ones."""


@dataclass(frozen=True, slots=True)
class Effect:
    """How many pages there were, how many would have entered each level, and how many the final alarm.

    Everyone at a level is taken to be reachable, and to acknowledge when someone did.
    """

    pages: int
    levels: tuple[int, ...]
    alarms: int


@dataclass(frozen=True, slots=True)
class EffectLine:
    """The pages that entered a level, or the final alarm, by the saved plan and a draft; None without the level."""

    name: str
    before: int | None
    after: int | None

    @property
    def is_changed(self) -> bool:
        """True if the draft would have paged there more or less often."""
        return self.before != self.after


def effect(plan: Plan, waits: Sequence[timedelta]) -> Effect:
    """Return what a plan would have done with pages that waited so long for an acknowledgment or their end."""
    *starts, end = accumulate(
        (timedelta(seconds=level.ack_within_s) for level in plan.levels), initial=timedelta()
    )
    return Effect(
        pages=len(waits),
        levels=tuple(sum(wait >= start for wait in waits) for start in starts),
        alarms=sum(wait >= end * (plan.repeat + 1) for wait in waits),
    )


def compare(before: Effect, after: Effect) -> list[EffectLine]:
    """Return the levels of both plans beside each other, then the final alarm."""
    count = max(len(before.levels), len(after.levels))
    levels = [EffectLine(f"Level {i + 1}", _at(before.levels, i), _at(after.levels, i)) for i in range(count)]
    return [*levels, EffectLine("Final alarm", before.alarms, after.alarms)]


def _at(levels: Sequence[int], index: int) -> int | None:
    return levels[index] if index < len(levels) else None
