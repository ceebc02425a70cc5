"""Subscribers of status pages, broadcasts to them, and the delivery of each broadcast to each subscriber."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class SubscriberChannel(StrEnum):
    """How a subscriber is reached."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    SMS = "sms"

    @property
    def lane(self) -> str:
        """The lane that sends to it."""
        return {SubscriberChannel.EMAIL: "mail", SubscriberChannel.SMS: "sms"}.get(self, "hook")


CHANNEL_LABELS = {
    SubscriberChannel.EMAIL: "Email",
    SubscriberChannel.WEBHOOK: "Webhook",
    SubscriberChannel.SLACK: "Slack",
    SubscriberChannel.TEAMS: "Teams",
    SubscriberChannel.SMS: "Text message",
}


def offered_channels(countries: Sequence[str]) -> list[SubscriberChannel]:
    """Return the channels to choose from; text messages only if they are sent to numbers of `countries`."""
    return [each for each in SubscriberChannel if countries or each is not SubscriberChannel.SMS]


class SubscriberState(StrEnum):
    """The state of a subscription (spec 7.10)."""

    PENDING = "pending"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    ENDED = "ended"
    ERASED = "erased"


STATE_LABELS = {
    SubscriberState.PENDING: "Waiting to confirm",
    SubscriberState.ACTIVE: "Active",
    SubscriberState.QUARANTINED: "Stopped after bounces",
    SubscriberState.ENDED: "Unsubscribed",
    SubscriberState.ERASED: "Erased",
}


class BroadcastKind(StrEnum):
    """What subscribers choose to hear about."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"
    POSTMORTEM = "postmortem"


KIND_LABELS = {
    BroadcastKind.INCIDENT: "Incidents",
    BroadcastKind.MAINTENANCE: "Maintenance",
    BroadcastKind.POSTMORTEM: "Post-mortems",
}


class Purpose(StrEnum):
    """Why a subscriber is written to; all but a broadcast are about the subscription itself."""

    BROADCAST = "broadcast"
    CONFIRM = "confirm"
    ALREADY = "already"
    UNSUBSCRIBED = "unsubscribed"
    STOPPED = "stopped"
    CHALLENGE = "challenge"
    TEST = "test"


class Priority(IntEnum):
    """The order of queued mails (spec 7.12): what was asked for first, then the most important news."""

    REQUESTED = 0
    FIRST_UPDATE = 1
    RESOLVED = 2
    CORRECTION = 3
    UPDATE = 4
    MAINTENANCE = 5
    POSTMORTEM = 6


@dataclass(frozen=True, slots=True)
class FollowScope:
    """What a subscriber follows: everything, or some components and groups, kinds, and a least impact."""

    follows_all: bool = True
    component_ids: frozenset[int] = frozenset()
    group_ids: frozenset[int] = frozenset()
    kinds: frozenset[BroadcastKind] = frozenset(BroadcastKind)
    min_impact: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """A request to subscribe; `network` is the network of the browser, empty for an invitation or an import."""

    channel: SubscriberChannel
    address: str
    scope: FollowScope
    contact: str = ""
    network: str = ""
    locale: str = ""
    """The code of the language, empty for that of the status page."""
    is_trusted: bool = False
    """True if a manager asked, whose requests the limits against bombing do not hold up."""


@dataclass(frozen=True, slots=True)
class StatusSubscriber:
    """A subscription of one address to one status page."""

    id: int
    status_page_id: int
    channel: SubscriberChannel
    address: str
    contact: str
    state: SubscriberState
    scope: FollowScope
    link_generation: int
    confirm_generation: int
    confirm_until: datetime | None
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    failure: str
    failing_since: datetime | None
    consent_network: str
    consent_text: str
    locale: str
    confirm_attempts: int = 0
    """How often the code of its request was typed."""

    @property
    def mailbox(self) -> str:
        """The address that mails about the subscription go to; empty for Slack, Teams and text messages."""
        return self.address if self.channel is SubscriberChannel.EMAIL else self.contact


@dataclass(frozen=True, slots=True)
class NewBroadcast:
    """Something to tell the subscribers of a status page.

    `seq` orders the broadcasts of one subject: a later one supersedes those that a subscriber did not get yet.
    `content` is what mails and webhooks say, see `broadcasts.actions.content_of`.
    """

    status_page_id: int
    kind: BroadcastKind
    subject: str
    seq: int
    type: str
    priority: Priority
    impact: int
    component_ids: frozenset[int]
    group_ids: frozenset[int]
    content: Mapping[str, Any]
    is_progress: bool = False
    """True for an update without a new stage, which subscribers get by email at most every 30 minutes."""
    hold_s: int = 0
    """How many seconds its mails wait, because it can be recalled."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A stored broadcast; `cursor` is the last subscriber who was considered, `queued` the number of deliveries."""

    id: int
    status_page_id: int
    kind: BroadcastKind
    subject: str
    seq: int
    type: str
    priority: int
    impact: int
    component_ids: frozenset[int]
    group_ids: frozenset[int]
    content: Mapping[str, Any]
    reaches_email: bool
    published_at: datetime
    cursor: int
    queued: int
    fanned_out_at: datetime | None
    finished: int
    hard_bounces: int
    """How many of its first 500 mails bounced."""
    complaints: int
    paused_at: datetime | None
    pause_reason: str
    held_until: datetime | None
    """When its first mail may be sent, None for at once."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process sends now, with its subscriber and the slug and name of the status page."""

    id: int
    key: str
    purpose: Purpose
    broadcast_id: int | None
    carried: tuple[int, ...]
    turn: int
    """Its place within its broadcast, from 0."""
    attempts: int
    lost_claims: int
    created_at: datetime
    subscriber: StatusSubscriber
    slug: str
    page_name: str
    tz: str
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """The sealed signing secrets of a webhook, the current one first."""
    host: str = ""
    """The host name of the status page's own, empty if it has none."""
    locale: str = "en"
    """The code of the language in which it is written."""
    is_default_locale: bool = True
    """True if that is the language of the status page."""
    is_private: bool = False
    """True if only invited people can read the status page."""
