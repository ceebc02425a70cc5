"""Whether a notification of a tracker is genuine (pure; spec 11.10).

A header that is there must be right, and be there once: a wrong signature is not saved by a token.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from firebell.kit.standard_webhooks import is_signed


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A notification: its headers by lower-case name, each with all its values, and its raw body."""

    headers: Mapping[str, Sequence[str]]
    body: bytes
    path_token: str
    now: datetime

    def one(self, name: str) -> str | None:
        """Return a header, None if it is missing, empty text if it is there twice."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None if not values else ""


def body_id(body: bytes) -> str:
    """Return an id for a delivery that has none: the same body is the same delivery."""
    return f"sha256:{sha256(body).hexdigest()}"


def has_hex_hmac(request: HookRequest, header: str, secret: str, prefix: str = "") -> bool:
    """Return True if a header is the hexadecimal HMAC-SHA256 of the body."""
    given = request.one(header)
    wanted = prefix + hmac.digest(secret.encode(), request.body, "sha256").hex()
    return given is not None and hmac.compare_digest(given.encode(), wanted.encode())


def has_token(request: HookRequest, header: str, secret: str) -> bool:
    """Return True if a header is the secret itself."""
    given = request.one(header)
    return given is not None and hmac.compare_digest(given.encode(), secret.encode())


def has_path_token(request: HookRequest, wanted: str) -> bool:
    """Return True if the address ends with the token of the tracker."""
    return hmac.compare_digest(request.path_token.encode(), wanted.encode())


def has_standard_signature(request: HookRequest, secret: str) -> bool:
    """Return True for a signature of Standard Webhooks whose timestamp is at most five minutes old."""
    headers = {name: request.one(name) or "" for name in request.headers}
    return is_signed(headers, request.body, secret, request.now.timestamp())


def path_token(secret: str) -> str:
    """Return the token of an address for senders that sign nothing: 32 bytes that follow from the secret."""
    return hmac.digest(secret.encode(), b"firebell tracker address", "sha256").hex()
