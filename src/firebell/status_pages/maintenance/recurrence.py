"""When maintenance repeats: RRULEs in wall time ([spec 7.6](docs/spec/7-comms.md)) (pure).

The library that reads calendars searches until the year 9999 for what a rule never meets; this search ends at its
horizon.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, pairwise

from firebell.kit.errors import Invalid

HORIZON = timedelta(days=366)
"""How far ahead windows that repeat are published."""
MAX_WINDOWS = 60
"""The most windows of a series that are published ahead."""
MAX_RULE_CHARS = 200
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = timedelta(days=1)
_NUMBER = r"[1-9]\d{0,2}"
_WEEKDAY = r"(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)"
_PARTS = {
    "FREQ": "DAILY|WEEKLY|MONTHLY|YEARLY",
    "INTERVAL": _NUMBER,
    "COUNT": _NUMBER,
    "UNTIL": r"\d{8}(?:T\d{6})?",
    "BYDAY": rf"{_WEEKDAY}(?:,{_WEEKDAY})*",
    "BYMONTHDAY": r"-?[1-9]\d?(?:,-?[1-9]\d?)*",
    "BYMONTH": r"[1-9]\d?(?:,[1-9]\d?)*",
    "BYSETPOS": r"-?[1-9]\d?(?:,-?[1-9]\d?)*",
    "WKST": "MO|TU|WE|TH|FR|SA|SU",
}
"""The parts of a rule that maintenance can have: none that would repeat within a day."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule with what its first window implies; `weekdays` are (nth, weekday), nth 0 for each of the period."""

    freq: str
    interval: int
    count: int | None
    until: datetime | None
    weekdays: tuple[tuple[int, int], ...]
    month_days: tuple[int, ...]
    months: tuple[int, ...]
    positions: tuple[int, ...]
    week_start: int


def _refused(hint: str) -> Invalid:
    return Invalid("The maintenance can’t repeat like this.", fields={"rule": hint})


def checked_rule(text: str, first: datetime, length: timedelta) -> str:
    """Return a rule in capitals, empty for none; raise `Invalid` if it cannot be used.

    `first` is the wall time from which it counts, `length` how long each window is.
    """
    rule = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    if not rule:
        return ""
    if len(rule) > MAX_RULE_CHARS:
        raise _refused(f"Enter at most {MAX_RULE_CHARS} characters.")
    parts = [part.partition("=") for part in rule.split(";")]
    names = [name for name, _, _ in parts]
    if len(set(names)) != len(names) or "FREQ" not in names:
        raise _refused("Enter a rule such as FREQ=WEEKLY;BYDAY=SU, each part once.")
    for name, _, value in parts:
        if name not in _PARTS:
            raise _refused(f"Leave out {name[:20] or 'the empty part'}, or enter FREQ=WEEKLY;BYDAY=SU.")
        if not re.fullmatch(_PARTS[name], value, re.ASCII):
            raise _refused(f"{name} can’t be {value[:40]!r}.")
    if re.search(r"FREQ=(DAILY|WEEKLY)", rule) and re.search(r"BYDAY=[^;]*\d", rule):
        raise _refused("Only a month or a year has a first or last weekday.")
    starts = starts_between(rule, first, first, first + HORIZON)
    if not starts:
        raise _refused("Enter a rule that has a window within a year.")
    if any(after - before < length for before, after in pairwise(starts)):
        raise _refused("Enter a rule whose windows don’t overlap.")
    return rule


def _parsed(text: str, first: datetime) -> _Rule:
    parts = dict(part.split("=") for part in text.split(";"))
    freq = parts["FREQ"]
    weekdays = tuple(
        (int(nth or 0), WEEKDAYS.index(name))
        for nth, name in re.findall(r"([+-]?\d?)([A-Z]{2})", parts.get("BYDAY", ""))
    )
    month_days, months = _numbers(parts.get("BYMONTHDAY", "")), _numbers(parts.get("BYMONTH", ""))
    if not weekdays and not month_days:
        if freq == "WEEKLY":
            weekdays = ((0, first.weekday()),)
        elif freq in ("MONTHLY", "YEARLY"):
            month_days = (first.day,)
            months = months or ((first.month,) if freq == "YEARLY" else ())
    return _Rule(
        freq,
        int(parts.get("INTERVAL", 1)),
        int(parts["COUNT"]) if "COUNT" in parts else None,
        _until(parts["UNTIL"]) if "UNTIL" in parts else None,
        weekdays,
        month_days,
        months,
        _numbers(parts.get("BYSETPOS", "")),
        WEEKDAYS.index(parts.get("WKST", "MO")),
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number)


