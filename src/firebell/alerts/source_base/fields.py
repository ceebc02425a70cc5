"""Read the fields of a message, which can have any type, and build an event of them (pure)."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from firebell.alerts.cleaning import (
    MAX_BODY,
    MAX_LABELS,
    clamp,
    dedup_key,
    fingerprint,
    instant,
    line,
    mapping,
    text,
)
from firebell.alerts.model import Event, EventKind, Json

UNTITLED = "Alert without a title"
FIELDS = ("title", "dedup_key", "status", "severity")
"""Fields that every body should have; the response names the missing ones."""
_TEMPLATE = re.compile(r"\{[A-Z$#?{][^{}]*\}+|\*UNKNOWN\*|\$[A-Z_]+|<no value>|null|None|undefined|\[\]|\{\}")
_MAX_TEXT = 1 << 16
_ADDRESS = re.compile(r"https?://[^\s<>\"'\])]+")


def mapped(value: Json) -> dict[str, Json]:
    """Return a JSON object unchanged, and an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """Return a JSON array unchanged, and an empty one for any other value."""
    return value if isinstance(value, list) else []


def filled(value: Json) -> str:
    """Return a value as text, or an empty string for an unexpanded placeholder or an empty container (spec 9.1, G8)."""
    stated = text(value, _MAX_TEXT)
    return "" if _TEMPLATE.fullmatch(stated) else stated


def first(data: dict[str, Json], *names: str) -> str:
    """Return the first of these fields that is not empty, as text."""
    return next((stated for name in names if (stated := filled(data.get(name)))), "")


def number(value: Json) -> Json:
    """Return digits in text as an integer, and any other value unchanged."""
    digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18
    return int(value) if digits else value


def web_address(value: Json) -> str:
    """Return an http(s) URL with a host, or an empty string for any other value."""
    address = filled(value)
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return address if parts.scheme in ("http", "https") and parts.hostname else ""


def first_address(value: Json) -> str:
    """Return the first http(s) URL in a text, or an empty string."""
    match = _ADDRESS.search(text(value, MAX_BODY))
    return web_address(match[0].rstrip(".,;:!?")) if match else ""


def pairs(value: Json) -> dict[str, Json]:
    """Return tags as labels: `[[name, value]]`, `[{"key"|"tag"|"name", "value"}]`, or `"name:value,..."`."""
    labels: dict[str, Json] = {}
    items = value.split(",") if isinstance(value, str) else listed(value)
    for item in items[:MAX_LABELS]:
        name, tag = "", None
        if isinstance(item, str):
            name, _, tag = item.strip().partition(":")
        elif isinstance(item, dict):
            name, tag = first(item, "key", "tag", "name"), item.get("value")
        elif isinstance(item, list) and len(item) == 2:
            name, tag = filled(item[0]), item[1]
        labels.setdefault(name, tag)
    return labels


def missing(title: str, key: str, kind: EventKind | None, severity: str | None) -> tuple[str, ...]:
    """Return the `FIELDS` that a body lacks."""
    stated = zip(FIELDS, (title, key, kind, severity), strict=True)
    return tuple(name for name, value in stated if not value)


def event(
    read_as: str,
    received_at: datetime,
    *,
    kind: EventKind | None,
    key: Json,
    title: Json,
    body: Json = None,
    severity: str | None = None,
    labels: dict[str, Json] | None = None,
    annotations: dict[str, Json] | None = None,
    links: dict[str, str] | None = None,
    occurred_at: Json = None,
) -> Event:
    """Return an event within the limits of spec 3.1, with the missing fields of its body.

    An event without a state fires. Without a key, events with the same title, body and labels are one alert.
    """
    name, details = line(title), text(body, MAX_BODY)
    clean = mapping(labels)
    stated_key = filled(key)
    return Event(
        kind=kind or EventKind.FIRING,
        dedup_key=dedup_key(stated_key, f"sha256:{fingerprint([read_as, name, details, clean])}"),
        title=name or line(details.partition("\n")[0]) or UNTITLED,
        body=details,
        severity=severity,
        labels=clean,
        annotations=mapping(annotations),
        links=mapping(links),
        occurred_at=clamp(instant(number(occurred_at)), received_at),
        read_as=read_as,
        missing=missing(name, stated_key, kind, severity),
    )
