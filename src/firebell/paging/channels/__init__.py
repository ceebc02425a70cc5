"""The channels that send messages, one module each, behind one protocol."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from firebell.alerts.model import Alert
from firebell.kit.exhaustion import is_ours
from firebell.paging.channels.fitting import fit


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one person about one page, or a notice: it has a note instead of a page.

    `title` is that of the most severe alert now; `mail_subject` is the same for all emails of the page.
    """

    delivery_id: int
    reason: str
    person: str
    tz: str
    page_ref: str
    title: str
    state: str
    urgency: str
    severity: int | None
    service: str
    team: str
    triggered_at: datetime
    level: int
    alerts: tuple[Alert, ...]
    runbook: str
    page_url: str
    ack_url: str
    composed_at: datetime
    note_lines: tuple[str, ...] = ()
    """The lines of a notice; a line is cut only if it alone is too long."""
    note_url: str = ""
    mail_subject: str = ""
    alert_count: int = 0
    signing_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """The signing secrets of a webhook, the current one first."""
    code: str = field(default="", repr=False)
    """A verification code, which is also in the title and the note."""

    @property
    def headline(self) -> str:
        """Severity, service and title, in this order, with the state of the page before them."""
        severity = "" if self.severity is None else f"SEV{self.severity} "
        named = not self.service or self.title.casefold().startswith(self.service.casefold())
        what = f"{severity}{'' if named else f'{self.service}: '}{self.title}"
        match self.reason if self.page_ref else "":
            case "alarm":
                return f"UNANSWERED: {what}"
            case "reminder":
                return f"Reminder: {what}"
            case _:
                return what

    @property
    def subject(self) -> str:
        """The reference and the headline of a page, or the title of a notice."""
        return f"[{self.page_ref}] {self.headline}" if self.page_ref else self.title

    @property
    def thread(self) -> str:
        """The email thread of its page; empty for a notice."""
        if not self.page_ref:
            return ""
        return f"{self.page_ref}-alarm" if self.reason == "alarm" else self.page_ref

    @property
    def url(self) -> str:
        """The URL to open if there is room for only one."""
        return self.page_url or self.note_url

    def note(self, limit_bytes: int) -> str:
        """Return the text of a notice within a channel's limit; empty for a page."""
        return fit(self.note_lines, self.note_url, limit_bytes) if self.note_lines else ""


def named(alert: Alert) -> str:
    """Return the title of an alert in a list, marked when it is resolved."""
    return alert.title if alert.status == "firing" else f"Resolved: {alert.title}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a channel in bytes of UTF-8: title, text, and the whole request."""

    title: int
    text: int
    whole: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider accepted the message."""

    provider_id: str


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


class Channel(Protocol):
    """Sends one message to one address; never raises for a provider's errors."""

    limits: Limits

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send with `key` as the idempotency key and return the outcome."""
        ...


async def whole_or_short(attempt: Callable[[bool], Awaitable[Outcome | ContentRefused]]) -> Outcome:
    """Return the outcome of `attempt(False)`; send refused content once more, short, by `attempt(True)`.

    Content that is refused twice is a failure that does not make the address suspect.
    """
    outcome = await attempt(False)
    if isinstance(outcome, ContentRefused):
        outcome = await attempt(True)
    return Failed(outcome.reason, suspect=False) if isinstance(outcome, ContentRefused) else outcome


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
        return Accepted(outcome.provider_id.replace(code, "…"))
    return replace(outcome, reason=outcome.reason.replace(code, "…"))
