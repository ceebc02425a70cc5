"""The alerts of Opsgenie's Alert API; the slice `opsgenie` answers its addresses.

https://docs.opsgenie.com/docs/alert-api
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from firebell.alerts import cleaning
from firebell.alerts.bodies.decoding import BodyFormat, decode
from firebell.alerts.cleaning import (
    MAX_BODY,
    MAX_LABELS,
    MAX_VALUE,
    body_with_title,
    dedup_key,
    instant,
    line,
    mapping,
    text,
)
from firebell.alerts.model import Alert, Event, EventKind, ForeignRequest, Json
from firebell.alerts.request_parts import authorization
from firebell.alerts.source_base.fields import listed, mapped
from firebell.alerts.source_base.source import MAX_KEYED_BODY_BYTES, ForeignAddress, Source

NAME = "opsgenie"
DEFAULT_PRIORITY = "P3"
MAX_ALIAS = 512
MAX_NOTE = 5_000
_SEVERITIES = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info", "P5": "info"}
_PRIORITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "P4"}
_LABELED = ("source", "entity", "tags")
"""Fields that are labels too, unless a detail has their name."""
_RECORDED = ("note", "user")
_LISTS = ("responders", "teams", "visibleTo", "actions")
UNSUPPORTED = frozenset(
    [
        "account",
        "users",
        "teams",
        "schedules",
        "escalations",
        "integrations",
        "policies",
        "services",
        "maintenance",
        "contacts",
        "notification-rules",
        "forwarding-rules",
        "custom-user-roles",
    ]
)
"""The parts of the API that configure Opsgenie; Firebell has an API of its own for them."""
_encode = msgspec.json.encode


def key_of(request: ForeignRequest) -> str:
    """Return the integration key of a request: the one in the header, else the one in the query."""
    return authorization(request.headers, "geniekey") or request.query.get("apiKey", "")


def read_object(body: bytes, content_type: str = "") -> dict[str, Json] | None:
    """Return the JSON object of a request, an empty one for an empty body, or None if it is not a JSON object."""
    if not body.strip():
        return {}
    decoded = decode(body, content_type)
    is_object = isinstance(decoded.value, dict) and decoded.shape is BodyFormat.JSON and not decoded.error
    return decoded.value if is_object else None


def too_large(sender: str) -> Event:
    """Return the event that pages for a body of `sender` that is too large."""
    return cleaning.too_large(MAX_KEYED_BODY_BYTES, sender)


def text_of(value: Json) -> str:
    """Return a value as one line of text."""
    return line(value, MAX_VALUE)


def note_of(value: Json) -> str:
    """Return a note as text, cut to what the log of a page takes."""
    return text(value, MAX_NOTE)


def instant_of(value: Json) -> datetime | None:
    """Return an instant of ISO 8601, or None; a time without an offset is UTC, as it is at Opsgenie."""
    stated = text(value, 40)
    return instant(stated) or instant(f"{stated}Z")


def key_of_alias(alias: str) -> str:
    """Return the deduplication key of an alias."""
    return dedup_key(alias, "")


def create_errors(data: dict[str, Json]) -> dict[str, str]:
    """Return why an alert cannot be created, by field; long texts are no reason."""
    errors = {}
    if not line(data.get("message")):
        errors["message"] = "Message can not be empty."
    if len(text(data.get("alias"), 4 * MAX_ALIAS)) > MAX_ALIAS:
        errors["alias"] = f"Alias can not be longer than {MAX_ALIAS} characters."
    return {**errors, **priority_errors(data.get("priority"))}


def priority_errors(priority: Json) -> dict[str, str]:
    """Return the error of a priority other than P1 to P5; {} if it is valid or absent."""
    if not text(priority) or text(priority).upper() in _SEVERITIES:
        return {}
    return {"priority": "Priority should be one of [ P1, P2, P3, P4, P5 ]."}


def severity_of(priority: str) -> str:
    """Return the severity of a valid priority."""
    return _SEVERITIES[priority.upper()]


def created(data: dict[str, Json], alias: str) -> Event:
    """Return the event that creates an alert; without a priority its severity is unknown, which is urgent."""
    priority, tags = text(data.get("priority")).upper(), _tags(listed(data.get("tags")))
    stated = {
        "source": text(data.get("source")),
        "entity": text(data.get("entity")),
        "tags": _joined(tags),
        "priority": priority,
        **{name: text(data.get(name)) for name in _RECORDED},
        **{name: text(_encode(data[name]).decode()) for name in _LISTS if data.get(name)},
    }
    event = Event(
        EventKind.FIRING,
        dedup_key(text(data.get("alias"), MAX_ALIAS), alias),
        line(data.get("message")),
        body_with_title(data.get("message"), data.get("description")),
        _SEVERITIES.get(priority),
        labels=_text_values(data.get("details")),
        annotations=mapping(stated),
    )
    return _labeled(event)


def current(alert: Alert) -> Event:
    """Return the event that leaves what an alert says as it is; the functions below change it."""
    return Event(
        EventKind.UPDATE,
        alert.dedup_key,
        alert.title,
        alert.body,
        alert.severity,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        links=dict(alert.links),
    )


def with_message(event: Event, message: Json) -> Event:
    """Return the event with another title."""
    return replace(event, title=line(message))


def with_description(event: Event, description: Json) -> Event:
    """Return the event with another body."""
    return replace(event, body=text(description, MAX_BODY))


def with_priority(event: Event, priority: Json) -> Event:
    """Return the event with another priority, and its severity."""
    stated = text(priority).upper()
    return replace(
        event, severity=_SEVERITIES.get(stated), annotations={**event.annotations, "priority": stated}
    )


def with_owner(event: Event, owner: str) -> Event:
    """Return the event with another owner."""
    return replace(event, annotations=mapping({**event.annotations, "owner": owner}))


def with_tags(event: Event, *, added: Iterable[Json] = (), removed: Iterable[Json] = ()) -> Event:
    """Return the event with tags added and removed."""
    gone = set(_tags(removed))
    tags = [tag for tag in _tags([*tags_of(event.annotations), *added]) if tag not in gone]
    bare = _unlabeled(event)
    annotations = {**event.annotations, "tags": _joined(tags)}
    return _labeled(replace(event, labels=bare, annotations=mapping(annotations)))


def with_details(event: Event, *, added: Json = None, removed: Iterable[Json] = ()) -> Event:
    """Return the event with details set and removed."""
    gone = {text(name) for name in removed}
    details = {**_unlabeled(event), **_text_values(added)}
    kept = {name: value for name, value in details.items() if name not in gone}
    return _labeled(replace(event, labels=mapping(kept)))


def tags_in(tags: Json) -> list[str]:
    """Return the tags of a request."""
    return _tags(listed(tags))


def tags_of(annotations: dict[str, str]) -> list[str]:
    """Return the tags of an alert."""
    return _tags(annotations.get("tags", "").split(","))


def details_of(labels: dict[str, str], annotations: dict[str, str]) -> dict[str, str]:
    """Return the details of an alert: its labels, except those that repeat other fields."""
    return {
        name: value
        for name, value in labels.items()
        if name not in _LABELED or value != annotations.get(name)
    }


def priority_of(severity: str | None, annotations: dict[str, str]) -> str:
    """Return the priority of an alert; another source's has that of its severity."""
    stated = annotations.get("priority", "")
    return stated if stated in _SEVERITIES else _PRIORITIES.get(severity or "", DEFAULT_PRIORITY)


