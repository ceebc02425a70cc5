"""When shifts of a schedule are announced and documents drafted (pure)."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from firebell.handoffs.model import ShiftChange
from firebell.kit.localtime import to_local
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.shifts import at, between, intervals_by_user

DEFAULT_NOTICE_LEAD = timedelta(hours=24)
"""How long before a shift its person is reminded, unless the organization chose otherwise."""
DRAFT_LEAD = timedelta(hours=4)
"""How long before a handoff its document is drafted."""
SHIFT_END_LOOKAHEAD = timedelta(days=14)
"""How far ahead the end of a shift is searched for."""
SHIFT_LOOKBACK = timedelta(days=35)
"""How far back the start of a shift is searched for."""
_MILESTONE_LOOKBACK = timedelta(days=2)


class MilestoneKind(StrEnum):
    """What is due at a milestone."""

    BEFORE = "before"
    START = "start"
    END = "end"
    DRAFT = "draft"
    REDRAFT = "redraft"


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something due at an instant: about one person's shift `[start, end)`, or about a document.

    `end` is None if the shift does not end within two weeks.
    """

    at: datetime
    kind: MilestoneKind
    user: User | None = None
    start: datetime | None = None
    end: datetime | None = None
    change: ShiftChange | None = None


def milestones(
    schedule: Schedule, a: datetime, b: datetime, before: timedelta = DEFAULT_NOTICE_LEAD
) -> list[Milestone]:
    """Return the milestones in `(a, b]`, in order; abutting shifts of one person count as one.

    A reminder is due `before` the shift starts.
    """
    low, high = a - _MILESTONE_LOOKBACK, b + before + SHIFT_END_LOOKAHEAD
    candidates = []
    for user, shifts in intervals_by_user(schedule, low, high).items():
        for start, end in shifts:
            known_end = end if end < high else None
            if start > low:
                candidates += [
                    Milestone(start - before, MilestoneKind.BEFORE, user, start, known_end),
                    Milestone(start, MilestoneKind.START, user, start, known_end),
                ]
            if known_end:
                candidates.append(Milestone(known_end, MilestoneKind.END, user, start, known_end))
    for change in changes(schedule, a - DRAFT_LEAD, b + DRAFT_LEAD + timedelta(seconds=1)):
        candidates += [
            Milestone(change.at - DRAFT_LEAD, MilestoneKind.DRAFT, change=change),
            Milestone(change.at, MilestoneKind.REDRAFT, change=change),
        ]
    return sorted(
        (m for m in candidates if a < m.at <= b),
        key=lambda m: (m.at, m.kind != MilestoneKind.END, m.kind, m.user or 0),
    )


def due_now(
    schedule: Schedule,
    announced_until: datetime | None,
    now: datetime,
    before: timedelta = DEFAULT_NOTICE_LEAD,
) -> list[Milestone]:
    """Return the milestones due now that were not announced by `announced_until` (None for a new schedule).

    Nothing is announced about the past: no reminder of a shift that has begun, no start of one that is over,
    no end that was hours ago. Of a new schedule only coming shifts are announced.
    """
    since = now - max(before, DEFAULT_NOTICE_LEAD)
    since = since if announced_until is None else max(announced_until, since)
    due = []
    for milestone in milestones(schedule, since, now, before):
        match milestone.kind:
            case MilestoneKind.BEFORE:
                fresh = milestone.start is not None and milestone.start > now
            case MilestoneKind.START:
                fresh = announced_until is not None and milestone.user in at(schedule, now)
            case MilestoneKind.END:
                fresh = announced_until is not None and now - milestone.at <= DRAFT_LEAD
            case MilestoneKind.DRAFT | MilestoneKind.REDRAFT:
                fresh = announced_until is not None or (
                    milestone.change is not None and milestone.change.at > now
                )
        if fresh:
            due.append(milestone)
    return due


def next_milestone(
    schedule: Schedule, now: datetime, horizon: timedelta, before: timedelta = DEFAULT_NOTICE_LEAD
) -> datetime:
    """Return when something is due next, at the latest after `horizon`."""
    upcoming = milestones(schedule, now, now + horizon, before)
    return upcoming[0].at if upcoming else now + horizon


def changes(schedule: Schedule, a: datetime, b: datetime) -> list[ShiftChange]:
    """Return the shift changes in `[a, b)` for which a document is due, at most one a day.

    Only the rotation counts: covering an evening of a week does not begin a new shift. The first shift of a new
    schedule takes over from no one.
    """
    rotation = replace(schedule, overrides=()) if schedule.layers else schedule
    low = a - timedelta(days=1)
    begun = low if schedule.created_at is None else max(low, schedule.created_at)
    by_day: dict[date, ShiftChange] = {}
    for before, after in pairwise(between(rotation, low - SHIFT_LOOKBACK, b)):
        day = to_local(after.start, schedule.tz).date()
        if after.start > begun and day not in by_day:
            by_day[day] = ShiftChange(day, max(before.start, after.start - SHIFT_LOOKBACK), after.start)
    return [change for change in by_day.values() if a <= change.at < b]


def people_of(schedule: Schedule, when: datetime) -> tuple[tuple[User, ...], tuple[User, ...]]:
    """Return the outgoing and the incoming people of a handoff."""
    return at(schedule, when - timedelta(seconds=1)), at(schedule, when)
