"""A calendar of somebody else as occurrences (spec 1.6); it may be anything at all (pure)."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import icalendar
import recurring_ical_events

from firebell.kit.errors import Invalid
from firebell.oncall.calendars.model import LARGEST, Event

COMPONENTS = 10_000
OCCURRENCES = 5_000
"""How many occurrences a calendar may have within the horizon."""
_HOURS = 100_000
"""How many hours an hourly rule may count from its beginning: eleven years."""
_NOTES = 20
_DAY = timedelta(days=1)
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)
"""What the libraries raise for a series that makes no sense."""

Found = tuple[list[Event], list[str]]


def decoded(data: bytes) -> str:
    """Return the text of a calendar: UTF-8, or UTF-16 by its mark, or what is left, Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read(data: bytes, tz: str, a: datetime, b: datetime) -> Found:
    """Return the occurrences that touch `[a, b)` by start, and notes on what was left out and why.

    `tz` is where a time without a zone is, unless the calendar says. Raises `Invalid` for no calendar at all.
    """
    if len(data) > LARGEST:
        raise Invalid("The calendar is larger than 5 MB.")
    text = decoded(data).replace("\x00", "")
    begun = len(re.findall(r"^BEGIN:", text, re.I | re.M))
    if begun > COMPONENTS:
        raise Invalid(f"The calendar has {begun} components, at most {COMPONENTS} are read.")
    if not re.match(r"\s*BEGIN:VCALENDAR\s*$", text, re.I | re.M):
        raise Invalid("This is not an iCalendar file: it does not begin with BEGIN:VCALENDAR.")
    if not re.search(r"^END:VCALENDAR\s*\Z", text, re.I | re.M):
        raise Invalid("The calendar is cut short: it does not end with END:VCALENDAR.")
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except _UNREADABLE as error:
        raise Invalid(f"The calendar cannot be read: {str(error)[:200]}.") from error
    found: list[Event] = []
    notes: list[str] = []
    for calendar in calendars:
        zone = ZoneInfo(_zone_of(calendar) or tz)
        for series in _series(calendar):
            events, told = _expanded(series, zone, a, b)
            found += events
            notes += told
            if len(found) > OCCURRENCES:
                raise Invalid(f"The calendar has more than {OCCURRENCES} events in the half year ahead.")
    more = [f"{len(notes) - _NOTES} more were left out."] if len(notes) > _NOTES else []
    return sorted(found, key=lambda e: (e.start, e.end, e.title)), notes[:_NOTES] + more


def _zone_of(calendar: Any) -> str:
    name = str(calendar.get("X-WR-TIMEZONE", ""))
    return name if name in available_timezones() else ""


def _sequence(event: Any) -> int:
    try:
        return int(event.get("SEQUENCE", 0))
    except _UNREADABLE:
        return 0


def _series(calendar: Any) -> list[list[Any]]:
    """Return the events by series; of one occurrence the highest SEQUENCE counts, then the later text."""
    latest: dict[tuple[str, str], Any] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        uid = str(event.get("UID", f"\x00{number}"))
        which = event.get("RECURRENCE-ID")
        key = (uid, which.to_ical().decode() if which is not None and hasattr(which, "to_ical") else "")
        if key not in latest or _sequence(event) >= _sequence(latest[key]):
            latest[key] = event
    series: dict[str, list[Any]] = defaultdict(list)
    for (uid, _), event in latest.items():
        series[uid].append(event)
    return list(series.values())


def _title(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:200] or "no title"


def _rules(event: Any) -> list[Any]:
    rule = event.get("RRULE")
    if rule is None:
        return []
    return rule if isinstance(rule, list) else [rule]


def _too_frequent(event: Any, b: datetime) -> bool:
    """Say whether a rule repeats within the hour, or hourly since long ago."""
    for rule in _rules(event):
        frequency = str((rule.get("FREQ") or [""])[0]).upper()
        if frequency in ("SECONDLY", "MINUTELY"):
            return True
        if math.prod(len(rule.get(part) or [1]) for part in ("BYHOUR", "BYMINUTE", "BYSECOND")) > 24:
            return True
        start = event["DTSTART"].dt
        if frequency == "HOURLY" and (b.date() - date(start.year, start.month, start.day)).days * 24 > _HOURS:
            return True
    return False


def _homeless(event: Any) -> str:
    """Return a zone that the event names and nobody knows, else nothing."""
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        value = event.get(name)
        at = getattr(value, "dt", None)
        if isinstance(at, datetime) and at.tzinfo is None and value.params.get("TZID"):
            return str(value.params["TZID"])
    return ""


def _expanded(series: Sequence[Any], zone: ZoneInfo, a: datetime, b: datetime) -> Found:
    title = _title(series[0])
    try:
        for event in series:
            if unknown := _homeless(event):
                return [], [f"{title}: the time zone {unknown[:80]} is not known."]
            if _too_frequent(event, b):
                return [], [f"{title}: it repeats more than once an hour, or hourly for too long."]
        if len(series) == 1 and not any(k in series[0] for k in ("RRULE", "RDATE", "RECURRENCE-ID")):
            occurrences: Sequence[Any] = series
        else:
            holder = icalendar.Calendar()
            for event in series:
                holder.add_component(event)
            query = recurring_ical_events.of(holder, components=["VEVENT"])
            occurrences = query.between(a - 2 * _DAY, b + 2 * _DAY)
        exact = next((e["DURATION"].dt for e in series if "DURATION" in e and "DTEND" not in e), None)
        return _kept(occurrences, zone, a, b, exact)
    except _UNREADABLE as error:
        return [], [f"{title}: it cannot be read ({type(error).__name__}: {str(error)[:120]})."]


def _instant(at: date, zone: ZoneInfo) -> datetime:
    """Return a day or a time as an instant; one without a zone is in `zone` (RFC 5545 3.3.5 for the rest)."""
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001 - a floating day
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _end(event: Any, exact: timedelta | None) -> date:
    """Return where an occurrence ends; the hours of a DURATION are exact, its days nominal (3.3.6)."""
    start = event["DTSTART"].dt
    if "DTEND" in event:
        end: date = event["DTEND"].dt
    elif "DURATION" in event:
        end = start + event["DURATION"].dt
    else:
        end = start if isinstance(start, datetime) else start + _DAY
    if exact is None or not isinstance(start, datetime) or not isinstance(end, datetime):
        return end
    if start.tzinfo is None or end - start != exact:
        return end
    return (start + timedelta(days=exact.days)).astimezone(UTC) + timedelta(seconds=exact.seconds)


def _emails(event: Any) -> tuple[str, ...]:
    value = event.get("ATTENDEE", [])
    people = value if isinstance(value, list) else [value]
    return tuple(str(p).strip()[7:] for p in people if str(p).strip().lower().startswith("mailto:"))


def _kept(
    occurrences: Sequence[Any], zone: ZoneInfo, a: datetime, b: datetime, exact: timedelta | None
) -> Found:
    found, notes = [], []
    for event in occurrences:
        if str(event.get("STATUS", "")).strip().upper() == "CANCELLED":
            continue
        start, end = _instant(event["DTSTART"].dt, zone), _instant(_end(event, exact), zone)
        if end <= start:
            notes.append(f"{_title(event)}: it has no length.")
        elif start < b and end > a:
            free = str(event.get("TRANSP", "")).strip().upper() == "TRANSPARENT"
            found.append(Event(start, end, _title(event), _emails(event), free))
    return found, list(dict.fromkeys(notes))