def _until(text: str) -> datetime:
    """Return when a rule ends; a day is included."""
    try:
        return datetime.strptime(text if "T" in text else f"{text}T235959", "%Y%m%dT%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise _refused(f"UNTIL can’t be {text!r}.") from None


def starts_between(rule: str, first: datetime, after: datetime, until: datetime) -> list[datetime]:
    """Return the wall times from `after` until `until` at which windows start, at most `MAX_WINDOWS`."""
    parsed = _parsed(rule, first)
    end = until if parsed.until is None else min(until, parsed.until)
    starts = (
        start
        for day in _days(parsed, first.date(), end.date())
        if first <= (start := datetime.combine(day, first.timetz())) <= end
    )
    counted = islice(starts, parsed.count) if parsed.count is not None else starts
    return list(islice((start for start in counted if start >= after), MAX_WINDOWS))


def _days(rule: _Rule, first: date, last: date) -> Iterator[date]:
    """Yield the days of a rule in order, from the beginning of the period of `first` until `last`."""
    for start, end in _periods(rule, first, last):
        days = [start + n * _DAY for n in range((end - start).days)]
        days = [day for day in days if _matches(rule, day)]
        if rule.positions:
            chosen = {n - 1 if n > 0 else len(days) + n for n in rule.positions}
            days = [day for n, day in enumerate(days) if n in chosen]
        yield from days


def _periods(rule: _Rule, first: date, last: date) -> Iterator[tuple[date, date]]:
    """Yield the days, weeks, months or years in which a rule has windows, each as [start, end)."""
    start = first
    if rule.freq == "WEEKLY":
        start -= (first.weekday() - rule.week_start) % 7 * _DAY
    elif rule.freq == "MONTHLY":
        start = first.replace(day=1)
    elif rule.freq == "YEARLY":
        start = first.replace(month=1, day=1)
    while start <= last:
        yield start, _later(rule.freq, start, 1)
        start = _later(rule.freq, start, rule.interval)


def _later(freq: str, start: date, periods: int) -> date:
    if freq == "DAILY":
        return start + periods * _DAY
    if freq == "WEEKLY":
        return start + periods * 7 * _DAY
    months = start.year * 12 + start.month - 1 + periods * (1 if freq == "MONTHLY" else 12)
    return date(months // 12, months % 12 + 1, 1)


def _matches(rule: _Rule, day: date) -> bool:
    length = monthrange(day.year, day.month)[1]
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or day.day in rule.month_days or day.day - length - 1 in rule.month_days)
        and (not rule.weekdays or any(_is_weekday(rule, day, *each) for each in rule.weekdays))
    )


def _is_weekday(rule: _Rule, day: date, nth: int, weekday: int) -> bool:
    """Return True if a day is this weekday of its week, or the nth one of its month or year from either end."""
    if day.weekday() != weekday or nth == 0:
        return day.weekday() == weekday
    if rule.freq == "YEARLY" and not rule.months:
        position, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    else:
        position, length = day.day, monthrange(day.year, day.month)[1]
    return (position - 1) // 7 + 1 == nth if nth > 0 else (length - position) // 7 + 1 == -nth


def weekly(start: datetime, every: int = 1) -> str:
    """Return the rule of windows on the weekday of `start`, every so many weeks."""
    interval = f";INTERVAL={every}" if every > 1 else ""
    return f"FREQ=WEEKLY{interval};BYDAY={WEEKDAYS[start.weekday()]}"


def monthly(start: datetime) -> str:
    """Return the rule of windows on the same weekday of each month as `start`: its first Sunday, its last Friday."""
    nth = (start.day - 1) // 7 + 1
    return f"FREQ=MONTHLY;BYDAY={-1 if nth == 5 else nth}{WEEKDAYS[start.weekday()]}"
