"""The share of action items that are done in time (pure; spec 5 and 11.9)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Literal

from firebell.action_items.model import GRACE_DAYS, ActionItem, ItemState

TARGET = 0.9
"""More than this share of the items that are due is to be done in time."""
WINDOW_DAYS = 90
FEW_BELOW = 20
TOO_FEW_BELOW = 5
_Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The items that were due in a window: done in time, and all; `in_grace` are still outside the ratio.

    Of the done ones, `unproven` have no evidence.
    """

    done: int
    due: int
    in_grace: int
    unproven: int = 0

    @property
    def share(self) -> float | None:
        """The share that is done in time, None if nothing was due."""
        return self.done / self.due if self.due else None

    @property
    def percent(self) -> int | None:
        """The share as a whole percentage, rounded down, so that 90% is never shown for less."""
        return self.done * 100 // self.due if self.due else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the share by Wilson, None if nothing was due."""
        if not self.due:
            return None
        share, n, z = self.done / self.due, self.due, _Z
        center = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(center - half, 0.0), min(center + half, 1.0)

    @property
    def result(self) -> Literal["none", "few", "met", "missed"]:
        """`none` if nothing was due, `few` below 5 items, else `met` or `missed`."""
        if self.share is None:
            return "none"
        if self.due < TOO_FEW_BELOW:
            return "few"
        return "met" if self.share > TARGET else "missed"


def counts_as_done(item: ActionItem) -> bool:
    """Return True if the item was done by its due day, or within 7 days after it."""
    in_time = item.due + timedelta(days=GRACE_DAYS)
    return item.state is ItemState.DONE and item.done_on is not None and item.done_on <= in_time


def completion(items: Iterable[ActionItem], start: date, end: date, today: date) -> Completion:
    """Return the completion of the items that are due in `[start, end)`.

    Unfinished items whose grace runs are outside the ratio. A dropped item counts as not done, unless its risk was
    accepted: then it does not count. A duplicate does not count, because its original does.
    """
    done = due = in_grace = unproven = 0
    for item in items:
        if not start <= item.due < end or item.state is ItemState.DUPLICATE or item.risk_accepted_by:
            continue
        if item.is_unfinished and today <= item.due + timedelta(days=GRACE_DAYS):
            in_grace += 1
            continue
        due += 1
        if counts_as_done(item):
            done += 1
            unproven += item.lacks_evidence
    return Completion(done, due, in_grace, unproven)


def window(today: date) -> tuple[date, date]:
    """Return the window of the last 90 days, with today, as `[start, end)`."""
    end = today + timedelta(days=1)
    return end - timedelta(days=WINDOW_DAYS), end