def _unlabeled(event: Event) -> dict[str, str]:
    return details_of(event.labels, event.annotations)


def _labeled(event: Event) -> Event:
    """Return the event with its source, entity and tags as labels, so that rules can match them."""
    stated = {name: event.annotations[name] for name in _LABELED if name in event.annotations}
    return replace(event, labels=dict(list({**stated, **event.labels}.items())[:MAX_LABELS]))


def _text_values(details: Json) -> dict[str, str]:
    """Return details as texts; values of other types are written as JSON, as Grafana's are."""
    return mapping({name: text(value) for name, value in mapped(details).items()})


def _tags(tags: Iterable[Json]) -> list[str]:
    """Return tags without commas, each once."""
    clean = (line(tag, MAX_VALUE).replace(",", " ").strip() for tag in tags)
    return list(dict.fromkeys(tag for tag in clean if tag))


def _joined(tags: list[str]) -> str:
    """Return the first tags that fit in a label, joined by commas."""
    joined = ""
    for tag in tags:
        longer = f"{joined},{tag}" if joined else tag
        if len(longer) > MAX_VALUE:
            break
        joined = longer
    return joined


SOURCE = Source(
    NAME,
    "Opsgenie",
    icon='<circle cx="12" cy="8" r="4"/><path d="M4 21c0-4 4-6 8-6s8 2 8 6"/>',
    setup=(
        "In a tool or a script, replace the host api.opsgenie.com with the host of Firebell, and use the integration "
        "key as its API key. Alerts, notes and heartbeats keep working; see the documentation for what differs."
    ),
    example='{"message": "Disk almost full", "alias": "disk-11", "priority": "P1"}',
    snippet="opsgenie_configs: [{api_key: <key>, api_url: '<url>/', update_alerts: true}]",
    address=ForeignAddress("/v2/alerts", "API key", "Authorization: GenieKey <key>"),
)
