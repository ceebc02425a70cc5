"""What all channels share: the message, the outcomes of sending it, and the declaration of a channel."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from urllib.parse import urlsplit

import httpx

from firebell.channels import languages
from firebell.kit import public_markdown
from firebell.kit.findings import CheckResult
from firebell.kit.resource_exhaustion import is_ours
from firebell.kit.signing import Signer
from firebell.kit.timing import REAL, Pace
from firebell.kit.truncation import fit

if TYPE_CHECKING:
    from firebell.channels.callbacks import Callbacks
    from firebell.channels.polling import Poller


@dataclass(frozen=True, slots=True)
class Action:
    """A link with which the reader answers a message, such as Acknowledge."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Item:
    """One of the things that a message lists; `data` is its content for a webhook."""

    title: str
    body: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one recipient: either a text (`markdown` and `lines`), or facts, items and actions.

    A composer fills in what it says; who it is for and how it is signed is added for every subject alike.
    """

    event: str
    """Its purpose in one word, for webhooks."""
    title: str
    urgency: str
    composed_at: datetime
    type: str = ""
    """The kind of message for webhooks; `event` if empty."""
    headline: str = ""
    """The title with what the reader needs first before it; the title if empty."""
    brief: str = ""
    """What takes the place of the title where others may read it; empty for the words of any message."""
    is_neutral: bool = False
    """True if its text says nothing of what it is about, so that others may read it."""
    title_hidden: bool = False
    """True if its title is the brief one, and what else it says is left out."""
    language: str = "en"
    """The language of Firebell's own text."""
    ref: str = ""
    """The reference of the subject, such as PG-7."""
    url: str = ""
    """The screen to open."""
    lines: tuple[str, ...] = ()
    """The lines of a text; a line is cut only if it alone is too long."""
    markdown: str = ""
    """A text in Markdown, before the lines; email shows it as HTML, other channels as plain text."""
    lead: str = ""
    """The details of the most important item, for channels with little room."""
    facts: tuple[tuple[str, str], ...] = ()
    items: tuple[Item, ...] = ()
    """The most important first."""
    item_count: int = 0
    """The number of items, if there are more than `items`."""
    actions: tuple[Action, ...] = ()
    thread: str = ""
    """The thread of the subject, in emails and other channels with threads; empty for a standalone message."""
    mail_subject: str = ""
    """The subject of the thread's emails, the same for all of them."""
    headers: tuple[tuple[str, str], ...] = ()
    """More headers of an email."""
    data: Mapping[str, object] = field(default_factory=dict)
    """More fields for a webhook."""
    delivery_id: int = 0
    recipient: str = ""
    signing_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """The signing secrets of a webhook, the current one first."""
    code: str = field(default="", repr=False)
    """A verification code, which is also in the title and the lines."""
    reply_code: int = 0
    """The number by which the recipient answers it with a text message; 0 if that is not possible."""
    rank: int = 2
    """The sending order of its delivery: 0 is for the most severe."""
    begun_since: datetime | None = None
    """The instant since which a process began to send it without recording an outcome; None if none did."""
    pages: "tuple[Message, ...]" = ()
    """The messages that it stands for, the most severe first, if it is about several pages; it answers all of them."""

    @property
    def first_line(self) -> str:
        """The headline, or the title of a message without one."""
        return self.headline or self.title

    @property
    def subject(self) -> str:
        """The reference and the headline; what takes their place if the title is hidden."""
        return f"[{self.ref}] {self.first_line}" if self.ref and not self.title_hidden else self.title

    def word(self, english: str, /, **values: object) -> str:
        """Return a string in the language of the message, with its placeholders filled in."""
        return languages.text(self.language, english, **values)

    @property
    def open_label(self) -> str:
        """The label of the link to its screen, with the reference of the subject if it has one."""
        return self.word("Open {ref}", ref=self.ref) if self.ref else self.word("Open")

    def more_than(self, listed: int) -> int:
        """Return the number of items beyond the first `listed`."""
        return max(0, max(self.item_count, len(self.items)) - listed)

    def item_lines(self, listed: int, *, after: int = 0) -> list[str]:
        """Return a line for each of the first `listed` items, `after` some of them, and one that counts the others."""
        more = self.more_than(listed)
        return [
            *(f"- {item.title}" for item in self.items[after:listed]),
            *([self.word("And {count} more", count=more)] if more else []),
        ]

    @property
    def is_text(self) -> bool:
        """True if it is a text."""
        return bool(self.lines or self.markdown)

    def text(self, limit_bytes: int, *, with_url: bool = True) -> str:
        """Return the text and the URL within a channel's limit; empty for a message that is not text."""
        written = public_markdown.to_plain(self.markdown).split("\n") if self.markdown else []
        url = self.url if with_url else ""
        return fit((*written, *self.lines), url, limit_bytes) if self.is_text else ""


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable of a channel, which `docs/operating.md` explains."""

    name: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class Edges:
    """What a channel sends with: the guarded HTTP client, the signer, the settings by name, and elapsed time."""

    http: httpx.AsyncClient
    signer: Signer
    settings: Mapping[str, str]
    pace: Pace = REAL


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """The limits of a channel in bytes of UTF-8: title, text, and the whole request."""

    title: int
    text: int
    whole: int


@dataclass(frozen=True, slots=True)
class SendRate:
    """How fast one process sends to one provider: `burst` messages at once, then `per_s` messages a second."""

    per_s: float = 50
    burst: int = 100


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted the message; `provider` names it, if the channel has several.

    `parts` are what it charges for, and `country` is where the message goes, both for channels that cost money.
    """

    provider_id: str
    provider: str = ""
    parts: int = 1
    country: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """The message did not arrive; retry, after `after_s` seconds if the provider says so."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The message will not arrive; `suspect` if the address itself is the cause, `gone` if it no longer exists."""

    reason: str
    suspect: bool = True
    gone: bool = False


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The provider refused the content, not the address: a shorter message may be accepted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """The message was not sent because of this process; it does not count as an attempt."""

    reason: str
    after_s: float = 2


