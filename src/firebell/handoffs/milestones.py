"""When something is to be told or drafted about the shifts of a schedule (pure)."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from firebell.handoffs.model import Change
from firebell.kit.localtime import to_local
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.fairness import shifts_of
from firebell.oncall.rota.shifts import at, between

BEFORE = timedelta(hours=24)
"""How long before a shift its person is told, unless the organization chose otherwise."""
DRAFTED = timedelta(hours=4)
"""How long before a handoff its document is drafted."""
LOOK = timedelta(days=14)
"""How far ahead the end of a shift is looked for."""
SHIFT = timedelta(days=35)
"""How far back the beginning of a shift is looked for."""
_BACK = timedelta(days=2)


class Kind(StrEnum):
    """What happens at a mark."""

    BEFORE = "before"
    START = "start"
    END = "end"
    DRAFT = "draft"
    REDRAFT = "redraft"


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something to do at an instant: about one person's shift `[start, end)`, or about a document.

    `end` is None for a shift that does not end within two weeks.
    """

    at: datetime
    kind: Kind
    user: User | None = None
    start: datetime | None = None
    end: datetime | None = None
    change: Change | None = None


def milestones(schedule: Schedule, a: datetime, b: datetime, before: timedelta = BEFORE) -> list[Milestone]:
    """Return what is to be done in `(a, b]`, in order; marks of abutting stretches are those of the whole.

    A shift is told `before` it begins.
    """
    low, high = a - _BACK, b + before + LOOK
    found = []
    for user, stretches in shifts_of(schedule, low, high).items():
        for start, end in stretches:
            known = end if end < high else None
            if start > low:
                found += [
                    Milestone(start - before, Kind.BEFORE, user, start, known),
                    Milestone(start, Kind.START, user, start, known),
                ]
            if known:
                found.append(Milestone(known, Kind.END, user, start, known))
    for change in changes(schedule, a - DRAFTED, b + DRAFTED + timedelta(seconds=1)):
        found += [
            Milestone(change.at - DRAFTED, Kind.DRAFT, change=change),
            Milestone(change.at, Kind.REDRAFT, change=change),
        ]
    return sorted(
        (m for m in found if a < m.at <= b), key=lambda m: (m.at, m.kind != Kind.END, m.kind, str(m.user))
    )


def due_now(
    schedule: Schedule, told: datetime | None, now: datetime, before: timedelta = BEFORE
) -> list[Milestone]:
    """Return what is to be done now, all having been done up to `told` (None: the schedule is new).

    Nothing is told of the past: no coming shift that has begun, no beginning of one that is over, no end
    that was hours ago. Of a new schedule only coming shifts are told.
    """
    since = now - max(before, BEFORE)
    since = since if told is None else max(told, since)
    found = []
    for mark in milestones(schedule, since, now, before):
        match mark.kind:
            case Kind.BEFORE:
                fresh = mark.start is not None and mark.start > now
            case Kind.START:
                fresh = told is not None and mark.user in at(schedule, now)
            case Kind.END:
                fresh = told is not None and now - mark.at <= DRAFTED
            case Kind.DRAFT | Kind.REDRAFT:
                fresh = told is not None or (mark.change is not None and mark.change.at > now)
        if fresh:
            found.append(mark)
    return found


def next_milestone(
    schedule: Schedule, now: datetime, horizon: timedelta, before: timedelta = BEFORE
) -> datetime:
    """Return when there is something to do next; at the latest after `horizon`."""
    found = milestones(schedule, now, now + horizon, before)
    return found[0].at if found else now + horizon


def changes(schedule: Schedule, a: datetime, b: datetime) -> list[Change]:
    """Return the changes of shift in `[a, b)` for which a document is due, at most one a day.

    The rotation alone counts: somebody who covers an evening of a week does not begin a new one.
    """
    plain = replace(schedule, edits=()) if schedule.layers else schedule
    low = a - timedelta(days=1)
    found: dict[date, Change] = {}
    for before, after in pairwise(between(plain, low - SHIFT, b)):
        day = to_local(after.start, schedule.tz).date()
        if after.start > low and day not in found:
            found[day] = Change(day, max(before.start, after.start - SHIFT), after.start)
    return [c for c in found.values() if a <= c.at < b]


def people_of(schedule: Schedule, when: datetime) -> tuple[tuple[User, ...], tuple[User, ...]]:
    """Return who leaves and who enters at a handoff."""
    return at(schedule, when - timedelta(seconds=1)), at(schedule, when)
