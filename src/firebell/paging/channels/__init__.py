"""How a message leaves the house: one file per channel, all behind one small protocol."""

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
    """What one person is told about one page; a notice has no page, but a note.

    `title` names what is most severe now; `mail_subject` is the one that every mail of the page has.
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
    """A notice in pieces that are never cut in the middle unless one alone is too long."""
    note_url: str = ""
    mail_subject: str = ""
    alert_count: int = 0
    signing_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """What a webhook is signed with, the current secret first."""

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
        """One line that says which page it is, what it is and what is wanted."""
        return f"[{self.page_ref}] {self.headline}" if self.page_ref else self.title

    @property
    def thread(self) -> str:
        """The conversation that its mails belong to; empty for a notice, which is one of its own."""
        if not self.page_ref:
            return ""
        return f"{self.page_ref}-alarm" if self.reason == "alarm" else self.page_ref

    @property
    def url(self) -> str:
        """The one address to open when there is room for no more."""
        return self.page_url or self.note_url

    def note(self, limit_bytes: int) -> str:
        """Return the text of a notice within a channel's limit; empty for a page."""
        return fit(self.note_lines, self.note_url, limit_bytes) if self.note_lines else ""


def named(alert: Alert) -> str:
    """Return the title of an alert in a list, marked when it is resolved."""
    return alert.title if alert.status == "firing" else f"Resolved: {alert.title}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel takes, in bytes of UTF-8: of a title, of a text, and of the whole request."""

    title: int
    text: int
    whole: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not arrive, and trying again makes sense, after `after_s` seconds if the provider says so."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never arrive this way; `suspect` says that the address itself is to blame."""

    reason: str
    suspect: bool = True


@dataclass(frozen=True, slots=True)
class ContentRefused:
    """The provider refused what the message says, not to whom it goes: a shorter one may pass."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """It was not sent because of this process: neither an attempt nor the fault of the address."""

    reason: str
    after_s: float = 2


Outcome = Accepted | Retry | Failed | Unsent
_SECRET_CHARACTERS = 6
"""The shortest part of an address that is masked; shorter ones are words such as `hook`."""


def not_sent(error: Exception, reason: str) -> Retry | Unsent:
    """Return the outcome of an error before any answer came."""
    return Unsent(reason) if is_ours(error) else Retry(reason)


class Channel(Protocol):
    """Sends one message to one address; never raises for what a provider does."""

    limits: Limits

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send with `key` as the idempotency key and say what became of it."""
        ...


async def whole_or_short(attempt: Callable[[bool], Awaitable[Outcome | ContentRefused]]) -> Outcome:
    """Return the outcome of `attempt(False)`; refused content is sent once more by `attempt(True)`, as title and link.

    A content that is refused twice is never the fault of the address.
    """
    outcome = await attempt(False)
    if isinstance(outcome, ContentRefused):
        outcome = await attempt(True)
    return Failed(outcome.reason, suspect=False) if isinstance(outcome, ContentRefused) else outcome


def without_secrets(outcome: Outcome, address: str) -> Outcome:
    """Return the outcome with what the address holds masked: a provider's answer may repeat it, and others read it."""
    if isinstance(outcome, Accepted):
        return outcome
    parts = urlsplit(address)
    reason = outcome.reason
    pieces = {address, parts.path, parts.query, *parts.path.split("/"), *parts.query.split("&")}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SECRET_CHARACTERS:
            reason = reason.replace(piece, "…")
    return replace(outcome, reason=reason)
