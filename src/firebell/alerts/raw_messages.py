"""How a stored message is shown (pure): as text, bounded, and without the key that it was sent with."""

import re

REDACTED = b"[integration key]"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def redacted(body: bytes, key: str) -> bytes:
    """Return the body without the integration key: who may read alerts may not send them."""
    return body.replace(key.encode(), REDACTED)


def shown(body: bytes, key: str, limit: int) -> str:
    """Return at most the first `limit` bytes as text that is safe in a page, in JSON and on a terminal.

    `body` holds at least `limit` bytes and the length of a key more, where the message has as many.
    """
    text = redacted(body, key)[:limit].decode("utf-8", "replace")
    # a character that was cut in two is no sign of a binary message
    if len(body) > limit:
        text = text.rstrip("\ufffd")
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))
