"""Which rates hold in which months (pure): each from its month on, until the next; the later set goes first."""

from collections.abc import Sequence
from datetime import date

from firebell.workload.model import Kept, Term


def rates_of(kept: Sequence[Kept], month: date) -> Kept | None:
    """Return the rates of a month; None when none were set for it or an earlier one."""
    return max((k for k in kept if k.month <= month), key=lambda k: (k.month, k.id), default=None)


def rate_periods(kept: Sequence[Kept]) -> list[Term]:
    """Return what was ever set, the latest months first, with the month in which something else holds instead."""
    found = []
    for one in sorted(kept, key=lambda k: (k.month, k.id), reverse=True):
        replaced = any(k.month == one.month and k.id > one.id for k in kept)
        found.append(Term(one, one.month if replaced else following(kept, one.month)))
    return found


def following(kept: Sequence[Kept], month: date) -> date | None:
    """Return the first later month from which other rates hold."""
    return min((k.month for k in kept if k.month > month), default=None)


def past(kept: Sequence[Kept], month: date, present: date) -> tuple[date, date] | None:
    """Return the first past month that rates from `month` on would change, and the one after the last."""
    end = min(following(kept, month) or present, present)
    return (month, end) if month < end else None
