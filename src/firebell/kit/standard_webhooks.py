"""Signatures of webhooks as Standard Webhooks defines them (pure; standardwebhooks.com)."""

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from datetime import datetime

SECRET_BYTES = 32
TOLERANCE_S = 300
"""How old a signed timestamp may be."""
_PREFIX = "whsec_"


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that receivers get: `whsec_` and base64."""
    return f"{_PREFIX}{b64encode(secret).decode()}"


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one `v1` signature for each secret, separated by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, signed, "sha256") for secret in secrets)
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests)


def request_headers(
    secrets: Sequence[bytes], message_id: str, attempted_at: datetime, body: bytes
) -> dict[str, str]:
    """Return the headers of a JSON message; its id stays the same on retries, the timestamp is of the attempt."""
    timestamp = int(attempted_at.timestamp())
    return {
        "Content-Type": "application/json",
        "User-Agent": "Firebell",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secrets, message_id, timestamp, body),
    }


def is_signed(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> bool:
    """Return True if one of the signatures of a message is that of a secret, and its timestamp is recent.

    `headers` has lower-case names; `secret` is a text as `secret_text` returns it.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return False
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Error:
        return False
    wanted = signature([key], message_id, int(timestamp), body).encode()
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(each.encode(), wanted) for each in given)
