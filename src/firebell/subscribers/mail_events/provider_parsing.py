"""What mail providers report about mails that were sent, read from their webhooks (pure; spec 7.12).

A report names its mail by the token that the mail carries in its headers; one without a token is about no subscriber.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from firebell.kit.errors import Invalid
from firebell.subscribers.deliveries.smtp_replies import ENHANCED_STATUS, Failure

TOKEN = re.compile(r"\bd([1-9][0-9]{0,17})-([0-9a-f]{24})\b", re.IGNORECASE)
"""The token of a mail: the id of its delivery and a code. Mail servers may change the case of an address."""
MAX_EVENTS = 1_000
"""The most events that a provider sends in one message."""
_REASON_CHARS = 300


class MailEventKind(StrEnum):
    """The outcome of a mail that a server had accepted."""

    BOUNCED = "bounced"
    REFUSED = "refused"
    DELAYED = "delayed"
    COMPLAINED = "complained"

    @property
    def failure(self) -> Failure | None:
        """The failure that it is to the delivery, None for a complaint: the mail had arrived."""
        return _FAILURES.get(self)


MAIL_EVENT_LABELS = {
    MailEventKind.BOUNCED: "The address does not exist",
    MailEventKind.REFUSED: "The server refused the email",
    MailEventKind.DELAYED: "The email could not be delivered for now",
    MailEventKind.COMPLAINED: "Reported as spam",
}
_FAILURES = {
    MailEventKind.BOUNCED: Failure.ADDRESS,
    MailEventKind.REFUSED: Failure.REFUSED,
    MailEventKind.DELAYED: Failure.TEMPORARY,
}


@dataclass(frozen=True, slots=True)
class MailEvent:
    """One report; `tokens` are the (delivery id, code) that it names, genuine or not."""

    kind: MailEventKind
    provider: str
    reason: str
    tokens: tuple[tuple[int, str], ...] = ()


def tokens_in(text: str) -> tuple[tuple[int, str], ...]:
    """Return the tokens in a text, each once."""
    return tuple(dict.fromkeys((int(m[1]), m[2].lower()) for m in TOKEN.finditer(text)))


def kind_of_status(status: str, *, is_permanent: bool) -> MailEventKind:
    """Return what an enhanced status code such as 5.1.1 means; without one, what the provider says."""
    match = ENHANCED_STATUS.search(status)
    if match and match[1] == "5":
        return MailEventKind.BOUNCED if match[2] == "1" else MailEventKind.REFUSED
    return MailEventKind.REFUSED if is_permanent and not match else MailEventKind.DELAYED


def read(body: bytes) -> list[MailEvent]:
    """Return the reports in the JSON of SES, Postmark, Mailgun or SendGrid; raise `Invalid` for anything else."""
    value = decoded(body)
    if isinstance(value, list):
        return [event for item in value[:MAX_EVENTS] if isinstance(item, dict) for event in _sendgrid(item)]
    if "event-data" in value:
        return list(_mailgun(_map(value["event-data"])))
    if "RecordType" in value:
        return list(_postmark(value))
    message = decoded(str(value.get("Message", "")).encode()) if "TopicArn" in value else value
    if isinstance(message, dict) and ("notificationType" in message or "eventType" in message):
        return list(_ses(message))
    raise Invalid(
        "This is not a report of a mail provider.",
        hint="Send webhooks of Amazon SES (by SNS), Postmark, Mailgun or SendGrid, or a raw bounce message.",
    )


def decoded(body: bytes) -> Any:
    """Return an object or a list of JSON; raise `Invalid`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Invalid("The body is not JSON.", hint="Send the provider’s webhook as it is.") from None
    if not isinstance(value, dict | list):
        raise Invalid("The body is neither an object nor a list.")
    return value


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _event(kind: MailEventKind, provider: str, source: object, *reasons: object) -> MailEvent:
    reason = " ".join(str(each) for each in reasons if each)
    text = json.dumps(source, ensure_ascii=False)
    return MailEvent(kind, provider, reason[:_REASON_CHARS], tokens_in(text))


