"""Parses untrusted iCalendar files into occurrences ([spec 1.6](docs/spec/1-oncall.md)) (pure)."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from icalendar.timezone import tzp
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from firebell.kit.errors import Invalid
from firebell.kit.localtime import zone_names
from firebell.oncall.calendars.attendance import attendance
from firebell.oncall.calendars.impossible_rules import never_occurs
from firebell.oncall.calendars.model import MAX_CALENDAR_BYTES, CalendarEvent
from firebell.oncall.calendars.recurrence_cost import (
    StepBudget,
    TooCostlyError,
    frequency_of,
    interval_of,
    steps_between,
    times_a_day,
)
from firebell.oncall.calendars.recurrence_exceptions import UNREADABLE, align
from firebell.oncall.calendars.recurring_events import Series, latest_changes, series_of

MAX_COMPONENTS = 10_000
MAX_OCCURRENCES = 5_000
"""The most occurrences that a calendar can have within the horizon."""
_MAX_HOURLY_RULE_HOURS = 100_000
"""The longest time since the start of an hourly rule, in hours: eleven years."""
_MAX_NOTES = 20
_DAY = timedelta(days=1)

_DURATION = re.compile(
    r"^DURATION(?:;[^:\r\n]*)?:[+-]?P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T[0-9HMS]+)?[ \t\r]*$", re.I | re.M
)
_NOMINAL = "X-FIREBELL-NOMINAL-DAYS"
"""Beside each DURATION: how many of its days are days; a parsed one does not tell P1D from PT24H."""

ReadEvents = tuple[list[CalendarEvent], list[str]]


def decoded(data: bytes) -> str:
    """Decode a calendar as UTF-8, as UTF-16 if it has a byte order mark, else as Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read(data: bytes, tz: str, a: datetime, b: datetime, *, freebusy: bool = False) -> ReadEvents:
    """Return the occurrences that touch `[a, b)`, ordered by start, and notes on what was skipped and why.

    With `freebusy`, include the busy times of VFREEBUSY components. `tz` is the time zone of times without one,
    unless the calendar has its own. Raise `Invalid` if it is not a calendar, or too large.
    """
    if len(data) > MAX_CALENDAR_BYTES:
        raise Invalid("The calendar is larger than 5 MB.")
    text = decoded(data).replace("\x00", "")
    begun = len(re.findall(r"^BEGIN:", text, re.I | re.M))
    if begun > MAX_COMPONENTS:
        raise Invalid(f"The calendar has {begun} components; the limit is {MAX_COMPONENTS}.")
    if not re.match(r"\s*BEGIN:VCALENDAR\s*$", text, re.I | re.M):
        raise Invalid("This is not an iCalendar file: it does not start with BEGIN:VCALENDAR.")
    if not re.search(r"^END:VCALENDAR\s*\Z", text, re.I | re.M):
        raise Invalid("The calendar is incomplete: it does not end with END:VCALENDAR.")
    tzp.use_zoneinfo()  # forget the VTIMEZONEs of earlier calendars
    try:
        calendars = icalendar.Calendar.from_ical(_DURATION.sub(_with_days, text), multiple=True)
    except UNREADABLE as error:
        raise Invalid(f"The calendar cannot be read: {str(error)[:200]}.") from error
    events: list[CalendarEvent] = []
    notes: list[str] = []
    budget = StepBudget()
    for calendar in calendars:
        zone = ZoneInfo(_zone_of(calendar) or tz)
        for series in series_of(calendar):
            series_events, series_notes = _expanded(series, zone, a, b, budget)
            events += series_events
            notes += series_notes
            if len(events) > MAX_OCCURRENCES:
                raise Invalid(f"The calendar has more than {MAX_OCCURRENCES} events in the next six months.")
        if freebusy:
            events += _busy_periods(calendar, zone, a, b)
    more = [f"{len(notes) - _MAX_NOTES} more were skipped."] if len(notes) > _MAX_NOTES else []
    return sorted(events, key=lambda e: (e.start, e.end, e.title)), notes[:_MAX_NOTES] + more


