"""What an Outgoing Webhook of Teams sends, and whether Teams sent it (pure)."""

import base64
import binascii
import hashlib
import hmac
import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.storable_json import storable_text

REPLAY_WINDOW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(r"HMAC ([A-Za-z0-9+/]{43}=)", re.ASCII | re.IGNORECASE)
_MENTION = re.compile(r"<at\b[^>]*>.*?</at>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li)>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BRACKETS = str.maketrans("⟦⟧", "〚〛")
MIN_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class Activity:
    """A message to the webhook; `user` is the id of its author in Entra."""

    key: str
    user: str
    user_name: str
    channel: str
    text: str
    sent_at: datetime | None


def secret_bytes(secret: str) -> bytes | None:
    """Return the key of a security token, None if it is not one."""
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) >= MIN_SECRET_BYTES else None


def is_signed(body: bytes, authorization: str, secrets: Iterable[str]) -> bool:
    """Return True if one of the security tokens signed this body."""
    match = _AUTHORIZATION.fullmatch(authorization.strip())
    if match is None:
        return False
    given = base64.b64decode(match[1])
    keys = [key for secret in secrets if (key := secret_bytes(secret)) is not None]
    return any(hmac.compare_digest(hmac.new(key, body, hashlib.sha256).digest(), given) for key in keys)


def is_fresh(activity: Activity, now: datetime) -> bool:
    """Return True if a message was sent within five minutes of now."""
    return activity.sent_at is not None and abs(now - activity.sent_at) <= REPLAY_WINDOW


def read_activity(body: bytes) -> Activity | None:
    """Return the message of a body, None if it is not one."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or data.get("type") != "message":
        return None
    author, conversation = data.get("from"), data.get("conversation")
    user = _text(author, "aadObjectId") or _text(author, "id")
    message_id = _text(data, "id")
    if not user or not message_id or len(user) > 200 or len(message_id) > 200:
        return None
    return Activity(
        key=f"teams:{_text(conversation, 'id')[:300]}/{message_id}",
        user=user,
        user_name=_text(author, "name")[:80],
        channel=_text(conversation, "id").partition(";")[0][:200],
        text=plain_text(_text(data, "text")),
        sent_at=_instant(_text(data, "timestamp")),
    )


def plain_text(markup: str) -> str:
    """Return the text of a message without the mention of the webhook and without markup."""
    text = _TAG.sub("", _BREAK.sub("\n", _MENTION.sub(" ", markup, count=1)))
    return html.unescape(text).replace("\xa0", " ").translate(_BRACKETS).strip()


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    return storable_text(value) if isinstance(value, str) else ""


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None
