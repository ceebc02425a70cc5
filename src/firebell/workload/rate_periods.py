"""Which rates apply in which months (pure): each until the next month with rates; the latest set wins."""

from collections.abc import Sequence
from datetime import date

from firebell.workload.model import DatedRates, RatePeriod


def rates_of(all_rates: Sequence[DatedRates], month: date) -> DatedRates | None:
    """Return the rates of a month; None if none were set for it or an earlier one."""
    return max((k for k in all_rates if k.month <= month), key=lambda k: (k.month, k.id), default=None)


def rate_periods(all_rates: Sequence[DatedRates]) -> list[RatePeriod]:
    """Return all rates that were ever set, latest month first, each with the month in which others replace it."""
    periods = []
    for rates in sorted(all_rates, key=lambda k: (k.month, k.id), reverse=True):
        replaced = any(k.month == rates.month and k.id > rates.id for k in all_rates)
        periods.append(RatePeriod(rates, rates.month if replaced else following(all_rates, rates.month)))
    return periods


def following(all_rates: Sequence[DatedRates], month: date) -> date | None:
    """Return the first later month with other rates."""
    return min((k.month for k in all_rates if k.month > month), default=None)


def past(all_rates: Sequence[DatedRates], month: date, present: date) -> tuple[date, date] | None:
    """Return the past months `[first, end)` that rates from `month` on would change, None if there are none."""
    end = min(following(all_rates, month) or present, present)
    return (month, end) if month < end else None
