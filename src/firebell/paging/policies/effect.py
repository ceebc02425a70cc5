"""What a plan would have done with the pages of the last 90 days, by how long each waited (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from firebell.paging.level_conditions import PageKind, are_met
from firebell.paging.model import Level, Plan

PERIOD = timedelta(days=90)
MAX_PAGES = 2000
"""Number of pages that are counted, the newest ones."""


class PastPage(NamedTuple):
    """A past page, and how long it waited for an acknowledgment, or else for its end."""

    triggered_at: datetime
    waited: timedelta
    kind: PageKind


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


def effect(plan: Plan, pages: Sequence[PastPage]) -> Effect:
    """Return what a plan would have done with these pages; a level whose conditions a page does not meet is skipped."""
    runs = [_run(plan, page) for page in pages]
    return Effect(
        pages=len(pages),
        levels=tuple(sum(index in entered for entered, _ in runs) for index in range(len(plan.levels))),
        alarms=sum(is_exhausted for _, is_exhausted in runs),
    )


def _run(plan: Plan, page: PastPage) -> tuple[set[int], bool]:
    """Return the levels that a page would have entered, and whether it would have come to the final alarm."""
    entered: set[int] = set()
    at, ended_at = page.triggered_at, page.triggered_at + page.waited
    for _ in range(plan.repeat + 1):
        for index, level in enumerate(plan.levels):
            if at > ended_at:
                return entered, False
            if _is_for(level, plan, page.kind, at):
                entered.add(index)
                at += timedelta(seconds=level.ack_within_s)
    return entered, at <= ended_at


def _is_for(level: Level, plan: Plan, kind: PageKind, at: datetime) -> bool:
    """Return True if a page enters a level at an instant; conditions do not count if it meets those of no level."""

    def meets(one: Level) -> bool:
        return are_met(one.conditions, plan.tz, kind, at)

    return meets(level) or not any(map(meets, plan.levels))


def compare(before: Effect, after: Effect) -> list[EffectLine]:
    """Return the levels of both plans side by side, then the final alarm."""
    count = max(len(before.levels), len(after.levels))
    levels = [EffectLine(f"Level {i + 1}", _at(before.levels, i), _at(after.levels, i)) for i in range(count)]
    return [*levels, EffectLine("Final alarm", before.alarms, after.alarms)]


def _at(levels: Sequence[int], index: int) -> int | None:
    return levels[index] if index < len(levels) else None