def _busy_periods(calendar: Any, zone: ZoneInfo, a: datetime, b: datetime) -> list[CalendarEvent]:
    """Return the times in `[a, b)` that the VFREEBUSY components of a calendar state as busy."""
    periods: list[CalendarEvent] = []
    for component in calendar.walk("VFREEBUSY"):
        value = component.get("FREEBUSY", [])
        for period in value if isinstance(value, list) else [value]:
            kind = str(period.params.get("FBTYPE", "BUSY")).upper()
            start, end = _instant(period.start, zone), _instant(period.end, zone)
            if kind != "FREE" and start < end and start < b and end > a:
                periods.append(CalendarEvent(start, end, "Busy"))
    return periods


def _with_days(match: re.Match[str]) -> str:
    return f"{match[0].rstrip()}\r\n{_NOMINAL}:{int(match[1] or 0) * 7 + int(match[2] or 0)}"


def _zone_of(calendar: Any) -> str:
    name = str(calendar.get("X-WR-TIMEZONE", "")).strip()
    name = WINDOWS_TO_OLSON.get(name, name)
    return name if name in zone_names() else ""


def _title(event: Any) -> str:
    return " ".join(str(event.get("SUMMARY", "")).split())[:200] or "no title"


def _rules(event: Any) -> list[Any]:
    rule = event.get("RRULE")
    if rule is None:
        return []
    return rule if isinstance(rule, list) else [rule]


def _too_frequent(event: Any, b: datetime) -> bool:
    """Return True if a rule repeats more than once an hour, or has repeated hourly for too long."""
    for rule in _rules(event):
        frequency = frequency_of(rule)
        if interval_of(rule) < 1:
            raise ValueError("its INTERVAL is less than 1")
        if frequency in ("SECONDLY", "MINUTELY"):
            return True
        if times_a_day(rule) > 24:
            return True
        start = event["DTSTART"].dt
        if (
            frequency == "HOURLY"
            and (b.date() - date(start.year, start.month, start.day)).days * 24 > _MAX_HOURLY_RULE_HOURS
        ):
            return True
    return False


def _drop_impossible_rules(event: Any, b: datetime, budget: StepBudget) -> bool:
    """Remove the rules of an event that never occur; return True if there is one.

    Raise `TooCostlyError` if it takes too long to find out whether a rule occurs.
    """
    rules, start = _rules(event), event["DTSTART"].dt
    possible = [rule for rule in rules if not never_occurs(rule, start, b, budget)]
    if len(possible) == len(rules):
        return False
    del event["RRULE"]
    if possible:
        event["RRULE"] = possible
    return True


def _charge(event: Any, b: datetime, budget: StepBudget) -> None:
    """Spend the steps that the rules of an event take; raise `TooCostlyError` if not that many are left."""
    for rule in _rules(event):
        steps = steps_between(rule, event["DTSTART"].dt, b)
        budget.require(steps)
        budget.spend(steps)


def _unknown_zone(event: Any) -> str:
    """Return an unknown time zone that the event names, else ""."""
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID"):
        value = event.get(name)
        at = getattr(value, "dt", None)
        if isinstance(at, datetime) and at.tzinfo is None and value.params.get("TZID"):
            return str(value.params["TZID"])
    return ""


def _include_last_day(event: Any) -> None:
    """Let an UNTIL that is a day include that day if the event has times."""
    start = event["DTSTART"].dt
    for rule in _rules(event):
        last = (rule.get("UNTIL") or [None])[0]
        if isinstance(start, datetime) and isinstance(last, date) and not isinstance(last, datetime):
            end = datetime.combine(last, time(23, 59, 59), tzinfo=start.tzinfo)
            rule["UNTIL"] = [end.astimezone(UTC) if start.tzinfo else end]


