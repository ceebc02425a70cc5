"""Cleaning what sources send into the limits of spec 3.1 (pure): shorten and mend, never refuse an alert."""

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta

import msgspec

from firebell.alerts.model import Event, EventKind, Json
from firebell.kit.text import BIDI_CONTROLS

TITLE, BODY, LABELS, NAME, VALUE, KEY = 255, 32 * 1024, 64, 128, 1024, 512
EVENTS = 10_000
"""How many events are taken from one message; one more event says how many were not."""
_WHOLE = 1 << 20
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BIDI_CONTROL = re.compile(f"[{BIDI_CONTROLS}]")
_LINE_BREAKS = re.compile(r"[\n\t]+")


def text(value: Json, limit: int = VALUE) -> str:
    """Return any JSON value as NFC text without (bidirectional) control characters, cut to `limit` characters."""
    return _storable(_BIDI_CONTROL.sub("", value) if isinstance(value, str) else value, limit)


def _storable(value: Json, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        value = str(value).lower() if isinstance(value, bool) else _scalar(value)
    clean = _CONTROL.sub("", value)
    clean = (clean if clean.isascii() else unicodedata.normalize("NFC", clean)).strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _scalar(value: Json) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return "(nested too deeply)"


def line(value: Json, limit: int = TITLE) -> str:
    """Return `value` as one line of text."""
    return text(_LINE_BREAKS.sub(" ", text(value, 4 * limit)), limit)


def mapping(value: Json) -> dict[str, str]:
    """Return a JSON object as at most 64 non-empty labels; an empty value means an absent label."""
    if not isinstance(value, dict):
        return {}
    found: dict[str, str] = {}
    for name, item in value.items():
        key, clean = text(name, NAME), text(item)
        if key and clean:
            found[key] = clean
        if len(found) == LABELS:
            break
    return found


def dedup_key(value: Json, fallback: str) -> str:
    """Return a key of at most 512 characters; an empty one becomes `fallback`, never one key for all."""
    key = _storable(value, _WHOLE) or fallback  # two keys never become one
    return key if len(key) <= KEY else "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def fingerprint(value: Json) -> str:
    """Return the SHA-256 of a JSON value with its names sorted."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def instant(value: Json) -> datetime | None:
    """Return an RFC 3339 text or epoch number as an instant.

    None for nonsense, for Go's zero time, and for a time without a zone: it cannot be compared with others.
    """
    try:
        if isinstance(value, str):
            found = msgspec.convert(value, datetime)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        else:
            return None
        if found.tzinfo is None:
            return None
        found = found.astimezone(UTC)
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        return None
    return found if found.year > 1970 else None


def clamp(occurred: datetime | None, received: datetime) -> datetime | None:
    """Return a source's time when it is believable: at most 24 h old and 5 min ahead (spec 3.1)."""
    if occurred is None or not received - timedelta(hours=24) <= occurred <= received + timedelta(minutes=5):
        return None
    return occurred


_SEVERITIES = {
    "critical": "critical crit fatal emergency alert page p0 p1 sev0 sev1 high",
    "error": "error err major p2 sev2",
    "warning": "warning warn minor moderate medium p3 sev3",
    "info": "info information informational notice debug low none p4 p5",
}
_SEVERITY_OF = {word: name for name, words in _SEVERITIES.items() for word in words.split()}


def severity(value: Json) -> str | None:
    """Return one of critical, error, warning, info for the words that senders use, None when unknown."""
    return _SEVERITY_OF.get(text(value, 40).casefold())


def overflow(count: int) -> Event:
    """Return the event that pages for `count` events of a message beyond the first `EVENTS`."""
    return Event(
        EventKind.FIRING,
        "overflow",
        f"{count:,} alerts of one message were not processed",
        f"A message can hold {EVENTS:,} alerts. Check the sender for the others, and send fewer per message.",
        "error",
    )


def too_large(limit: int, sender: str) -> Event:
    """Return the event that pages for a message of `sender` over `limit` bytes, of which nothing was taken."""
    return Event(
        EventKind.FIRING,
        "too-large",
        line(f"A message over {limit >> 20} MiB from {sender} was refused"),
        "None of its alerts were processed. Check the sender for them, and send fewer per message.",
        "critical",
    )


def unreadable(reason: str, excerpt: str, sender: str, *, title: str = "", key: str = "") -> Event:
    """Return the event that pages for a message of `sender` that cannot be read.

    `title` and `key` are what could be recovered; without a key, each distinct message is an alert.
    """
    excerpt = text(excerpt, BODY // 2)
    return Event(
        EventKind.FIRING,
        dedup_key(key, f"unreadable:{fingerprint(excerpt)}"),
        line(f"Unreadable alert: {title}" if title else f"Unreadable message from {sender}"),
        text(f"{reason}\n\n{excerpt}", BODY),
    )
