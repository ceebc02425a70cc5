"""When nothing more is sent to an address, and when a broadcast is paused because many mails bounce (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.subscribers.deliveries.smtp_replies import Failure

BOUNCE_WINDOW = timedelta(days=7)
REFUSALS_PER_WINDOW = 2
TEMPORARY_FAILURES = 5
STOP_WITHIN, STOP_SHARE = 500, 0.05
"""A broadcast is paused when 5% of its first 500 mails bounce."""
COMPLAINT_SHARE, LEAST_COMPLAINTS = 0.003, 2


@dataclass(frozen=True, slots=True)
class FailedMail:
    """A mail that ended without arriving."""

    at: datetime
    failure: Failure


def is_dead(failures: Sequence[FailedMail], now: datetime) -> bool:
    """Return True if nothing more is sent to an address, by its failures since it last accepted a mail, oldest first.

    An address that does not exist is dead at once. So is one that refused two mails in 7 days, and one that five
    mails over at least 7 days could not reach.
    """
    if any(each.failure is Failure.ADDRESS for each in failures):
        return True
    refused = [f for f in failures if f.failure is Failure.REFUSED and now - f.at <= BOUNCE_WINDOW]
    if len(refused) >= REFUSALS_PER_WINDOW:
        return True
    temporary = [f for f in failures if f.failure is Failure.TEMPORARY]
    return len(temporary) >= TEMPORARY_FAILURES and now - temporary[0].at >= BOUNCE_WINDOW


def is_among_first(turn: int) -> bool:
    """Return True if a bounce of a mail with this place in its broadcast, from 0, can pause the broadcast."""
    return turn < STOP_WITHIN


def stops_the_line(hard_bounces: int) -> bool:
    """Return True if a broadcast is paused: 5% of its first 500 mails went to addresses that do not exist."""
    return hard_bounces >= STOP_WITHIN * STOP_SHARE


def is_unwanted(finished: int, complaints: int) -> bool:
    """Return True if a broadcast is paused: more than 0.3% of its recipients, and at least two, call it spam."""
    return complaints >= LEAST_COMPLAINTS and complaints > finished * COMPLAINT_SHARE