def _ses(message: Mapping[str, Any]) -> Iterator[MailEvent]:
    kind = message.get("notificationType") or message.get("eventType")
    mail = message.get("mail")
    if kind == "Complaint":
        complaint = _map(message.get("complaint"))
        if complaint.get("complaintFeedbackType") != "not-spam":
            reason = complaint.get("complaintFeedbackType") or "complaint"
            yield _event(MailEventKind.COMPLAINED, "ses", mail, reason)
    elif kind == "Bounce":
        bounce = _map(message.get("bounce"))
        recipient = next(iter(_items(bounce.get("bouncedRecipients"))), {})
        is_permanent = bounce.get("bounceType") == "Permanent"
        status = str(recipient.get("status") or recipient.get("diagnosticCode") or "")
        bounced = kind_of_status(status, is_permanent=is_permanent)
        if is_permanent and bounce.get("bounceSubType") in (
            "General",
            "NoEmail",
            "Suppressed",
            "OnAccountSuppressionList",
        ):
            bounced = MailEventKind.BOUNCED
        elif not is_permanent:
            bounced = MailEventKind.DELAYED
        reason = recipient.get("diagnosticCode") or bounce.get("bounceSubType")
        yield _event(bounced, "ses", mail, reason)


_POSTMARK_BOUNCED = frozenset({"HardBounce", "BadEmailAddress", "ManuallyDeactivated"})
_POSTMARK_REFUSED = frozenset({"Blocked", "SpamNotification", "DMARCPolicy", "SMTPApiError"})
_POSTMARK_DELAYED = frozenset({"SoftBounce", "Transient", "DnsError"})


def _postmark(record: Mapping[str, Any]) -> Iterator[MailEvent]:
    kind, reason = record.get("Type"), record.get("Details") or record.get("Description")
    if record["RecordType"] == "SpamComplaint" or kind == "SpamComplaint":
        yield _event(MailEventKind.COMPLAINED, "postmark", record, "spam complaint")
    elif record["RecordType"] != "Bounce":
        return
    elif kind in _POSTMARK_BOUNCED:
        yield _event(MailEventKind.BOUNCED, "postmark", record, reason)
    elif kind in _POSTMARK_REFUSED:
        yield _event(MailEventKind.REFUSED, "postmark", record, reason)
    elif kind in _POSTMARK_DELAYED:
        yield _event(MailEventKind.DELAYED, "postmark", record, reason)


def _mailgun(data: Mapping[str, Any]) -> Iterator[MailEvent]:
    if data.get("event") == "complained":
        yield _event(MailEventKind.COMPLAINED, "mailgun", data, "spam complaint")
    elif data.get("event") == "failed":
        status = _map(data.get("delivery-status"))
        text = " ".join(str(status.get(name) or "") for name in ("enhanced-code", "message", "description"))
        is_permanent = data.get("severity") == "permanent"
        kind = kind_of_status(text, is_permanent=is_permanent)
        if data.get("reason") == "suppress-complaint":
            kind = MailEventKind.COMPLAINED
        elif data.get("reason") == "suppress-bounce":
            kind = MailEventKind.BOUNCED
        elif not is_permanent:
            kind = MailEventKind.DELAYED
        yield _event(kind, "mailgun", data, status.get("code"), status.get("message") or data.get("reason"))


def _sendgrid(item: Mapping[str, Any]) -> Iterator[MailEvent]:
    event, reason = item.get("event"), item.get("reason")
    if event == "spamreport" or (event == "dropped" and reason == "Spam Reporting Address"):
        yield _event(MailEventKind.COMPLAINED, "sendgrid", item, "spam report")
    elif event == "bounce":
        status = f"{item.get('status') or ''} {reason or ''}"
        kind = kind_of_status(status, is_permanent=True)
        is_block = item.get("type") == "blocked"
        yield _event(MailEventKind.REFUSED if is_block else kind, "sendgrid", item, reason)
    elif event == "dropped" and reason in ("Bounced Address", "Invalid"):
        yield _event(MailEventKind.BOUNCED, "sendgrid", item, reason)
