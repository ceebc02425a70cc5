"""Reads bounce messages and complaints that mail servers send as mails (pure; RFC 3464 and RFC 5965)."""

import email
from email import policy
from email.message import Message

from firebell.kit.errors import Invalid
from firebell.subscribers.mail_events.provider_parsing import (
    MailEvent,
    MailEventKind,
    kind_of_status,
    tokens_in,
)

MAX_BYTES = 1024 * 1024
"""The largest report; one that returns a large mail whole is refused."""
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "virus"})


def read(body: bytes) -> list[MailEvent]:
    """Return what a report says about its mail, nothing if it says that the mail arrived.

    Raise `Invalid` for a mail that is not a report: an answer of a person or of an absence.
    """
    message = email.message_from_bytes(body, policy=policy.compat32)
    tokens = tokens_in(body.decode("latin-1"))
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            event = _status(part)
        elif kind == "message/feedback-report":
            event = _feedback(part)
        else:
            continue
        return [MailEvent(event.kind, event.provider, event.reason, tokens)] if event else []
    raise Invalid(
        "This email is neither a bounce nor a complaint.",
        hint="Send messages with a part message/delivery-status or message/feedback-report.",
    )


def _fields(part: Message) -> list[Message]:
    """Return the groups of fields of a report; parsers give them as parts or as text."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [each for each in payload if isinstance(each, Message)]
    text = str(payload).replace("\r\n", "\n")
    return [email.message_from_string(group, policy=policy.compat32) for group in text.split("\n\n")]


def _status(part: Message) -> MailEvent | None:
    for group in _fields(part):
        action = str(group.get("Action", "")).strip().lower()
        if action not in ("failed", "delayed"):
            continue
        status = str(group.get("Status", "")).strip()
        reason = " ".join(str(group.get("Diagnostic-Code", "") or status).split())
        kind = MailEventKind.DELAYED
        if action == "failed":
            kind = kind_of_status(status, is_permanent=True)
        return MailEvent(kind, "dsn", reason[:300])
    return None


def _feedback(part: Message) -> MailEvent | None:
    for group in _fields(part):
        kind = str(group.get("Feedback-Type", "")).strip().lower()
        if kind:
            return MailEvent(MailEventKind.COMPLAINED, "arf", kind[:300]) if kind in _COMPLAINTS else None
    return None


def is_report(body: bytes, content_type: str) -> bool:
    """Return True if a posted body is a mail and not JSON."""
    if content_type.partition(";")[0].strip().lower() in ("message/rfc822", "multipart/report", "text/plain"):
        return not body.lstrip().startswith((b"{", b"["))
    return False
