"""When the author of a post-mortem is reminded (pure, spec 11.7)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from firebell.kit.business_days import BusinessDays, from_day_on, is_business_day
from firebell.kit.localtime import to_instant, to_local
from firebell.postmortems.deadlines import share_at

_SHARES = (("24h", 24), ("36h", 36), ("44h", 44), ("due", 48))
"""The mark of each reminder and its hour of 48; other due times stretch them."""
ANY_TIME = frozenset({"44h", "due"})
"""Reminders that do not wait for working hours, and that quiet hours do not hold."""
DAYS_AFTER = 5
"""Daily reminders after the due time; for a SEV0 or SEV1 the last one comes on day 7."""
WORK_BEGINS, WORK_ENDS = 9, 17
"""The hours of the day between which people work, from Monday to Friday."""


@dataclass(frozen=True, slots=True)
class PostmortemReminder:
    """A reminder: its mark, when it is due, and whether it also goes to the managers of the author."""

    mark: str
    at: datetime
    to_managers: bool
    is_urgent: bool = False
    """True if it does not wait for working hours."""


def reminders(
    began_at: datetime, due_at: datetime, *, may_be_urgent: bool = True
) -> list[PostmortemReminder]:
    """Return all reminders of a post-mortem in order, from the closing of its incident to its due time and after."""
    before = [
        PostmortemReminder(
            mark, share_at(began_at, due_at, hours), mark == "due", may_be_urgent and mark in ANY_TIME
        )
        for mark, hours in _SHARES
    ]
    after = [
        PostmortemReminder(f"day+{day}", due_at + timedelta(days=day), True)
        for day in range(1, DAYS_AFTER + 1)
    ]
    return before + after


def working_instant(at: datetime, tz: str) -> datetime:
    """Return an instant, moved to the next working hours of a time zone if it is outside of them."""
    wall = to_local(at, tz)
    if is_business_day(BusinessDays(), wall.date()) and WORK_BEGINS <= wall.hour < WORK_ENDS:
        return at
    day = wall.date() + timedelta(days=int(wall.hour >= WORK_ENDS))
    return to_instant(datetime.combine(from_day_on(BusinessDays(), day), time(WORK_BEGINS)), tz)


def plan(
    listed: list[PostmortemReminder], sent: Collection[str], now: datetime, tz: str
) -> tuple[list[PostmortemReminder], datetime | None]:
    """Return the reminders to send now, and when to look again; None after the last one.

    `tz` is the time zone of the author. A reminder that waits for working hours is dropped if the next one comes first.
    """
    waiting = [(one, _sent_at(one, tz)) for one in listed if one.mark not in sent]
    ready = [one for one, at in waiting if at <= now or (one.at <= now and _is_followed(one, listed, now))]
    later = [at for one, at in waiting if one not in ready]
    return ready, min(later, default=None)


def _sent_at(reminder: PostmortemReminder, tz: str) -> datetime:
    return reminder.at if reminder.is_urgent else working_instant(reminder.at, tz)


def _is_followed(reminder: PostmortemReminder, listed: list[PostmortemReminder], now: datetime) -> bool:
    """Return True if a later reminder that waits for nothing is due too."""
    return any(one.at > reminder.at and one.is_urgent and one.at <= now for one in listed)
