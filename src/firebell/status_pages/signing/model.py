"""The keys with which a status page signs its log."""

import base64
from dataclasses import dataclass
from datetime import datetime

KEY_PATH = "/.well-known/firebell-status-key"
"""Where a status page publishes its keys, below its address."""
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A public key of a status page, which signs the entries of the log from `first_entry` on until the next key."""

    public_key: str
    """The 32 bytes of an Ed25519 key in Base64."""
    first_entry: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of a status page with the person who created it, and why."""

    published: PublishedKey
    actor: str
    reason: str
    is_present: bool
    """True for the key that signs what is published now."""


def encoded_key(public_key: bytes) -> str:
    """Return a public key as text."""
    return base64.b64encode(public_key).decode("ascii")