Outcome = Accepted | Retry | Failed | Unsent
_SECRET_CHARACTERS = 6
"""Length from which parts of an address are masked; shorter ones are words such as `hook`."""


def not_sent(error: Exception, reason: str) -> Retry | Unsent:
    """Return the outcome of an error before any response."""
    return Unsent(reason) if is_ours(error) else Retry(reason)


class Transport(Protocol):
    """Sends one message to one address; never raises for a provider's errors."""

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send with `key` as the idempotency key and return the outcome."""
        ...


@runtime_checkable
class RetractingTransport(Transport, Protocol):
    """Can take back what a message asks for, once its subject needs no one anymore."""

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace or end the message that `provider_id` names by `message`; return None if there is nothing to do."""
        ...


@runtime_checkable
class FailoverTransport(Transport, Protocol):
    """Sends through several providers, each with a circuit."""

    def circuit_states(self) -> Mapping[str, str]:
        """Return the state of the circuit of each provider, `closed` for one that works."""
        ...


async def whole_or_short(attempt: Callable[[bool], Awaitable[Outcome | ContentRefused]]) -> Outcome:
    """Return the outcome of `attempt(False)`; send refused content once more, short, by `attempt(True)`.

    Content that is refused twice is a failure that does not make the address suspect.
    """
    outcome = await attempt(False)
    return final(await attempt(True) if isinstance(outcome, ContentRefused) else outcome)


def final(outcome: Outcome | ContentRefused) -> Outcome:
    """Return the outcome of content that is sent in no other shape: its refusal is not the fault of the address."""
    return Failed(outcome.reason, suspect=False) if isinstance(outcome, ContentRefused) else outcome


def within(limit_bytes: int, room: int, encoded: Callable[[int], bytes]) -> bytes:
    """Return what `encoded` makes of a text of `room` bytes, or of fewer until the whole fits.

    Quotes and line breaks take two bytes in JSON.
    """
    while True:
        body = encoded(room)
        if len(body) <= limit_bytes or room <= 0:
            return body
        room -= len(body) - limit_bytes


def without_secrets(outcome: Outcome, address: str) -> Outcome:
    """Return the outcome without the parts of the address, which a provider's response may repeat."""
    if isinstance(outcome, Accepted):
        return outcome
    parts = urlsplit(address)
    reason = outcome.reason
    pieces = {address, parts.path, parts.query, *parts.path.split("/"), *parts.query.split("&")}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SECRET_CHARACTERS:
            reason = reason.replace(piece, "…")
    return replace(outcome, reason=reason)


def without_code(outcome: Outcome, code: str) -> Outcome:
    """Return the outcome without a verification code, which a provider's response may repeat."""
    if not code:
        return outcome
    if isinstance(outcome, Accepted):
        return replace(outcome, provider_id=outcome.provider_id.replace(code, "…"))
    return replace(outcome, reason=outcome.reason.replace(code, "…"))


