"""When updates are due for each audience, how far a promise may go, and its reminders (spec 4.2); pure."""

from datetime import datetime, timedelta

from firebell.kit.drill_clock import DrillClock, drill_time, real_time
from firebell.response.model import Audience, How, ResponseFacts, ResponseStep

PROMISE_FACTOR = 2
"""A promise may double the interval at most."""
REMINDER_SHARES = (80, 100)
"""The percentages of the time at which an update is reminded of."""


def due(
    last: datetime,
    interval: timedelta | None,
    promised_until: datetime | None,
    *,
    is_monitoring: bool,
    clock: DrillClock | None = None,
) -> datetime | None:
    """Return when the next update is due, None for never; a promise holds if it is later and within the limit.

    With the clock of a drill, the interval is drill time, and nothing is due while it stands still.
    """
    if interval is None:
        return None
    if is_monitoring:
        interval *= 2
    last, promised_until = drill_time(clock, last), promised_until and drill_time(clock, promised_until)
    due_at = last + interval
    if promised_until is not None and promised_until > last:
        due_at = max(due_at, min(promised_until, last + interval * PROMISE_FACTOR))
    return real_time(clock, due_at)


def longest_promise(last: datetime, interval: timedelta, *, is_monitoring: bool) -> datetime:
    """Return the latest time that the author of an update may promise for the next one."""
    return last + interval * PROMISE_FACTOR * (2 if is_monitoring else 1)


def reminders(facts: ResponseFacts) -> list[ResponseStep]:
    """Return the reminders of both audiences at 80% and at 100% of the time."""
    listed = []
    for audience, last, due_at in (
        (Audience.INTERNAL, facts.update_from, facts.update_due),
        (Audience.CUSTOMERS, facts.customers_from, facts.customers_due),
    ):
        if last is None or due_at is None:
            continue
        for share in REMINDER_SHARES:
            name = "Customer update" if audience is Audience.CUSTOMERS else "Update"
            state = "is due" if share == 100 else "is due soon"
            listed.append(
                ResponseStep(
                    key=f"update:{audience}:{due_at.isoformat()}:{share}",
                    at=last + (due_at - last) * share / 100,
                    how=How.REMIND,
                    who=audience,
                    code="update",
                    text=f"{name} {state}",
                )
            )
    return listed
