"""Clean what sources send to the limits of spec 3.1 (pure); an alert is shortened, never refused."""

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta

import msgspec

from firebell.alerts.model import Event, EventKind, Json
from firebell.kit.text import BIDI_CONTROLS

MAX_TITLE, MAX_BODY, MAX_LABELS, MAX_NAME, MAX_VALUE, MAX_KEY = 255, 32 * 1024, 64, 128, 1024, 512
MAX_EVENTS = 10_000
"""Events read from one message; one more event reports the rest."""
OVERFLOW_KEY = "overflow"
"""The deduplication key of the event that reports alerts that were not processed."""
_UNLIMITED = 1 << 20
OLDEST, FARTHEST_AHEAD = timedelta(hours=24), timedelta(minutes=5)
"""How far the source's time may be from that of the arrival."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BIDI_CONTROL = re.compile(f"[{BIDI_CONTROLS}]")
_LINE_BREAKS = re.compile(r"[\n\t]+")


def text(value: Json, limit: int = MAX_VALUE) -> str:
    """Return a JSON value as NFC text without (bidirectional) control characters, cut to `limit` characters."""
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        value = _BIDI_CONTROL.sub("", value)
    return _storable(value, limit)


def _storable(value: Json, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        value = str(value).lower() if isinstance(value, bool) else _scalar(value)
    clean: str = value
    # in printable ASCII, as most texts are, nothing is removed or normalized
    if not (clean.isascii() and clean.isprintable()):
        clean = _CONTROL.sub("", clean)
        clean = clean if clean.isascii() else unicodedata.normalize("NFC", clean)
    clean = clean.strip()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _scalar(value: Json) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return "(nested too deeply)"


def line(value: Json, limit: int = MAX_TITLE) -> str:
    """Return `value` as one line of text."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return _storable(value, limit)
    return text(_LINE_BREAKS.sub(" ", text(value, 4 * limit)), limit)


def body_with_title(title: Json, body: Json) -> str:
    """Return `body` as text, and before it the whole title if it is longer than a title may be."""
    whole = text(title, MAX_BODY)
    parts = (whole if len(whole) > MAX_TITLE else "", text(body, MAX_BODY))
    return text("\n\n".join(filter(None, parts)), MAX_BODY)


def mapping(value: Json) -> dict[str, str]:
    """Return at most 64 non-empty labels of a JSON object; an empty value means an absent label."""
    if not isinstance(value, dict):
        return {}
    if _is_clean(value):
        return value
    labels: dict[str, str] = {}
    for name, item in value.items():
        key, clean = text(name, MAX_NAME), text(item)
        if key and clean:
            labels[key] = clean
        if len(labels) == MAX_LABELS:
            break
    return labels


def _is_clean(labels: dict[str, Json]) -> bool:
    """Return True if cleaning changes none of these labels; False may also be wrong."""
    if len(labels) > MAX_LABELS:
        return False
    try:
        joined = "|".join(("", *labels, *labels.values(), ""))
    except TypeError:
        return False
    return (
        joined.isascii()
        and joined.isprintable()
        and not ("||" in joined or "| " in joined or " |" in joined)
        and max(map(len, labels), default=0) <= MAX_NAME
        and max(map(len, labels.values()), default=0) <= MAX_VALUE
    )


def dedup_key(value: Json, fallback: str) -> str:
    """Return a key of at most 512 characters, or `fallback` for an empty one; longer keys are hashed."""
    key = _storable(value, _UNLIMITED) or fallback  # cutting it would merge keys
    return key if len(key) <= MAX_KEY else "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def fingerprint(value: Json) -> str:
    """Return the SHA-256 of a JSON value with sorted keys, in hex."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def instant(value: Json) -> datetime | None:
    """Return an RFC 3339 text or an epoch number as an instant.

    Return None for anything else, for Go's zero time, and for a time without a UTC offset.
    """
    try:
        if isinstance(value, str):
            parsed = msgspec.convert(value, datetime)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parsed = datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        else:
            return None
        if parsed.tzinfo is None:
            return None
        if parsed.tzinfo is not UTC:
            parsed = parsed.astimezone(UTC)
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        return None
    return parsed if parsed.year > 1970 else None


def clamp(occurred: datetime | None, received: datetime) -> datetime | None:
    """Return the source's time, or None unless it is at most 24 hours old and 5 minutes ahead (spec 3.1)."""
    if occurred is None or not received - OLDEST <= occurred <= received + FARTHEST_AHEAD:
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
    """Return critical, error, warning or info for the terms that senders use, None for any other."""
    if isinstance(value, str) and (known := _SEVERITY_OF.get(value)):
        return known
    return _SEVERITY_OF.get(text(value, 40).casefold())


def overflow(count: int) -> Event:
    """Return the event that pages for the `count` events of a message that were not read."""
    return Event(
        EventKind.FIRING,
        OVERFLOW_KEY,
        f"{count:,} alerts of one message were not processed",
        f"A message can hold {MAX_EVENTS:,} alerts. Check the sender for the others, and send fewer per message.",
        "error",
    )


def too_large(limit: int, sender: str) -> Event:
    """Return the event that pages for a message of `sender` over `limit` bytes."""
    return Event(
        EventKind.FIRING,
        "too-large",
        line(f"A message over {limit >> 20} MiB from {sender} was refused"),
        "None of its alerts were processed. Check the sender for them, and send fewer per message.",
        "critical",
    )


def unreadable(reason: str, excerpt: str, sender: str, *, title: str = "", key: str = "") -> Event:
    """Return the event that pages for an unreadable message of `sender`.

    `title` and `key` are those that could be recovered; without a key each distinct message is an alert.
    """
    excerpt = text(excerpt, MAX_BODY // 2)
    return Event(
        EventKind.FIRING,
        dedup_key(key, f"unreadable:{fingerprint(excerpt)}"),
        line(f"Unreadable alert: {title}" if title else f"Unreadable message from {sender}"),
        text(f"{reason}\n\n{excerpt}", MAX_BODY),
    )
