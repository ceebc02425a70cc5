"""Limits how much work the recurrence rules of one calendar take (pure).

The unit is a step of dateutil, which takes about three microseconds. Steps are counted instead of time, so that a
calendar always has the same shifts.
"""

import math
from datetime import date
from typing import Any

MAX_STEPS = 800_000
"""Maximum number of steps that the costly rules of one calendar may take together: about three seconds."""
FREE_STEPS = 10_000
"""The steps of a rule that are not counted, so that no common rule is skipped: a daily one for 27 years."""
_STEPS_PER_YEAR = {"YEARLY": 12, "MONTHLY": 24, "WEEKLY": 53, "DAILY": 366, "HOURLY": 1_464}
"""By frequency; dateutil passes the hours of a day faster than days."""
_TIMES = ("BYHOUR", "BYMINUTE", "BYSECOND")


class TooCostlyError(ValueError):
    """A recurrence rule takes too many steps."""


class StepBudget:
    """The steps that the rules of a calendar share."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def require(self, steps: int) -> None:
        """Raise `TooCostlyError` if fewer steps than these are left."""
        if steps > max(self._left, FREE_STEPS):
            raise TooCostlyError("its recurrence rule takes too long to compute")

    def spend(self, steps: int) -> None:
        """Count steps that were taken, unless there are few of them."""
        if steps > FREE_STEPS:
            self._left -= steps


def steps_between(rule: Any, start: date, last: date) -> int:
    """Return about how many steps a rule takes from one day to another, or to its UNTIL if that is earlier."""
    frequency = frequency_of(rule)
    until: date = (rule.get("UNTIL") or [last])[0]
    years = max((min(last.toordinal(), until.toordinal()) - start.toordinal()) / 365.25, 0)
    times = times_a_day(rule) if frequency != "HOURLY" else 1
    return math.ceil(years * _STEPS_PER_YEAR.get(frequency, 0) / interval_of(rule)) * times


def frequency_of(rule: Any) -> str:
    """Return the FREQ of a rule in capitals, empty if it has none."""
    return str((rule.get("FREQ") or [""])[0]).upper()


def interval_of(rule: Any) -> int:
    """Return the INTERVAL of a rule, 1 if it has none."""
    interval: int = (rule.get("INTERVAL") or [1])[0]
    return interval


def times_a_day(rule: Any) -> int:
    """Return how many times of a day a rule lists by BYHOUR, BYMINUTE and BYSECOND."""
    return math.prod(len(rule.get(part) or [1]) for part in _TIMES)
