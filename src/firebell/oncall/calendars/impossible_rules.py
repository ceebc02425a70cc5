"""Recurrence rules that never occur, such as every February 30 (RFC 5545 3.3.10; pure)."""

import re
from datetime import MAXYEAR, date, datetime
from typing import Any

from dateutil.rrule import rrulestr

from firebell.oncall.calendars.recurrence_cost import StepBudget, frequency_of, interval_of, steps_between

_CYCLE_YEARS = 400
"""Number of years after which dates fall on the same weekdays again."""
_LIMITS = {"UNTIL", "COUNT", "INTERVAL", "FREQ", "WKST"}
_MATCHES_EACH_WEEK_OR_YEAR = {"BYHOUR", "BYMINUTE", "BYSECOND", "BYMONTH", "BYDAY"}
_WEEKDAY = re.compile(r"[A-Z]{2}")


def never_occurs(rule: Any, start: date, last: date, budget: StepBudget) -> bool:
    """Return True if a rule, an RRULE of an event that begins at `start`, has no occurrence from then until `last`.

    Without an occurrence, dateutil searches to the year 9999, which can take seconds. So the search starts whole
    cycles later, where the same dates follow and fewer years are left. Raise `TooCostlyError` if the budget does not
    suffice for the search; a rule that surely occurs takes none.
    """
    if _surely_occurs(rule):
        return False
    unlimited = type(rule)(rule)
    for part in ("UNTIL", "COUNT"):
        unlimited.pop(part, None)
    needed = max(last.year - start.year, 0) + 1
    cycles = max((MAXYEAR - needed - start.year) // _CYCLE_YEARS, 0)
    later = start.replace(year=start.year + cycles * _CYCLE_YEARS)
    if isinstance(later, datetime):
        later = later.replace(tzinfo=None)
    budget.require(steps_between(unlimited, later, date.max))
    first = next(iter(rrulestr(unlimited.to_ical().decode(), dtstart=later)), None)
    budget.spend(steps_between(unlimited, later, first or date.max))
    return first is None


def _surely_occurs(rule: Any) -> bool:
    """Return True if the parts of a rule alone show that it occurs."""
    parts = {str(part).upper() for part in rule} - _LIMITS
    if not parts:
        return True
    return (
        parts <= _MATCHES_EACH_WEEK_OR_YEAR
        and interval_of(rule) == 1
        and frequency_of(rule) in ("WEEKLY", "DAILY", "HOURLY")
        and all(_WEEKDAY.fullmatch(str(day).upper()) for day in rule.get("BYDAY") or [])
    )
