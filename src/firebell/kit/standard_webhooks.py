"""Signatures of outgoing webhooks as Standard Webhooks defines them (pure; standardwebhooks.com)."""

import hmac
from base64 import b64encode
from collections.abc import Sequence

SECRET_BYTES = 32
_PREFIX = "whsec_"


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that receivers get: `whsec_` and base64."""
    return f"{_PREFIX}{b64encode(secret).decode()}"


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one `v1` signature for each secret, separated by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(secret, signed, "sha256") for secret in secrets)
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests)
