"""States of contact methods, and the limits of verification codes (spec 10.3); pure."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.kit.text import ascii_digits
from firebell.people.model import ContactMethod, MethodState

CODE_DIGITS = 6
CODE_VALID = timedelta(minutes=10)
MAX_TRIES = 5
"""Number of codes that may be entered for one request."""
RESEND_AFTER = timedelta(seconds=60)
DAY = timedelta(hours=24)
ADDRESS_CODES_PER_DAY = 5
PERSON_CODES_PER_DAY = 10
CODES_PER_DAY = 100
VERIFY_WITHIN = timedelta(days=7)
"""Age from which an unverified contact method is removed if its owner has a verified one."""
FAILURE_WINDOW = timedelta(days=30)
"""A contact method whose address fails twice within this time is disabled."""
SAME_FAILURE = timedelta(minutes=10)
"""Failures this close to the first one have the same cause and count once, so that a burst disables nothing."""


class MethodEvent(StrEnum):
    """What can happen to a contact method."""

    CODE_ENTERED = "code_entered"
    ACCEPTED = "accepted"
    """The provider accepted a message, which says nothing about the person."""
    ADDRESS_FAILED = "address_failed"
    GONE = "gone"
    """The address no longer exists."""
    VERIFY_WITHIN_PASSED = "verify_within_passed"


def transition(
    state: MethodState, event: MethodEvent, *, failed_recently: bool = False
) -> MethodState | None:
    """Return the state after an event, for every pair of them; None if the contact method is removed.

    `failed_recently` is `is_second_failure` of an address failure. Nothing but a code verifies.
    """
    match event:
        case MethodEvent.CODE_ENTERED:
            return MethodState.VERIFIED
        case MethodEvent.ADDRESS_FAILED if state is MethodState.VERIFIED:
            return MethodState.SUSPECT
        case MethodEvent.ADDRESS_FAILED if state is MethodState.SUSPECT and failed_recently:
            return MethodState.DISABLED
        case MethodEvent.GONE if state in (MethodState.VERIFIED, MethodState.SUSPECT):
            return MethodState.DISABLED
        case MethodEvent.VERIFY_WITHIN_PASSED if state is MethodState.NEW:
            return None
        case _:
            return state


def is_second_failure(failed_before: datetime | None, now: datetime) -> bool:
    """Return True if the address failed earlier within 30 days, for another cause than now."""
    return failed_before is not None and SAME_FAILURE < now - failed_before <= FAILURE_WINDOW


def paged(methods: Iterable[ContactMethod]) -> list[ContactMethod]:
    """Return which of a person's contact methods get pages, in their order.

    Verified and suspect ones do, and those that were added before codes existed. A person without any of them is
    paged through what is not verified yet, and at last through what was disabled: no state silences a person.
    """
    methods = list(methods)
    tiers = (
        [m for m in methods if m.is_trusted],
        [m for m in methods if m.state is MethodState.NEW],
        methods,
    )
    return next((tier for tier in tiers if tier), [])


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """One request for a code within the last 24 hours."""

    person_id: int
    kind: str
    address: str
    method_id: int
    at: datetime


class Limit(StrEnum):
    """The limit that a request for a code has to wait for."""

    RESEND = "resend"
    ADDRESS = "address"
    PERSON = "person"
    INSTALLATION = "installation"


def refused_until(
    method: ContactMethod, requests: Sequence[CodeRequest], now: datetime
) -> tuple[Limit, datetime] | None:
    """Return the limit that refuses a code now and when it ends, the one that ends last; None if it may be sent."""
    of_method = [r.at for r in requests if r.method_id == method.id]
    of_address = [r.at for r in requests if (r.kind, r.address) == (method.kind, method.address)]
    of_person = [r.at for r in requests if r.person_id == method.person_id]
    ends = [
        (_limit_end(of_method, 1, RESEND_AFTER), Limit.RESEND),
        (_limit_end(of_address, ADDRESS_CODES_PER_DAY, DAY), Limit.ADDRESS),
        (_limit_end(of_person, PERSON_CODES_PER_DAY, DAY), Limit.PERSON),
        (_limit_end([r.at for r in requests], CODES_PER_DAY, DAY), Limit.INSTALLATION),
    ]
    waits = [(end, limit) for end, limit in ends if end is not None and end > now]
    if not waits:
        return None
    end, limit = max(waits)
    return limit, end


def _limit_end(times: Sequence[datetime], count: int, window: timedelta) -> datetime | None:
    """Return when fewer than `count` of the times are within the window; None if there are fewer anyway."""
    return sorted(times)[-count] + window if len(times) >= count else None


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A request for a code, with the digests of the codes that were made for it."""

    id: int
    requested_at: datetime
    digests: tuple[bytes, ...]
    tries: int
    used_at: datetime | None

    @property
    def expires_at(self) -> datetime:
        """The instant from which its codes are refused."""
        return self.requested_at + CODE_VALID

    def is_open(self, now: datetime) -> bool:
        """Return True if a code can still be entered."""
        return self.used_at is None and now < self.expires_at and self.tries < MAX_TRIES


class CodeOutcome(StrEnum):
    """The outcome of entering a code."""

    VERIFIED = "verified"
    WRONG = "wrong"
    NONE_SENT = "none_sent"
    USED = "used"
    EXPIRED = "expired"
    TOO_MANY_TRIES = "too_many_tries"


def entry_of(issued: IssuedCode | None, digest: bytes, now: datetime) -> CodeOutcome:
    """Return the outcome of entering a code with this digest; digests are compared in constant time."""
    if issued is None:
        return CodeOutcome.NONE_SENT
    if issued.used_at is not None:
        return CodeOutcome.USED
    if now >= issued.expires_at:
        return CodeOutcome.EXPIRED
    if issued.tries >= MAX_TRIES:
        return CodeOutcome.TOO_MANY_TRIES
    matches = [hmac.compare_digest(digest, known) for known in issued.digests]
    return CodeOutcome.VERIFIED if any(matches) else CodeOutcome.WRONG


def clean_code(text: str) -> str:
    """Return the digits of a code as typed, in any script, without spaces and hyphens; empty unless there are six."""
    digits = ascii_digits("".join(text.split()).replace("-", ""))
    return digits if len(digits) == CODE_DIGITS and digits.isascii() and digits.isdecimal() else ""
