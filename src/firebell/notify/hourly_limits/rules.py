"""How many text messages and calls are sent in an hour: of one page, and codes and tests (spec 2.8 I9, 10.7; pure).

Someone who requests many codes to numbers of their own earns money with each (pumping). What is refused here fails at
once, so that the person's other contact methods are used.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from firebell.channels.base import Failed
from firebell.channels.registry import CHANNELS
from firebell.notify.model import REQUESTED, Delivery

HOUR = timedelta(hours=1)
PAGE_MAX = 12
"""Number of text messages and calls of one page to one person (I9)."""
INSTALLATION_MAX, COUNTRY_MAX, PERSON_MAX, RANGE_MAX = 60, 20, 10, 10
"""Number of codes and tests: in all, to one country, for one person, and to one range of numbers."""


class PageRecipient(NamedTuple):
    """A page, or another subject with a plan, and one of its recipients."""

    subject_kind: str
    subject_id: int
    person_id: int


class RequestedMessage(NamedTuple):
    """A code or test that was sent or is being sent."""

    channel: str
    person_id: int
    address: str


ScopeKind = Literal["country", "range", "person", "installation"]
AllowedKind = Literal["country", "range", "person"]
ALLOWED_KINDS: tuple[AllowedKind, ...] = get_args(AllowedKind)
"""The kinds of scopes to which an admin can allow codes and tests beyond the limit: not the installation."""


class LimitScope(NamedTuple):
    """What one limit counts: a country, a range of numbers, a person by id, or the installation."""

    kind: ScopeKind
    value: str

    def text(self, person: str = "") -> str:
        """Return which codes and tests it counts, as the beginning of a sentence; `person` is the name of a person."""
        match self.kind:
            case "country":
                return f"Codes and tests to {self.value}"
            case "range":
                return f"Codes and tests to numbers that begin with {self.value}"
            case "person":
                return f"Codes and tests of {person or 'one person'}"
            case "installation":
                return "Codes and tests"


class ReachedLimit(NamedTuple):
    """A limit of codes and tests that is reached: no more are sent to its scope for now."""

    scope: LimitScope
    limit: int
    sent: int
    person: str = ""
    """The name of the person, for the limit of one."""

    @property
    def text(self) -> str:
        """What is stopped, as the beginning of a sentence."""
        return self.scope.text(self.person)

    @property
    def can_be_allowed(self) -> bool:
        """True unless it is the limit of the installation, which always holds."""
        return self.scope.kind in ALLOWED_KINDS


class CodeAllowance(NamedTuple):
    """What an admin allows beyond its hourly limit until it expires."""

    id: int
    scope: LimitScope
    created_at: datetime
    created_by: str
    expires_at: datetime
    person: str = ""
    """The name of the person, for the limit of one."""

    @property
    def text(self) -> str:
        """What is allowed, as the beginning of a sentence."""
        return self.scope.text(self.person)


_LIMITS = {"installation": INSTALLATION_MAX, "country": COUNTRY_MAX, "person": PERSON_MAX, "range": RANGE_MAX}


CHARGED = tuple(kind for kind, channel in CHANNELS.items() if channel.daily_parts)
"""The channels whose messages cost money."""


def limited_recipient(delivery: Delivery) -> PageRecipient | None:
    """Return what the limit of a page counts a message for; None if it has none.

    The most severe pages, SEV0, SEV1 and manual ones, have none: a late page is worse than a bill.
    """
    if delivery.rank == 0 or not delivery.epoch or delivery.channel not in CHARGED:
        return None
    return PageRecipient(delivery.subject_kind, delivery.subject_id, delivery.person_id)


def is_requested(delivery: Delivery) -> bool:
    """Return True if it is a code or test that costs money."""
    return delivery.subject_kind in REQUESTED and delivery.channel in CHARGED


def _scopes(message: RequestedMessage) -> Iterator[LimitScope]:
    yield LimitScope("installation", "")
    yield LimitScope("person", str(message.person_id))
    destination = CHANNELS[message.channel].charged_destination
    if destination:
        country, prefix = destination(message.address)
        if country:
            yield LimitScope("country", country)
        yield LimitScope("range", prefix)


class HourlyLimits:
    """What was sent in the last hour; `admit` counts each message that is sent.

    The scopes in `allowed` have no limit.
    """

    def __init__(
        self,
        pages: Mapping[PageRecipient, int],
        requested: Iterable[RequestedMessage],
        allowed: Iterable[LimitScope] = (),
    ) -> None:
        self._allowed = frozenset(allowed)
        self._pages = Counter(pages)
        self._requested = Counter(scope for message in requested for scope in _scopes(message))

    def reached_limits(self) -> list[ReachedLimit]:
        """Return the limits of codes and tests that are reached, in a constant order."""
        return sorted(
            ReachedLimit(scope, _LIMITS[scope.kind], count)
            for scope, count in self._requested.items()
            if self._is_reached(scope, count)
        )

    def _is_reached(self, scope: LimitScope, count: int) -> bool:
        return count >= _LIMITS[scope.kind] and scope not in self._allowed

    def admit(self, delivery: Delivery) -> Failed | None:
        """Count a message, or return why it fails now."""
        if recipient := limited_recipient(delivery):
            if self._pages[recipient] >= PAGE_MAX:
                text = f"{PAGE_MAX} text messages and calls of this page were sent in the last hour."
                return Failed(text, suspect=False)
            self._pages[recipient] += 1
        if is_requested(delivery):
            message = RequestedMessage(delivery.channel, delivery.person_id, delivery.address)
            scopes = list(_scopes(message))
            stopped = next((s for s in scopes if self._is_reached(s, self._requested[s])), None)
            if stopped:
                stop = ReachedLimit(stopped, _LIMITS[stopped.kind], self._requested[stopped])
                text = f"{stop.text} are stopped: {stop.limit} were sent in the last hour. Try again later."
                return Failed(text, suspect=False)
            self._requested.update(scopes)
        return None


def refused(limits: HourlyLimits, claimed: Sequence[Delivery]) -> dict[int, Failed]:
    """Return the failure of each claimed message that a limit stops, in their order of sending."""
    failures = {delivery.id: limits.admit(delivery) for delivery in claimed}
    return {delivery_id: failure for delivery_id, failure in failures.items() if failure}
