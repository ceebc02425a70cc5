"""Which rates apply in which months (pure): each until the next month with rates; the latest set wins."""

from collections.abc import Sequence
from datetime import date

from firebell.workload.model import Kept, Term


def rates_of(kept: Sequence[Kept], month: date) -> Kept | None:
    """Return the rates of a month; None if none were set for it or an earlier one."""
    return max((k for k in kept if k.month <= month), key=lambda k: (k.month, k.id), default=None)


def rate_periods(kept: Sequence[Kept]) -> list[Term]:
    """Return all rates that were ever set, latest month first, each with the month in which others replace it."""
    periods = []
    for one in sorted(kept, key=lambda k: (k.month, k.id), reverse=True):
        replaced = any(k.month == one.month and k.id > one.id for k in kept)
        periods.append(Term(one, one.month if replaced else following(kept, one.month)))
    return periods


def following(kept: Sequence[Kept], month: date) -> date | None:
    """Return the first later month with other rates."""
    return min((k.month for k in kept if k.month > month), default=None)


def past(kept: Sequence[Kept], month: date, present: date) -> tuple[date, date] | None:
    """Return the past months `[first, end)` that rates from `month` on would change, None if there are none."""
    end = min(following(kept, month) or present, present)
    return (month, end) if month < end else None
