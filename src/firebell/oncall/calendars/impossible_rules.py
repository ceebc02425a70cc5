"""Recurrence rules that never occur, such as every February 30 (RFC 5545 3.3.10; pure)."""

from datetime import MAXYEAR, date, datetime
from typing import Any

from dateutil.rrule import rrulestr

_CYCLE_YEARS = 400
"""Number of years after which dates fall on the same weekdays again."""


def never_occurs(rule: Any, start: date, last: date) -> bool:
    """Return True if a rule, an RRULE of an event that begins at `start`, has no occurrence from then until `last`.

    Without an occurrence, dateutil searches to the year 9999, which can take seconds. So the search starts whole
    cycles later, where the same dates follow and fewer years are left.
    """
    unlimited = type(rule)(rule)
    for part in ("UNTIL", "COUNT"):
        unlimited.pop(part, None)
    needed = max(last.year - start.year, 0) + 1
    cycles = max((MAXYEAR - needed - start.year) // _CYCLE_YEARS, 0)
    later = start.replace(year=start.year + cycles * _CYCLE_YEARS)
    if isinstance(later, datetime):
        later = later.replace(tzinfo=None)
    return next(iter(rrulestr(unlimited.to_ical().decode(), dtstart=later)), None) is None
