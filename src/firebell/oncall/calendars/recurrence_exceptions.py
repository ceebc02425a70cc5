"""Exceptions and additions to a series, brought to the type of the series (pure).

RFC 5545 matches EXDATE, RECURRENCE-ID and RDATE by value and by type. Exchange writes times where the series
has days, and some editors write days where it has times; read to the letter, a day that was taken out stays
on call. So a time means its day, and a day means what begins on it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from icalendar.prop import vDDDLists, vDDDTypes

UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)
"""What the libraries raise for a series that makes no sense."""


def align(master: Any, changes: Sequence[Any], zone: ZoneInfo) -> list[str]:
    """Bring a series' exceptions to the type of its DTSTART; return a note for each property that needed it.

    `changes` are its events with a RECURRENCE-ID. `zone` is where an instant in UTC has its day.
    """
    start = master["DTSTART"].dt
    notes = [note for name in ("EXDATE", "RDATE") for note in _align_list(master, name, start, zone)]
    for change in changes:
        which = change["RECURRENCE-ID"]
        if _is_day(which.dt) != _is_day(start):
            moved = vDDDTypes(_as_type_of(start, which.dt, zone))
            moved.params = which.params
            moved.params.pop("VALUE", None)
            change["RECURRENCE-ID"] = moved
            notes.append(_note("RECURRENCE-ID", start))
    return list(dict.fromkeys(notes))


def _note(name: str, start: date) -> str:
    written, meant = ("a time", "its day") if _is_day(start) else ("a day", "what begins on it")
    return f"{written} in {name} was read as {meant}."


def _align_list(master: Any, name: str, start: date, zone: ZoneInfo) -> list[str]:
    property_values = master.pop(name, [])
    aligned: list[Any] = []
    notes: list[str] = []
    for dates in property_values if isinstance(property_values, list) else [property_values]:
        try:
            values = [d.dt for d in dates.dts]
        except UNREADABLE:
            notes.append(f"{name} cannot be read and was left out.")
            continue
        same_type = [_is_day(_begin(v)) == _is_day(start) for v in values]
        if all(same_type):
            aligned.append(dates)
            continue
        notes.append(_note(name, start))
        # the library takes an EXDATE that is a day to mean all that begins on it, which is what is wanted
        days_stay = name == "EXDATE" and not _is_day(start)
        aligned.append(
            vDDDLists(
                [
                    v if same or days_stay else _as_type_of(start, _begin(v), zone)
                    for v, same in zip(values, same_type, strict=True)
                ]
            )
        )
    if aligned:
        master[name] = aligned
    return notes


def _begin(value: Any) -> date:
    """Return the beginning of a period, or the value itself."""
    begin: date = value[0] if isinstance(value, tuple) else value
    return begin


def _is_day(value: date) -> bool:
    return not isinstance(value, datetime)


def _as_type_of(start: date, value: date, zone: ZoneInfo) -> date:
    if isinstance(start, datetime):
        return datetime.combine(value, start.timetz())
    assert isinstance(value, datetime)
    midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
    return (value.astimezone(zone) if value.tzname() == "UTC" and not midnight else value).date()
