"""Names and texts cut to the limits of a provider, and compared as it shows them (pure)."""

import html
import re

NAME_MAX_CHARS = 255
BODY_MAX_CHARS = 25_000
_TAG = re.compile(r"<[^<>]{1,200}>")
_SENTENCE_END = re.compile(r"[.!?](?=\s)")


def cut_at_sentence(text: str, limit: int, url: str) -> str:
    """Return the text, cut after its last whole sentence and followed by `url` if it is longer than `limit`."""
    if len(text) <= limit:
        return text
    room = limit - len(url) - 1
    head = text[: max(room, 0)]
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, room + 1) if match.end() <= room]
    head = head[: ends[-1]] if ends else head.rsplit(None, 1)[0] if " " in head else head
    return f"{head} {url}"[:limit]


def comparable(text: str) -> str:
    """Return a text without the markup and spaces that a provider may change."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())
