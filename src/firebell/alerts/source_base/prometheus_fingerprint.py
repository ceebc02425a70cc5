"""The fingerprint that Prometheus and Alertmanager give to a set of labels (pure)."""

from collections.abc import Mapping
from functools import lru_cache

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 2**64 - 1
_SEPARATOR = b"\xff"
FINGERPRINT_DIGITS = 16
_CACHED_BYTES = 1024
"""Labels with more bytes are hashed each time, so that the cache stays small."""


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return the 64-bit FNV-1a hash of sorted labels in hex digits; an empty value is an absent label."""
    joined = b"".join(
        part
        for name, value in sorted(labels.items())
        if value
        for part in (_bytes(name), _SEPARATOR, _bytes(value), _SEPARATOR)
    )
    # a source sends the same labels every minute
    return _cached_hash(joined) if len(joined) <= _CACHED_BYTES else _hash(joined)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _hash(joined: bytes) -> str:
    digest = _OFFSET
    for byte in joined:
        digest = ((digest ^ byte) * _PRIME) & _MASK
    return f"{digest:0{FINGERPRINT_DIGITS}x}"


_cached_hash = lru_cache(maxsize=8192)(_hash)
