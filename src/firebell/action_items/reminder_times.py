"""When an item reminds its owner, and when it is escalated (pure; spec 11.9)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from firebell.action_items.model import ActionItem
from firebell.action_items.working_days import WorkingDays, add_working_days, local_day, morning

BEFORE_DAYS = (7, 1, 0)
WEEKLY_DAYS = 7
LEAD_AFTER_DAYS = 3
MANAGER_AFTER_DAYS = 14
ANSWER_WORKING_DAYS = 3
"""Working days in which a proposed owner accepts or passes the item on, before the team lead is notified."""
LATEST_WEEK = 520
"""Number of weeks for which an item that no one touches reminds at most."""


class ReminderKind(StrEnum):
    """Who a reminder is for, and why."""

    OWNER = "owner"
    LEAD = "lead"
    MANAGER = "manager"
    UNANSWERED = "unanswered"
    """For the team lead: the proposed owner neither accepts nor passes the item on."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder of an item, at an instant."""

    at: datetime
    kind: ReminderKind
    days_overdue: int
    """Number of days after the due day, negative before it."""


def _all(item: ActionItem, working: WorkingDays, tz: str) -> Iterator[Reminder]:
    def on(offset: int, kind: ReminderKind) -> Reminder:
        return Reminder(morning(item.due + timedelta(days=offset), tz), kind, offset)

    yield from (on(-days, ReminderKind.OWNER) for days in BEFORE_DAYS)
    yield on(LEAD_AFTER_DAYS + 1, ReminderKind.LEAD)
    yield on(MANAGER_AFTER_DAYS + 1, ReminderKind.MANAGER)
    yield from (on(WEEKLY_DAYS * week, ReminderKind.OWNER) for week in range(1, LATEST_WEEK))
    if item.owner_id is not None and not item.is_accepted and item.proposed_at is not None:
        day = add_working_days(working, local_day(item.proposed_at, tz), ANSWER_WORKING_DAYS)
        yield Reminder(morning(day, tz), ReminderKind.UNANSWERED, (day - item.due).days)


def due_reminders(item: ActionItem, working: WorkingDays, tz: str, now: datetime) -> list[Reminder]:
    """Return the reminders that are due and were not sent, the last one of each kind, in their order.

    After a long time without a worker, an item sends one reminder of each kind and not one for each week.
    """
    if not item.is_unfinished:
        return []
    last: dict[ReminderKind, Reminder] = {}
    for reminder in _all(item, working, tz):
        if item.reminded_until < reminder.at <= now and (
            reminder.kind not in last or last[reminder.kind].at < reminder.at
        ):
            last[reminder.kind] = reminder
    return sorted(last.values(), key=lambda one: (one.at, one.kind))


def next_at(item: ActionItem, working: WorkingDays, tz: str, now: datetime) -> datetime | None:
    """Return when an item reminds next, None if it does not."""
    if not item.is_unfinished:
        return None
    return min((r.at for r in _all(item, working, tz) if r.at > now), default=None)


def is_unanswered(item: ActionItem, working: WorkingDays, today: date) -> bool:
    """Return True if the proposed owner has not answered within three working days."""
    if not item.is_unfinished or item.is_accepted or item.owner_id is None or item.proposed_at is None:
        return False
    return today >= add_working_days(working, item.proposed_at.date(), ANSWER_WORKING_DAYS)
