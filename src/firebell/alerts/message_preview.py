"""Stored messages as safe, bounded text without their integration key (pure)."""

import re

REDACTED = b"[integration key]"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redacted(body: bytes, key: str) -> bytes:
    """Return the body without the integration key, because reading alerts does not include sending them."""
    return body.replace(key.encode(), REDACTED)


def preview(body: bytes, key: str, limit: int) -> str:
    """Return at most the first `limit` bytes as text that is safe in HTML, in JSON and on a terminal.

    A cut `body` must have at least `limit` bytes plus the length of a key, so that a key at the limit is redacted.
    """
    text = redacted(body, key)[:limit].decode("utf-8", "replace")
    # the limit may cut a character in two
    if len(body) > limit:
        text = text.rstrip("\ufffd")
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))
