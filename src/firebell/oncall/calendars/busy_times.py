"""When imported calendars say that a person is busy, and what that means for their shifts (pure)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from firebell.kit.intervals import overlap
from firebell.oncall.calendars.model import (
    BusyConflict,
    CalendarEvent,
    ImportedShift,
    KnownPerson,
)
from firebell.oncall.calendars.person_matching import plain
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.shifts import between


def busy_events(events: Sequence[CalendarEvent], person: KnownPerson | None) -> list[CalendarEvent]:
    """Return the events that make a person busy: neither marked as free nor declined by them."""
    email = plain(person.email) if person else ""
    return [e for e in events if not e.free and email not in map(plain, e.declined)]


def conflicts(
    schedules: Sequence[Schedule], busy: Sequence[ImportedShift], a: datetime, b: datetime
) -> list[BusyConflict]:
    """Return when people are on call while busy (S-BUSY); each busy time names one person."""
    busy_by_user: dict[User, list[ImportedShift]] = defaultdict(list)
    for shift in busy:
        busy_by_user[shift.users[0]].append(shift)
    clashes = []
    for schedule in schedules if busy else ():
        for run in between(schedule, a, b):
            clashes += [
                BusyConflict(shift.users[0], schedule.slug, *both, shift.title)
                for user in run.users
                for shift in busy_by_user.get(user, ())
                if (both := overlap((run.start, run.end), (shift.start, shift.end)))
            ]
    return sorted(clashes, key=lambda c: (c.start, c.person_id, c.schedule))
