"""What a channel does with requests that its provider makes: who proves them, what they say, and how they are answered.

A provider posts to `/in/channel/<channel>/<provider>/<hook>`. The channel checks the proof and reads signals, both
without I/O; the slice `replies` applies them in one transaction, and the channel words the response.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from firebell.channels.base import Failed, Message

PATH = "/in/channel"
"""Where providers post: the channel, the provider and the hook follow."""
MAX_CALLBACK_BYTES = 256 * 1024
_MAX_S = 10**11


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A request of a provider; `url` is the public address that it was sent to, made of the settings alone."""

    provider: str
    hook: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    at: datetime


def instant_of(seconds: object) -> datetime | None:
    """Return the instant that a message carries as seconds since 1970; None if they are none or out of range."""
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and 0 < seconds < _MAX_S else None


class ProofStatus(StrEnum):
    """Whether a provider made a request."""

    GOOD = "good"
    BAD = "bad"
    ABSENT = "absent"
    """There is no proof in it, or nothing to check it with is configured."""


class ReceiptState(StrEnum):
    """How far a message is, by the word of a provider or a device, in order; a failure has no place in it."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    """The device has it, which says nothing about its owner."""
    SEEN = "seen"
    ANSWERED = "answered"
    FAILED = "failed"


class PageAction(StrEnum):
    """What the recipient of a page can do with one press of a button or a key."""

    ACK = "ack"
    ESCALATE = "escalate"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far the message of a delivery is; `failure` says why one failed, and whether its address is the cause."""

    delivery_id: int
    provider_id: str
    state: ReceiptState
    failure: Failed | None = None
    code: str = ""
    """The provider's own word or number for it."""
    parts: int | None = None
    price: str | None = None
    """The amount, a decimal number in `currency`."""
    currency: str = ""
    composed_at: datetime | None = None
    """When the message was composed, if the report says so."""


@dataclass(frozen=True, slots=True)
class Press:
    """The recipient of a delivery pressed a button or a key; `key` identifies the press, however often it is posted.

    Without a `sender`, the address at which it was pressed, a token that the channel checked names the delivery.
    """

    key: str
    delivery_id: int
    action: PageAction
    sender: str = ""
    is_for_all: bool = False
    """True if it answers each page of a message about several, not the page of the delivery alone."""
    composed_at: datetime | None = None
    """When the message with the button was composed: a delivery that was queued later only has the same number."""


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """The next reading of a delivery's message; `is_asked_for` if its recipient pressed a key for it.

    Without a key, the provider asks for it because nothing was pressed, which an answering machine doesn't do either.
    """

    delivery_id: int
    sender: str
    is_asked_for: bool = True
    composed_at: datetime | None = None
    """When the first reading was composed."""


@dataclass(frozen=True, slots=True)
class TextReply:
    """A text from an address, such as "47a"; `key` identifies it, however often it is posted."""

    key: str
    sender: str
    text: str
    is_answered_by_message: bool = False
    """True if the provider takes no answer in the response, so that it is a message of its own."""
    sent_at: datetime | None = None
    """When it was written, if it may have waited: without a code, it answers no page that began later."""
    room: str = ""
    """The address of the room in which it was written: if that is a contact method, but the sender's address is none,
    it is unclear whose it is. Then it is answered, and changes nothing."""
    delivery_id: int | None = None
    """The delivery of the message below which it was written, 0 for a message about no page; None for no message."""
    composed_at: datetime | None = None
    """When that message was composed."""
    recipient: str = ""
    """The number that it was sent to, if the provider posts what several numbers receive to one address."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """The owner of an address wants no more messages there, or the address no longer exists."""

    sender: str


@dataclass(frozen=True, slots=True)
class OptIn:
    """The owner of an address wants messages again."""

    sender: str


@dataclass(frozen=True, slots=True)
class Connect:
    """The owner of an address sent the token that a person got in Firebell; `name` is what they call themselves."""

    token: str
    sender: str
    name: str


Signal = Receipt | Press | RepeatRequest | TextReply | OptOut | OptIn | Connect


@dataclass(frozen=True, slots=True)
class SignalAnswer:
    """What to answer to one signal: a text for its sender, and the message that was asked for again.

    `text` is empty if nothing is said, such as for a receipt or for what was posted before.
    """

    text: str = ""
    is_done: bool = True
    """False if what was asked for did not happen."""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class CallbackResponse:
    """The response to a provider."""

    status: int = 204
    content_type: str = "text/plain"
    body: bytes = b""


class Callbacks(Protocol):
    """Reads the requests of a channel's providers, without I/O."""

    def proof(self, request: CallbackRequest) -> ProofStatus:
        """Return whether the provider made the request, compared in constant time."""
        ...

    def read(self, request: CallbackRequest) -> Sequence[Signal]:
        """Return what a proven request says; empty for what is of no interest or makes no sense."""
        ...

    def respond(self, request: CallbackRequest, answers: Sequence[SignalAnswer]) -> CallbackResponse:
        """Return the response, given the answer to each signal, once they are committed."""
        ...

    def postponed(self, request: CallbackRequest) -> CallbackResponse | None:
        """Return the response when nothing could be stored; None to let the provider know, which then repeats it."""
        ...
