"""Anything else: a JSON object with a title, a form, or plain text that is the title."""

from datetime import datetime
from urllib.parse import parse_qsl

import msgspec

from firebell.alerts.model import Incoming, Json, Kind, Reject
from firebell.alerts.normal import (
    BODY,
    EVENTS,
    clamp,
    dedup_key,
    fingerprint,
    instant,
    line,
    mapping,
    severity,
    text,
    too_many,
)
from firebell.alerts.sources import nagios
from firebell.alerts.sources.recognized import recognize, shape_of
from firebell.alerts.sources.shape import UNTITLED, filled, missing
from firebell.alerts.sources.states import kind_of

NAME = "generic"
_TITLES = ("title", "summary", "message", "name", "subject", "msg")
_BODIES = ("body", "description", "details", "text")
_KEYS = ("dedup_key", "key", "id", "alias")
_STATES = ("status", "action", "state", "event_action")
_TIMES = ("occurred_at", "timestamp", "time", "starts_at")
_VOLATILE = {*_STATES, *_TIMES}


def _first(data: dict[str, Json], names: tuple[str, ...]) -> Json:
    return next((data[name] for name in names if data.get(name) not in (None, "")), None)


def normalise(body: bytes, received_at: datetime) -> tuple[Incoming, ...] | Reject:
    """Return the events of the body, one per object of a list, or why there is none."""
    if not body.strip():
        return Reject("The body is empty; send a JSON object with at least a title.")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = _undecoded(body)
    items = decoded if isinstance(decoded, list) else [decoded]
    if not items:
        return Reject("The list is empty.")
    if len(items) > EVENTS:
        return too_many(len(items))
    events: list[Incoming] = []
    for item in items:
        known = recognize(item, received_at) if isinstance(item, dict) else None
        if isinstance(known, Reject) and known.refuse:
            return known
        # a known shape that cannot be read still has a title, a state and a key for the generic rules
        events += known if isinstance(known, tuple) else (_event(item, received_at),)
    return tuple(events)


def _undecoded(body: bytes) -> Json:
    words = body.decode("utf-8", "replace")
    pairs = dict(parse_qsl(words)) if "=" in words and "\n" not in words.strip() else {}
    return pairs if any(name in pairs for name in _TITLES) or shape_of(pairs) else {"title": words}


def _with(given: Json, name: str, value: Json) -> dict[str, str]:
    """Return the mapping, in which `name` is `value` unless it says otherwise itself."""
    pairs = given if isinstance(given, dict) else {}
    return mapping({name: pairs.get(name) or value, **{n: v for n, v in pairs.items() if n != name}})


def _event(item: Json, received_at: datetime) -> Incoming:
    data = item if isinstance(item, dict) else {"title": item}
    kind = Kind.NOTE if nagios.is_soft(data) else nagios.notification(data)
    kind = kind or kind_of(_first(data, _STATES))
    labels = _with(data.get("labels"), "service", data.get("service"))
    links = _with(data.get("links"), "runbook", data.get("runbook_url") or data.get("runbook"))
    stable = {name: value for name, value in data.items() if name not in _VOLATILE}
    title, key = line(_first(data, _TITLES)), filled(_first(data, _KEYS))
    body = text(_first(data, _BODIES), BODY)
    level = severity(data.get("severity") or data.get("priority") or labels.get("severity"))
    return Incoming(
        kind=kind or Kind.FIRING,
        dedup_key=dedup_key(key, f"sha256:{fingerprint(stable)}"),
        title=title or line(body.partition("\n")[0]) or UNTITLED,
        body=body,
        severity=level,
        labels=labels,
        annotations=mapping(data.get("annotations")),
        links=links,
        occurred_at=clamp(instant(_first(data, _TIMES)), received_at),
        read_as=NAME,
        missing=missing(title, key, kind, level),
    )
