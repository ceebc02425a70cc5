"""Secrets: random tokens, their hashes, and signed values that expire."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Any

from firebell.kit.errors import Invalid


def random_token(size: int = 32) -> str:
    """Return a fresh URL-safe token of `size` random bytes."""
    return secrets.token_urlsafe(size)


def token_hash(token: str) -> bytes:
    """Return the SHA-256 of a token, which is what the database stores."""
    return hashlib.sha256(token.encode()).digest()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signer:
    """Signs small JSON values with the installation's secret (HMAC-SHA256)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _mac(self, purpose: str, body: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}.{body}".encode(), "sha256")[:20]

    def digest(self, purpose: str, body: bytes) -> str:
        """Return `v1=<hex>`, the HMAC-SHA256 of a body, for receivers that know the secret of `purpose`."""
        key = hmac.digest(self._secret, purpose.encode(), "sha256")
        return f"v1={hmac.digest(key, body, 'sha256').hex()}"

    def seed(self, purpose: str) -> bytes:
        """Return 32 secret bytes for a purpose, always the same, from which a key of another kind is made."""
        return hmac.digest(self._secret, f"seed.{purpose}".encode(), "sha256")

    def mail_token(self, delivery_id: int) -> str:
        """Return what a mail carries, by which reports about it name its delivery: letters, digits and a hyphen."""
        return f"d{delivery_id}-{self._mac('mail', str(delivery_id))[:12].hex()}"

    def is_mail_token(self, delivery_id: int, code: str) -> bool:
        """Return True if a token with this id and code is genuine."""
        return hmac.compare_digest(f"d{delivery_id}-{code}".encode(), self.mail_token(delivery_id).encode())

    def sign(self, purpose: str, value: dict[str, Any], expires: datetime) -> str:
        """Return a URL-safe token that only `open` with the same `purpose` accepts, until `expires`."""
        body = _b64(json.dumps([int(expires.timestamp()), value], separators=(",", ":")).encode())
        return f"{body}.{_b64(self._mac(purpose, body))}"

    def open(self, purpose: str, token: str, now: datetime) -> dict[str, Any]:
        """Return the signed value; raise `Invalid` if it is forged, truncated or expired."""
        body, _, mac = token.partition(".")
        # compared as text, so that each token has exactly one encoding
        good = token.isascii() and hmac.compare_digest(mac, _b64(self._mac(purpose, body)))
        if not good:
            raise Invalid("This link isn’t valid.", hint="Open the page in Firebell.")
        expires, value = json.loads(_unb64(body))
        if now >= datetime.fromtimestamp(expires, UTC):
            raise Invalid("This link has expired.", hint="Sign in to Firebell to act on the page.")
        assert isinstance(value, dict)
        return value
