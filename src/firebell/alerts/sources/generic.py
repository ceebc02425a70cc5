"""The generic address: recognized tools, JSON objects, forms, and plain text as a title."""

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from firebell.alerts.bodies.decoding import BodyFormat, Decoded, decode, states
from firebell.alerts.cleaning import (
    MAX_BODY,
    MAX_EVENTS,
    clamp,
    dedup_key,
    fingerprint,
    instant,
    line,
    mapping,
    overflow,
    severity,
    text,
    unreadable,
)
from firebell.alerts.model import Event, EventKind, Json, Rejected
from firebell.alerts.source_base.fields import UNTITLED, filled, missing
from firebell.alerts.source_base.recognition import recognition_of, recognize
from firebell.alerts.source_base.source import KeyedMessage, KeyedRequest, PathAddress, Source
from firebell.alerts.source_base.state_words import kind_of
from firebell.alerts.sources import nagios

NAME = "generic"
_TITLES = ("title", "summary", "message", "name", "subject", "msg")
_BODIES = ("body", "description", "details", "text")
_KEYS = ("dedup_key", "key", "id", "alias")
_STATES = ("status", "action", "state", "event_action")
_TIMES = ("occurred_at", "timestamp", "time", "starts_at")
_VOLATILE = {*_STATES, *_TIMES}


def _first(data: dict[str, Json], names: tuple[str, ...]) -> Json:
    return next((data[name] for name in names if data.get(name) not in (None, "")), None)


def normalize(
    body: bytes, received_at: datetime, content_type: str = "", sender: str = "a sender"
) -> tuple[Event, ...] | Rejected:
    """Return the events of the body, one or more per object, or Rejected if it cannot be read in full."""
    decoded = decode(body, content_type)
    if not decoded.is_whole:
        return _partial(decoded, received_at, sender)
    value = _value(decoded)
    items = value if isinstance(value, list) else [value]
    if items == [""]:
        reason = "The body is empty; send a JSON object with at least a title."
        return Rejected(reason, (unreadable(reason, "", sender),))
    if not items:
        return Rejected("The list is empty.")
    results = [_read(item, received_at) for item in items[:MAX_EVENTS]]
    events = tuple(event for result in results for event in result.events)
    if len(items) > MAX_EVENTS:
        events = (*events, overflow(len(items) - MAX_EVENTS))
    error = decoded.error or next((result.error for result in results if result.error), None)
    if not error:
        return events
    is_resolution = isinstance(value, str) and _is_resolution(states(value))
    return Rejected(error, () if is_resolution else events)


def keyed_message(request: KeyedRequest, key: str, sender: str) -> KeyedMessage:
    """Return what `normalize` reads from a request to an address of another product."""
    events = normalize(request.body, request.received_at, request.content_type, sender)
    if isinstance(events, Rejected):
        return KeyedMessage(key, events.events, errors=(events.reason,))
    return KeyedMessage(key, events)


@dataclass(frozen=True, slots=True)
class _Read:
    events: tuple[Event, ...]
    error: str | None = None


def _read(item: Json, received_at: datetime) -> _Read:
    """Return the events of an object, as a recognized tool or by the generic rules."""
    recognized = recognize(item if isinstance(item, dict) else {"title": item}, received_at)
    match recognized:
        case tuple():
            return _Read(recognized)
        case Rejected(reason, events) if events:
            return _Read(events, reason)
    # a message of a recognized tool that cannot be read may still have a title, a state and a key
    return _Read((_event(item, received_at),))


def _value(decoded: Decoded) -> Json:
    generic_names = (*_TITLES, *_KEYS, *_STATES)
    fields = decoded.value
    if decoded.shape is BodyFormat.FORM and not (
        any(name in fields for name in generic_names) or recognition_of(fields)
    ):
        return decoded.text
    return decoded.value


def _is_resolution(stated: set[str]) -> bool:
    return bool(stated) and EventKind.FIRING not in map(kind_of, stated)


def _partial(decoded: Decoded, received_at: datetime, sender: str) -> Rejected:
    """Return the events of an invalid document's complete items, and one that pages for the rest.

    A rest that only says resolved never pages. An object with a key and a resolved state before the error
    resolves that alert.
    """
    items = decoded.value if isinstance(decoded.value, list) else []
    events = [event for item in items[:MAX_EVENTS] for event in _read(item, received_at).events]
    fields = decoded.value if isinstance(decoded.value, dict) else {}
    key, state = _first(fields, _KEYS), _first(fields, _STATES)
    stated = {text(state, 40).casefold()} if state else states(decoded.rest)
    reason = decoded.error or ""
    if not _is_resolution(stated):
        title = line(_first(fields, _TITLES))
        page = unreadable(reason, decoded.text, sender, title=title, key=text(key))
        events.append(replace(page, severity=severity(fields.get("severity") or fields.get("priority"))))
    elif key and state:
        events.append(_event(fields, received_at))
    return Rejected(reason, tuple(events))


def _with_default(fields: Json, name: str, value: Json) -> dict[str, str]:
    """Return the mapping with `value` for `name` unless it has a value."""
    pairs = fields if isinstance(fields, dict) else {}
    return mapping({name: pairs.get(name) or value, **{n: v for n, v in pairs.items() if n != name}})


def _event(item: Json, received_at: datetime) -> Event:
    data = item if isinstance(item, dict) else {"title": item}
    kind = EventKind.NOTE if nagios.is_soft(data) else nagios.notification(data)
    kind = kind or kind_of(_first(data, _STATES))
    labels = _with_default(data.get("labels"), "service", data.get("service"))
    links = _with_default(data.get("links"), "runbook", data.get("runbook_url") or data.get("runbook"))
    stable = {name: value for name, value in data.items() if name not in _VOLATILE}
    title, key = line(_first(data, _TITLES)), filled(_first(data, _KEYS))
    body = text(_first(data, _BODIES), MAX_BODY)
    level = severity(data.get("severity") or data.get("priority") or labels.get("severity"))
    return Event(
        kind=kind or EventKind.FIRING,
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


SOURCE = Source(
    NAME,
    "Generic webhook (JSON)",
    icon=(
        '<path d="M9 4c-3 0-3 2-3 4s0 4-2 4c2 0 2 2 2 4s0 4 3 4"/>'
        '<path d="M15 4c3 0 3 2 3 4s0 4 2 4c-2 0-2 2-2 4s0 4-3 4"/>'
    ),
    setup="For any tool that can post JSON, a form or text. Firebell recognizes the tools listed below.",
    example='{"title": "Disk almost full", "severity": "critical"}',
    address=PathAddress(normalize),
)
