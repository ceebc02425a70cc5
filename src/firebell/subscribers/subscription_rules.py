"""The rules of subscriptions: states, who wants what, and the limits against bombing (spec 7.10)."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.subscribers.model import BroadcastKind, FollowScope, SubscriberState

CONFIRM_PERIOD = timedelta(hours=48)
"""How long the link of a confirmation works."""
PURGE_AFTER = timedelta(days=7)
"""How long an unconfirmed request is kept."""
UNDO_PERIOD = timedelta(days=7)
"""How long unsubscribing can be undone by the link of its mail."""
QUARANTINE_PERIOD = timedelta(days=90)
"""How long an address that bounced can be confirmed again before its subscription ends."""
PROGRESS_MAIL_INTERVAL = timedelta(minutes=30)
"""The shortest time between two mails of an incident without a new stage."""
SENDABLE_PERIODS = {"mail": timedelta(days=1), "hook": timedelta(days=4), "sms": timedelta(hours=4)}
"""How long something waits to be sent, by lane: longer than all retries, as long as no mail server is set up."""
CONFIRM_INTERVAL, CONFIRM_WINDOW, CONFIRMS_PER_WINDOW = timedelta(hours=24), timedelta(days=30), 3
DOMAIN_WINDOW, CONFIRMS_PER_DOMAIN = timedelta(hours=1), 50
PAGE_WINDOW, CONFIRMS_PER_PAGE = timedelta(minutes=15), 50
"""200 an hour with a burst of 50: at most 50 in any quarter of an hour."""
REQUESTS_PER_HOUR, REQUESTS_PER_DAY = 5, 20
"""Requests from one network."""
LEAST_FORM_AGE = timedelta(seconds=2)
"""A form that is sent sooner was not filled in by a person."""


class SubscriptionEvent(StrEnum):
    """What happens to a subscription."""

    REQUEST = "request"
    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    BOUNCE = "bounce"
    EXPIRE = "expire"
    ERASE = "erase"


_S, _E = SubscriberState, SubscriptionEvent
_NEXT: dict[tuple[SubscriberState | None, SubscriptionEvent], SubscriberState] = {
    (None, _E.REQUEST): _S.PENDING,
    (_S.PENDING, _E.REQUEST): _S.PENDING,
    (_S.PENDING, _E.CONFIRM): _S.ACTIVE,
    (_S.PENDING, _E.UNSUBSCRIBE): _S.ENDED,
    (_S.ACTIVE, _E.UNSUBSCRIBE): _S.ENDED,
    (_S.ACTIVE, _E.BOUNCE): _S.QUARANTINED,
    (_S.QUARANTINED, _E.REQUEST): _S.PENDING,
    (_S.QUARANTINED, _E.CONFIRM): _S.ACTIVE,
    (_S.QUARANTINED, _E.UNSUBSCRIBE): _S.ENDED,
    (_S.QUARANTINED, _E.EXPIRE): _S.ENDED,
    (_S.ENDED, _E.REQUEST): _S.PENDING,
    (_S.ERASED, _E.REQUEST): _S.PENDING,
    **{(state, _E.ERASE): _S.ERASED for state in SubscriberState},
}


def next_state(state: SubscriberState | None, event: SubscriptionEvent) -> SubscriberState | None:
    """Return the state after an event, None if the event changes nothing in this state."""
    return _NEXT.get((state, event))


def can_resubscribe(state: SubscriberState, *, was_confirmed: bool) -> bool:
    """Return True if the end of a subscription can be taken back: not if its address was never confirmed."""
    return state is SubscriberState.ENDED and was_confirmed


def wants(
    scope: FollowScope,
    kind: BroadcastKind,
    impact: int,
    component_ids: Collection[int],
    group_ids: Collection[int],
) -> bool:
    """Return True if a subscriber with this scope wants to hear of something (spec 7.10).

    A group in the scope includes its future components, because the groups of what happened are compared, not
    the components that the group had when someone subscribed. Incidents and their post-mortems have a
    least impact: who chose to hear of maintenance hears of all of it.
    """
    if kind not in scope.kinds or (kind is not BroadcastKind.MAINTENANCE and impact < scope.min_impact):
        return False
    if scope.follows_all or not component_ids:
        return True
    return not scope.component_ids.isdisjoint(component_ids) or not scope.group_ids.isdisjoint(group_ids)


def locale_of(wanted: str, default: str, others: Collection[str]) -> str:
    """Return the language of a subscriber: the wanted one if the status page has it, else that of the page."""
    return wanted if wanted in others else default


def reaches_email(*, is_progress: bool, last_mailed_at: datetime | None, now: datetime) -> bool:
    """Return True unless it is progress without a new stage, and the last mail is less than 30 minutes old.

    The same holds for text messages.
    """
    return not is_progress or last_mailed_at is None or now - last_mailed_at >= PROGRESS_MAIL_INTERVAL


class Admission(StrEnum):
    """What is done with a request for a mail to an address."""

    SEND = "send"
    DROP = "drop"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class RecentMails:
    """When an address was asked to confirm in the last 30 days, and how often its domain and the page were."""

    address: Sequence[datetime]
    domain: int
    page: int


def admission(recent: RecentMails, now: datetime) -> Admission:
    """Return whether an address may be asked to confirm: dropped at its own limits, queued at that of the page."""
    in_window = [at for at in recent.address if now - at < CONFIRM_WINDOW]
    if any(now - at < CONFIRM_INTERVAL for at in in_window) or len(in_window) >= CONFIRMS_PER_WINDOW:
        return Admission.DROP
    if recent.domain >= CONFIRMS_PER_DOMAIN:
        return Admission.DROP
    return Admission.WAIT if recent.page >= CONFIRMS_PER_PAGE else Admission.SEND


def delivery_key(*parts: object) -> str:
    """Return the key of a delivery, the same for the same parts: what Message-IDs are made of."""
    return hashlib.sha256(".".join(map(str, parts)).encode()).hexdigest()[:40]
