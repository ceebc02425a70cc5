"""Mails, how an integration reads them, and the outcome of each."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class MailOutcome(StrEnum):
    """What a mail did."""

    FIRED = "fired"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    """It is kept and changes nothing, such as an automatic reply."""
    REFUSED = "refused"
    """Its sender is not on the list of the integration, or not proved."""
    STORM = "storm"
    """One of too many mails of one sender; they share one alert."""


@dataclass(frozen=True, slots=True)
class MailMessage:
    """What a mail says; texts are decoded as far as they can be, and nothing is missing but empty."""

    subject: str = ""
    sender: str = ""
    """The address in From, in lower case."""
    recipients: tuple[str, ...] = ()
    date: datetime | None = None
    message_id: str = ""
    references: tuple[str, ...] = ()
    """The mails that it answers, the root of the thread first."""
    text: str = ""
    attachments: tuple[str, ...] = ()
    auto_submitted: str = ""
    is_report: bool = False
    """True for a bounce or another report of a mail server."""
    is_relayed: bool = False
    """True if a mail server recorded when it received the mail."""
    is_own: bool = False
    """True for a mail that Firebell sent."""
    authentication: tuple[str, ...] = ()
    """The Authentication-Results, the last relay's first."""
    return_path: str | None = None
    """The envelope sender that a mailbox recorded; empty for the null sender, None if it recorded none."""
    problem: str = ""
    """Why a part of it could not be read."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How the mails of an integration are read."""

    senders: tuple[str, ...] = ()
    """Addresses, and domains that begin with @, that may send; empty for everyone who knows the address."""
    resolve_matchers: str = ""
    """Which mails resolve their alert; empty for the words of the subject."""
    ignore_matchers: str = ""
    """Which mails change nothing; empty for none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mail does, and why."""

    outcome: MailOutcome
    reason: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """What is recorded about a mail."""

    integration_id: int
    digest: bytes
    message_id: str
    sender: str
    subject: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class MailReceipt:
    """A mail of the last 30 days, and its outcome."""

    id: int
    received_at: datetime
    sender: str
    subject: str
    outcome: MailOutcome
    reason: str
    dedup_key: str


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as it arrived for one integration; `envelope_sender` is empty for the null sender, None if unknown."""

    integration_id: int
    service_id: int
    integration_name: str
    content: bytes = field(repr=False)
    message: MailMessage
    envelope_sender: str | None = None
    is_cut: bool = False
    """True if the mail was larger than is kept."""
