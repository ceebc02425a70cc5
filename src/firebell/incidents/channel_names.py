"""The name of an incident's chat channel, such as incident-2026-11-24-card-payments-fail (spec 8.9); pure."""

import re
import unicodedata
from datetime import date

from anyascii import anyascii

_APOSTROPHES = re.compile("[’ʼ'`]")
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_LABEL = re.compile(r"incident|inc|sev[0-3]|p[0-3]")
"""Leading words of titles that say nothing: the name already says that it is an incident, and severities change."""
_TOPIC_MAX_CHARS = 50
SLACK_MAX_CHARS = 80
MATTERMOST_MAX_CHARS = 64


def _words(title: str) -> list[str]:
    text = unicodedata.normalize("NFKC", title)
    text = "".join(c for c in text if unicodedata.category(c) not in ("So", "Sk"))
    text = _APOSTROPHES.sub("", anyascii(text).lower())
    words = [word for word in _SEPARATORS.split(text) if word]
    while words and _LABEL.fullmatch(words[0]):
        words = words[1:]
    return words


def topic(title: str, limit: int = _TOPIC_MAX_CHARS) -> str:
    """Return the words of a title in ASCII, joined by hyphens, as many as fit; empty if it has none."""
    words = _words(title)
    if not words:
        return ""
    text = words[0][:limit]
    for word in words[1:]:
        if len(text) + 1 + len(word) > limit:
            break
        text = f"{text}-{word}"
    return text


def channel_name(
    title: str,
    incident_id: int,
    declared_on: date,
    attempt: int = 1,
    *,
    drill: bool = False,
    private: bool = False,
    max_chars: int = SLACK_MAX_CHARS,
) -> str:
    """Return the name to try at an `attempt`, counted from 1: each one differs from those before it.

    The name of a private channel does not have the title.
    """
    base = f"{'drill' if drill else 'incident'}-{declared_on:%Y-%m-%d}-"
    ref = f"inc-{incident_id}"
    words = "private" if private else topic(title, min(_TOPIC_MAX_CHARS, max_chars - len(base)))
    if private or not words:
        name = f"private-{ref}" if private else ref
        return f"{base}{name}" if attempt == 1 else f"{base}{name}-{attempt}"
    if attempt == 1:
        return f"{base}{words}"
    tail = ref if attempt == 2 else f"{ref}-{attempt - 1}"
    limit = min(_TOPIC_MAX_CHARS, max_chars - len(base) - 1 - len(tail))
    return f"{base}{topic(title, limit)}-{tail}"