async def _accept_any(address: str) -> None:
    """Accept any address."""


async def _no_findings(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """The declaration of a channel; the rest of the product knows it by `kind` alone, which is stored."""

    kind: str
    label: str
    icon: str
    address_label: str
    """What an address of it is, as the label of its field: ntfy topic."""
    address_help: str
    """An example of an address, as the placeholder of its field."""
    limits: MessageLimits
    open: Callable[[Edges], Transport]
    check_address: Callable[[str], str]
    """Return the one spelling of an address that is stored; raise `Invalid` for the field `address`. Pure."""
    complete_address: Callable[[str, Mapping[str, str]], str] = lambda address, settings: address
    """Return a typed address with what the settings imply; raise `Invalid` for one that they do not allow. Pure."""
    check_typed_address: Callable[[str], Awaitable[None]] = _accept_any
    """Raise `Invalid` for an address that only a slow check finds unusable; awaited when a person adds one."""
    shown_address: Callable[[str], str] = str
    """Return what the owner of an address recognizes it by."""
    address_warning: Callable[[str], str] = lambda address: ""
    """Return what the owner of an address should know about it; empty for nothing. Pure."""
    is_typed: bool = True
    """False if a device makes the address, so that no form offers a field for it."""
    is_installed: Callable[[], bool] = lambda: True
    """Return False if it needs an extra that is not installed: then it is offered nowhere."""
    settings: tuple[Setting, ...] = ()
    check_settings: Callable[[Mapping[str, str]], None] = lambda settings: None
    """Raise `StartupError`, naming the variable, if nothing could be sent with these settings."""
    is_ready: Callable[[Mapping[str, str]], bool] = lambda settings: True
    """Return False if nothing is sent until a setting is made; `off_text` says which one."""
    off_text: str = ""
    check_health: Callable[
        [httpx.AsyncClient, Mapping[str, str], Sequence[str] | None], Awaitable[list[CheckResult]]
    ] = _no_findings
    """Return what `firebell doctor` finds; the addresses in use are None if they are not known."""
    rate: SendRate = SendRate()
    """The rate of each of its hosts, each public provider and each mail server."""
    attempt_limit_s: float = 12.0
    """Time limit of one attempt: less than its lease, after which another process begins one."""
    rank: int = 100
    """Its place among the channels that are offered: what is set up in minutes comes first."""
    wakes: bool = True
    """True if a message can wake a person."""
    counts_as_reached: bool = True
    """False if nothing shows that its messages arrive: they reach no one, and it isn't an independent way."""
    is_secret: bool = True
    """True if who knows an address can read or forge messages, so that it is masked."""
    is_sealed: bool = False
    """True if addresses are stored sealed by `sealed_addresses`, and never shown beyond `shown_address`."""
    is_signed: bool = False
    """True if each address has a signing secret."""
    has_threads: bool = False
    """True if messages about one subject keep the subject of the first one."""
    bundles_pages: bool = False
    """True if pages at nearly the same time are one message, because each rings or costs money.

    `notify/composing/bundle_store.py` and the index of migration 108 name these channels too.
    """
    retracts: bool = False
    """True if its transport is a `RetractingTransport`."""
    connect_url: "Callable[[Mapping[str, str], str], str] | None" = None
    """Return the address at which a person connects it, given the settings and a token that comes back as `Connect`."""
    poller: "Callable[[Edges], Poller] | None" = None
    """What fetches the answers of its recipients; None if there are none, or its provider calls Firebell."""
    polls: Callable[[Mapping[str, str]], bool] = lambda settings: True
    """Return False if its poller is not used with these settings."""
    shared_hosts: frozenset[str] = frozenset()
    """Public providers that many people use: their hosts do not compete for send slots."""
    callbacks: "Callable[[Edges], Callbacks] | None" = None
    """What reads the requests of its providers; None if they make none."""
    takes_replies: Callable[[Mapping[str, str]], bool] = lambda settings: False
    """True if a message is answered by a text with its code, with these settings."""
    takes_opt_out: bool = False
    """True if a text such as STOP ends all messages to its sender's address, as the law requires of text messages."""
    daily_parts: Callable[[Mapping[str, str]], int] | None = None
    """The number of parts a day after which messages that can wait fail, 0 for no limit; None if it costs nothing."""
    charged_destination: Callable[[str], tuple[str, str]] | None = None
    """Return the country and the range of an address, by which fraud with requested messages is detected. Pure."""
