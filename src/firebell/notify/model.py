"""What is sent to people: deliveries, notices, and the events of the slice."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from firebell.channels.callbacks import ReceiptState
from firebell.channels.languages import language, text
from firebell.kit.language_catalogs import DEFAULT
from firebell.kit.restoration import is_lost

REMINDER = "reminder"
"""The reason of a message that repeats an earlier one: it does not count as reaching anyone."""

BUNDLE_KIND = "page_bundle"
"""What the reply code of a message about several pages stands for: the id is that of its first delivery."""

ANSWER = "answer"
"""The reason of a message that answers what its recipient sent."""


class SubjectKind(StrEnum):
    """The subjects that this slice itself composes messages about; other slices register theirs."""

    NOTICE = "notice"
    TEST = "test"
    VERIFICATION = "verification"


REQUESTED = frozenset({SubjectKind.TEST, SubjectKind.VERIFICATION})
"""The messages that their recipients request: quiet hours do not hold them, and their outcome is shown."""


class DeliveryState(StrEnum):
    """How far one delivery is (spec 2.6)."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    FAILED = "failed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a message is for, as far as its text depends on them; `tz` is an IANA time zone."""

    id: int
    name: str
    tz: str
    language: str = DEFAULT
    """The language of the contact method that gets it."""
    title_hidden: bool = False
    """True if others may see it there."""

    def word(self, english: str, /, **values: object) -> str:
        """Return a string in the language of the message, with its placeholders filled in."""
        return text(self.language, english, **values)

    def moment(self, at: datetime) -> str:
        """Return an instant as local time of the recipient, in the language of the message."""
        return language(self.language).moment(at, self.tz)


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """How far a message is by the word of its provider, and what it costs; `country` is where it went."""

    provider: str
    state: ReceiptState
    code: str
    parts: int
    price: Decimal | None
    currency: str
    country: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to reach one person through one contact method.

    `subject_kind` and `subject_id` say what it is about. `epoch`, `level` and `round` are its place in the
    subject's plan; a subject without a plan has epoch 0.
    """

    id: int
    subject_kind: str
    subject_id: int
    epoch: int
    level: int
    round: int
    person_id: int
    method_id: int
    rank: int
    reason: str
    """The purpose in one word, such as page, reminder, shift or test."""
    channel: str
    address: str
    idempotency_key: str
    state: DeliveryState
    send_at: datetime
    attempts: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    held: bool = False
    """True if quiet hours held it: `send_at` is when they end."""
    destination: str = ""
    """The host whose send slots it needs, "" for a provider that many people share."""
    claims: int = 0
    """The number of its lease; only the holder of the latest lease may record an outcome."""
    lost_claims: int = 0
    """How many leases in a row ended without an outcome."""
    bundle_id: int | None = None
    """The id of the first delivery of its message, if that is about several pages."""
    has_waited: bool = False
    """True if it waited, or waits, for other pages to the same contact method."""
    is_drill: bool = False
    first_send_at: datetime | None = None
    """When it was to be sent at first, if that was moved."""
    receipt: DeliveryReceipt | None = None
    """What its provider reported last; set only where deliveries are shown."""

    def is_of_message(self, composed_at: datetime | None) -> bool:
        """Return False if it was queued after the message that names it was composed.

        After an old backup was restored, the number in such a message can be that of another delivery. None stands for
        a message of an earlier release, which does not say when it was composed.
        """
        return not is_lost(composed_at, self.created_at)


class Outgoing(NamedTuple):
    """A claimed delivery and who it is for, as a composer gets them."""

    delivery: Delivery
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Notice:
    """A stored message. `key` makes it idempotent: one message per key, ever.

    `kind` is one lower-case word for webhooks, `link` the path of a screen.
    """

    key: str
    person_id: int
    kind: str
    title: str
    note: str
    link: str = ""
    urgency: str = "low"
    incident_id: int = 0
    """The incident that it names, 0 for none: if that is private when it is sent, only its readers get it."""


@dataclass(frozen=True, slots=True)
class DeliveriesFail:
    """Deliveries about these subjects are recorded as failed next; the owner of the subjects locks them now.

    Subjects are locked before their deliveries everywhere, so that no two transactions wait for each other.
    """

    subject_kind: str
    subject_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecipientsLeft:
    """Messages of the current plans of these subjects are not sent, because their recipients have left."""

    subject_kind: str
    subject_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NobodyReached:
    """No message of one level of a subject's plan has arrived or can still arrive."""

    subject_kind: str
    subject_id: int
    epoch: int
    level: int
    round: int
