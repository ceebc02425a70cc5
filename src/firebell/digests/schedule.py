"""When a digest is sent: on Monday at 09:00 in the time zone of its reader (pure, spec 11.11)."""

import re
from datetime import date, datetime, time, timedelta

from firebell.digests.model import Week
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_local

HOUR = 9
LATE_AT_MOST = timedelta(hours=24)
"""A digest that could not be sent for longer, because Firebell did not run, is left out."""
_WEEK = re.compile(r"(20[0-9]{2})-?W([0-9]{2})")


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def last_week(now: datetime, zone: str) -> Week:
    """Return the last week that is over."""
    return Week(_monday(to_local(now, zone).date()) - timedelta(days=7), zone)


def sent_at(week: Week) -> datetime:
    """Return when the digest of a week is sent."""
    return to_instant(datetime.combine(week.monday + timedelta(days=7), time(HOUR)), week.zone)


def due_week(now: datetime, zone: str) -> Week | None:
    """Return the week whose digest is to be sent now, None at any other time."""
    week = last_week(now, zone)
    return week if sent_at(week) <= now < sent_at(week) + LATE_AT_MOST else None


def next_at(now: datetime, zone: str) -> datetime:
    """Return the first instant after `now` at which a digest is sent."""
    week = last_week(now, zone)
    at = sent_at(week)
    return at if at > now else sent_at(Week(week.monday + timedelta(days=7), zone))


def parse_week(text: str, now: datetime, zone: str) -> Week:
    """Return the week of an ISO name, the last one for an empty text; raise `Invalid` unless it has begun."""
    if not text:
        return last_week(now, zone)
    match = _WEEK.fullmatch(text.strip().upper())
    try:
        week = Week(date.fromisocalendar(int(match[1]), int(match[2]), 1), zone) if match else None
    except ValueError:
        week = None
    if week is None:
        raise Invalid(f"“{text[:20]}” is not a week.", fields={"week": "Enter a week such as 2026-W48."})
    if week.start > now:
        raise Invalid("The week has not begun yet.", fields={"week": "Enter this week or an earlier one."})
    return week
