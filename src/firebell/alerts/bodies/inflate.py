"""Decompress an inbound body up to a limit (pure)."""

import zlib
from dataclasses import dataclass

GZIP = b"\x1f\x8b"
MAX_RATIO = 1_032
"""The highest compression ratio of DEFLATE."""
_PLAIN = ("", "identity")
_KNOWN = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class Inflated:
    """A decompressed body; `error` is set if part of it is missing, `is_opaque` if all of it is."""

    body: bytes
    error: str | None = None
    is_opaque: bool = False
    is_too_large: bool = False


def is_encoded(body: bytes, encoding: str) -> bool:
    """Return True if `body` is compressed or declared to be."""
    return encoding.strip().lower() not in _PLAIN or body.startswith(GZIP)


def inflate(body: bytes, encoding: str, limit: int) -> Inflated:
    """Return the decompressed body, at most `limit` bytes; a body in an unknown encoding is opaque.

    A body that is declared as compressed and is not is returned unchanged.
    """
    name = encoding.strip().lower()
    is_gzip = body.startswith(GZIP)
    if not is_gzip and body.lstrip()[:1] in (b"{", b"[", b'"'):
        return Inflated(body)
    if name not in (*_PLAIN, *_KNOWN):
        error = f"Content-Encoding {name[:40]} is not supported; send gzip, deflate or none."
        return Inflated(body, error, is_opaque=True)
    windows = (zlib.MAX_WBITS | 16,) if is_gzip else (zlib.MAX_WBITS, -zlib.MAX_WBITS)
    for window in windows:
        inflater = zlib.decompressobj(window)
        try:
            out = inflater.decompress(body, limit + 1)
        except zlib.error as exc:
            error = f"The compressed body cannot be read: {exc}."
            continue
        if len(out) > limit:
            return Inflated(out[:limit], "The body is too large.", is_too_large=True)
        return Inflated(out, None if inflater.eof else "The compressed body ends too early.")
    return Inflated(body, error, is_opaque=True) if is_gzip else Inflated(body)