def _expanded(series: Series, zone: ZoneInfo, a: datetime, b: datetime, budget: StepBudget) -> ReadEvents:
    title = _title(series.events[0])
    notes: list[str] = []
    try:
        for event in series.events:
            if unknown := _unknown_zone(event):
                return [], [f"{title}: the time zone {unknown[:80]} is unknown."]
            if _too_frequent(event, b):
                return [], [f"{title}: it repeats more than once an hour, or hourly for too long."]
            _include_last_day(event)
            if _drop_impossible_rules(event, b, budget):
                notes.append(f"{title}: no date matches its recurrence rule, so only its first date counts.")
            _charge(event, b, budget)
        if series.master is not None:
            notes += [f"{title}: {note}" for note in align(series.master, series.changes, zone)]
        if series.shares_uid:
            notes.append(f"{title}: its UID is used by other events too; all of them count.")
        events = [*([] if series.master is None else [series.master]), *latest_changes(series.changes)]
        if len(events) == 1 and not any(k in events[0] for k in ("RRULE", "RDATE", "RECURRENCE-ID")):
            occurrences: Sequence[Any] = events
        else:
            holder = icalendar.Calendar()
            for event in events:
                holder.add_component(event)
            query = recurring_ical_events.of(holder, components=["VEVENT"])
            occurrences = query.between(a - 2 * _DAY, b + 2 * _DAY)
        kept, kept_notes = _kept(occurrences, zone, a, b)
        return kept, notes + kept_notes
    except TooCostlyError as error:
        return [], [f"{title}: {error}, so the event was skipped."]
    except UNREADABLE as error:
        return [], [f"{title}: cannot be read ({type(error).__name__}: {str(error)[:120]})."]


def _instant(at: date, zone: ZoneInfo) -> datetime:
    """Return a day or a time as an instant; one without a zone is in `zone`.

    A time that the clocks skip takes the offset from before (RFC 5545 3.3.5), in a calendar's own VTIMEZONE too.
    """
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001 - a floating day
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    instant = at.astimezone(UTC)
    before = (at - _DAY).utcoffset()
    if before is not None and instant.astimezone(at.tzinfo).replace(tzinfo=None) != at.replace(tzinfo=None):
        return at.replace(tzinfo=UTC) - before
    return instant


def _span(event: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when an occurrence starts and ends.

    The end is on the wall clock like the start, so that turns that abut go on doing so when clocks change. The
    hours of a DURATION are exact, its days are not (3.3.6). What a change of clocks would squeeze to nothing
    keeps its length.
    """
    first = event["DTSTART"].dt
    if "DTEND" in event:
        last = event["DTEND"].dt
    elif "DURATION" in event:
        last = first + event["DURATION"].dt
    else:
        last = first
    if last == first and not isinstance(first, datetime):
        # an all-day event that ends on its own day, as some calendars write it, lasts that day
        last = first + _DAY
    start, end = _instant(first, zone), _instant(last, zone)
    if isinstance(first, datetime) and isinstance(last, datetime) and first.tzinfo is last.tzinfo:
        length = last - first
        if _NOMINAL in event:
            nominal = timedelta(days=int(event[_NOMINAL]))
            return start, _instant(first + nominal, zone) + (length - nominal)
        if end <= start:
            return start, start + max(length, timedelta())
    return start, end


def _kept(occurrences: Sequence[Any], zone: ZoneInfo, a: datetime, b: datetime) -> ReadEvents:
    events, notes = [], []
    for event in occurrences:
        if str(event.get("STATUS", "")).strip().upper() == "CANCELLED":
            continue
        start, end = _span(event, zone)
        if end <= start:
            notes.append(f"{_title(event)}: it has no length.")
        elif start < b and end > a:
            free = str(event.get("TRANSP", "")).strip().upper() == "TRANSPARENT"
            attending = attendance(event)
            events.append(
                CalendarEvent(start, end, _title(event), attending.coming, free, attending.declined)
            )
    return events, list(dict.fromkeys(notes))
