"""What an answer of a mail server or a webhook means, when it is tried again, and when a line is stopped (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MAIL_RETRIES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 240))
HOOK_RETRIES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
)
"""The waits of spec 7.11; each is changed at random by up to 10%."""
JITTER = 0.1
BOUNCE_WINDOW = timedelta(days=7)
REFUSALS_PER_WINDOW = 2
TEMPORARY_FAILURES = 5
STOP_WITHIN, STOP_SHARE = 500, 0.05
"""A broadcast is paused when 5% of its first 500 mails bounce."""
COMPLAINT_SHARE, LEAST_COMPLAINTS = 0.003, 2
LONGEST_RETRY_AFTER_S = 24 * 3600.0
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


class Failure(StrEnum):
    """Why a mail did not arrive: the address does not exist, the server refused it, or it failed for now."""

    ADDRESS = "address"
    REFUSED = "refused"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """An answer of a mail server; `is_about_relay` if it came before the recipient was named."""

    code: int
    text: str
    is_about_relay: bool = False

    @property
    def is_accepted(self) -> bool:
        """True if the server takes care of the mail from now on."""
        return 200 <= self.code < 300

    @property
    def slows_down(self) -> bool:
        """True if the server asks to be sent less: 421, 450 to 459."""
        return self.code == 421 or 450 <= self.code < 460

    @property
    def failure(self) -> Failure | None:
        """Why the mail was not accepted, None if it was."""
        if self.is_accepted:
            return None
        if self.code < 500 or self.is_about_relay:
            return Failure.TEMPORARY
        enhanced = _ENHANCED.search(self.text)
        return Failure.ADDRESS if enhanced and enhanced[2] == "1" else Failure.REFUSED


@dataclass(frozen=True, slots=True)
class FailedMail:
    """A mail that ended without arriving."""

    at: datetime
    failure: Failure


def is_dead(failures: Sequence[FailedMail], now: datetime) -> bool:
    """Return True if nothing more is sent to an address, by its failures since it last accepted a mail, oldest first.

    An address that does not exist at once, one that refuses two mails in 7 days, and one that five mails could not
    reach over at least 7 days.
    """
    if any(each.failure is Failure.ADDRESS for each in failures):
        return True
    refused = [f for f in failures if f.failure is Failure.REFUSED and now - f.at <= BOUNCE_WINDOW]
    if len(refused) >= REFUSALS_PER_WINDOW:
        return True
    temporary = [f for f in failures if f.failure is Failure.TEMPORARY]
    return len(temporary) >= TEMPORARY_FAILURES and now - temporary[0].at >= BOUNCE_WINDOW


def stops_the_line(finished: int, hard_bounces: int) -> bool:
    """Return True if a broadcast is paused: 5% of its first 500 mails went to addresses that do not exist."""
    return finished <= STOP_WITHIN and hard_bounces >= STOP_WITHIN * STOP_SHARE


def is_unwanted(finished: int, complaints: int) -> bool:
    """Return True if a broadcast is paused: more than 0.3% of its recipients, and at least two, call it spam."""
    return complaints >= LEAST_COMPLAINTS and complaints > finished * COMPLAINT_SHARE


def retry_at(
    waits: Sequence[timedelta],
    attempts: int,
    now: datetime,
    jitter: float,
    retry_after_s: float | None = None,
) -> datetime | None:
    """Return when to try again after `attempts`, None after the last; `jitter` is from -1 to 1.

    A receiver that names a later time is tried then.
    """
    if attempts > len(waits):
        return None
    wait = waits[attempts - 1] * (1 + JITTER * jitter)
    if retry_after_s is not None:
        wait = max(wait, timedelta(seconds=min(retry_after_s, LONGEST_RETRY_AFTER_S)))
    return now + wait
