"""The envelope of Amazon SNS: its content, plain texts, and subscription confirmations.

https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html
https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
"""

import re
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from firebell.alerts.cleaning import MAX_BODY, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "sns"
_HANDSHAKES = ("SubscriptionConfirmation", "UnsubscribeConfirmation")
_HOST = re.compile(r"sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?")
_ALERTMANAGER = re.compile(r"\[(FIRING|RESOLVED)(?::\d+)?\]\s*(([^(]*).*)", re.S)
"""The subject of Alertmanager's SNS receiver: the state, then the common labels of the group."""
_STATES = {"FIRING": EventKind.FIRING, "RESOLVED": EventKind.RESOLVED}


def matches(data: dict[str, Json]) -> bool:
    """Return True for an SNS envelope."""
    return "TopicArn" in data and data.get("Type") in ("Notification", *_HANDSHAKES)


def content(data: dict[str, Json]) -> dict[str, Json]:
    """Return the JSON object in a notification, or an empty one for any other content."""
    message = data.get("Message")
    if data.get("Type") != "Notification" or not isinstance(message, str):
        return {}
    try:
        decoded = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event: a handshake for the owner, or the text of a notification."""
    topic, subject = filled(data.get("TopicArn")), filled(data.get("Subject"))
    if data.get("Type") in _HANDSHAKES:
        return (_handshake(data, topic, received_at),)
    stated = _ALERTMANAGER.match(subject)
    body = text(data.get("Message"), MAX_BODY)
    return (
        event(
            NAME,
            received_at,
            kind=_STATES[stated[1]] if stated else None,
            key=f"{topic}|{stated[3].strip()}" if stated and stated[3].strip() else None,
            title=stated[2] if stated else subject or body.partition("\n")[0],
            body=body,
            labels={"topic": topic},
            occurred_at=data.get("Timestamp"),
        ),
    )


def _handshake(data: dict[str, Json], topic: str, received_at: datetime) -> Event:
    """Return the request to confirm a subscription; the owner gets only a URL that belongs to Amazon."""
    address = web_address(first(data, "SubscribeURL", "SubscribeUrl"))
    parts = urlsplit(address)
    trusted = parts.scheme == "https" and _HOST.fullmatch(parts.netloc)
    return event(
        NAME,
        received_at,
        kind=EventKind.HANDSHAKE,
        key=f"{topic}|{first(data, 'Token', 'MessageId')}",
        title=topic,
        body=data.get("Message"),
        labels={"type": data.get("Type")},
        links={"confirm": address} if trusted else {},
    )


SOURCE = Source(
    NAME,
    "Amazon SNS",
    icon=(
        '<circle cx="5" cy="12" r="2"/><circle cx="19" cy="5" r="2"/>'
        '<circle cx="19" cy="12" r="2"/><circle cx="19" cy="19" r="2"/>'
        '<path d="M7 12h10M7 11l10-5M7 13l10 5"/>'
    ),
    setup=(
        "Subscribe this address to the topic, with the protocol HTTPS. Then open the "
        "confirmation link that Firebell sends to the owners of the service."
    ),
    example=(
        '{"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:jobs", '
        '"Subject": "Nightly job failed", "Message": "Exit code 3 on db7."}'
    ),
    recognition=Recognition(40, matches, read, unwrap=content),
)
