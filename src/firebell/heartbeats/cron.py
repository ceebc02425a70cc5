"""Cron expressions with five fields, and the instants that they mean in a time zone (pure, spec 9.8)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from firebell.kit import localtime

MAX_CRON_CHARS = 200
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(
    r"(?P<range>\*|(?P<first>\w{1,3})(?:-(?P<last>\w{1,3}))?)(?:/(?P<step>\d{1,3}))?", re.ASCII
)
_DAYS_SEARCHED = 366 * 8 + 1
"""How far the next time is searched: 29 February is eight years away around 2100."""


class CronError(ValueError):
    """The text is not a cron expression, or it names a day that never comes; the message says why."""


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """The minutes of a cron expression; if both kinds of days are restricted, a day needs to match one of them."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    any_day: bool
    any_weekday: bool

    def has_day(self, day: date) -> bool:
        """Return True if the schedule has times on this day."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (in_month and in_week) if self.any_day or self.any_weekday else (in_month or in_week)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    first_named: int = 0

    def number(self, text: str) -> int:
        if text.casefold() in self.names:
            return self.names.index(text.casefold()) + self.first_named
        if not text.isdecimal():
            raise CronError(f"{text} is not a {self.name}.")
        number = int(text)
        if not self.least <= number <= self.most:
            raise CronError(f"A {self.name} is between {self.least} and {self.most}, not {number}.")
        return number

    def read(self, text: str) -> frozenset[int]:
        """Return the numbers of a field such as `1-5`, `*/10` or `mon,wed`."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, text: str) -> Sequence[int]:
        match = _PART.fullmatch(text)
        if match is None:
            raise CronError(f"{text or 'An empty text'} is not a {self.name}.")
        step = int(match["step"] or 1)
        if step == 0:
            raise CronError("A step is at least 1.")
        if match["range"] == "*":
            return range(self.least, self.most + 1, step)
        first = self.number(match["first"])
        last = self.number(match["last"]) if match["last"] else (self.most if match["step"] else first)
        if last < first:
            raise CronError(f"The range {match['range']} ends before it begins.")
        return range(first, last + 1, step)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


@lru_cache(maxsize=1024)
def parse(text: str) -> CronSchedule:
    """Return the schedule of `minute hour day month weekday`, or of a macro such as `@daily`; raise `CronError`."""
    if len(text) > MAX_CRON_CHARS:
        raise CronError(f"A cron expression has at most {MAX_CRON_CHARS} characters.")
    parts = _MACROS.get(text.strip().casefold(), text).split()
    if len(parts) != len(_FIELDS):
        raise CronError("A cron expression has five fields: minute, hour, day, month, weekday.")
    minutes, hours, days, months, weekdays = (f.read(part) for f, part in zip(_FIELDS, parts, strict=True))
    schedule = CronSchedule(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        any_day=parts[2].startswith("*"),
        any_weekday=parts[4].startswith("*"),
    )
    # a leap year, and any weekday
    if not any(schedule.has_day(date(2024, 1, 1) + timedelta(days=n)) for n in range(_DAYS_SEARCHED)):
        raise CronError("This day never comes.")
    return schedule


def next_after(schedule: CronSchedule, after: datetime, tz: str) -> datetime:
    """Return the first instant after `after` at which the schedule has a time in this time zone.

    A time that a clock change skips means the instant of the change, and a repeated one its first occurrence.
    """
    day = localtime.to_local(after, tz).date()
    for _ in range(_DAYS_SEARCHED):
        if schedule.has_day(day):
            for hour in schedule.hours:
                for minute in schedule.minutes:
                    instant = localtime.to_instant(datetime.combine(day, time(hour, minute)), tz)
                    if instant > after:
                        return instant
        day += timedelta(days=1)
    raise CronError("This day never comes.")
