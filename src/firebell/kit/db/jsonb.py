"""The binary form of `jsonb` values (pure)."""

from typing import Any

import msgspec

_VERSION = b"\x01"
"""The byte before a value on the wire."""


def encode(value: Any) -> bytes:
    """Return the binary form of a value."""
    return _VERSION + msgspec.json.encode(value)


def decode(data: bytes) -> Any:
    """Return the value of a binary form."""
    return msgspec.json.decode(data[1:])
