"""PagerDuty Events API v2, compatible with its senders."""

import re

from firebell.alerts.bodies.decoding import BodyFormat, Decoded, decode
from firebell.alerts.cleaning import MAX_LABELS, body_with_title, dedup_key, line, mapping, severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import mapped
from firebell.alerts.source_base.source import (
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    Reply,
    Source,
    key_in_path,
)

NAME = "pagerduty"
KEY_FIELD = "routing_key"

UNRECOGNIZED = ("JSON parse error",)
"""The errors of a body that is not a JSON object."""
MAX_KEY_LENGTH = 255
ACTIONS = {"trigger": EventKind.FIRING, "acknowledge": EventKind.ACK, "resolve": EventKind.RESOLVED}
_SEVERITIES = ("critical", "error", "warning", "info")
_KEY_LENGTH = 32


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the event; a trigger without a dedup_key gets the request's new key.

    Events are ordered by arrival, because only triggers have a time.
    """
    data = read_object(request)
    return data if isinstance(data, KeyedMessage) else message_of(data, request)


def message_of(data: dict[str, Json], request: KeyedRequest) -> KeyedMessage:
    """Return the event of the object of a request, or why it is refused."""
    errors = _errors(data)
    if errors:
        key = data.get("routing_key")
        return KeyedMessage(key if isinstance(key, str) else "", errors=tuple(errors))
    return KeyedMessage(data["routing_key"], (_event(data, mapped(data.get("payload")), request.new_key),))


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return PagerDuty's answer: 202 with the dedup_key, or 400 with one sentence per error."""
    if message.errors or not is_known:
        return refusal(message)
    dedup_key = message.events[0].dedup_key
    return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key})


def refusal(message: KeyedMessage, key_field: str = KEY_FIELD) -> Reply:
    """Return PagerDuty's 400 for a message with errors, or with an unknown key."""
    if message.errors == UNRECOGNIZED:
        answer = {"status": "Unrecognized object", "message": "Event object format is unrecognized"}
        return Reply(400, {**answer, "errors": UNRECOGNIZED})
    errors = message.errors or (f"'{key_field}' is not the key of an integration here",)
    return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors})


def failure(reason: str) -> dict[str, Json]:
    """Return the body with which PagerDuty answers an event that is too large, or that could not be stored now."""
    return {"status": "failed", "message": reason, "errors": [reason]}


def read_object(request: KeyedRequest, key_field: str = KEY_FIELD) -> dict[str, Json] | KeyedMessage:
    """Return the JSON object of a request, with the key from the path or the header if the body lacks it."""
    decoded = decode(request.body, request.content_type)
    key, data = _stated_key(decoded, request, key_field), decoded.value
    if decoded.error or decoded.shape is not BodyFormat.JSON or not isinstance(data, dict):
        return KeyedMessage(key if isinstance(key, str) else "", errors=UNRECOGNIZED)
    return {**data, key_field: key} if key else data


def _stated_key(decoded: Decoded, request: KeyedRequest, key_field: str) -> Json:
    """Return the key in the path, else the one in the body, else the one in the header."""
    header_key = request.headers.get(b"x-routing-key", b"").decode("latin-1")
    return key_in_path(request) or mapped(decoded.value).get(key_field) or header_key


def key_in_part(request: KeyedRequest, key_field: str = KEY_FIELD) -> str:
    """Return the key with which the whole event would be read, if the start of the body or the header has it.

    Otherwise, return the last one in the end of the body, or else in its start, at any depth: a false page is
    better than a lost one. Clients that add the key last, or sort the fields, have it at the end. Text in quotes
    has its quotes escaped, and is no key.
    """
    key = _stated_key(decode(request.body, request.content_type), request, key_field)
    if isinstance(key, str) and key:
        return key
    field = re.compile(rf'"{key_field}"\s*:\s*"([^"\\\s]{{{_KEY_LENGTH}}})"'.encode())
    keys = field.findall(request.end) or field.findall(request.body)
    return keys[-1].decode("latin-1") if keys else ""


def key_errors(key: Json, key_field: str = KEY_FIELD) -> list[str]:
    """Return the errors of an integration key, worded as PagerDuty does."""
    if not isinstance(key, str) or not key.strip():
        return [f"'{key_field}' is missing or blank"]
    if len(key) != _KEY_LENGTH:
        return [f"Length of '{key_field}' is incorrect (should be {_KEY_LENGTH} characters)"]
    return []


def action_errors(data: dict[str, Json], action_field: str, dedup_field: str) -> list[str]:
    """Return the errors of the action and of the deduplication key, which only a trigger may lack."""
    action, key = data.get(action_field), data.get(dedup_field)
    errors = []
    if not isinstance(action, str) or not action.strip():
        errors.append(f"'{action_field}' is missing or blank")
    elif action not in ACTIONS:
        errors.append(f"'{action_field}' is invalid (must be one of: trigger, acknowledge, resolve)")
    if action != "trigger" and not text(key):
        errors.append(f"'{dedup_field}' is missing or blank")
    if isinstance(key, dict | list):
        errors.append(f"'{dedup_field}' is not text")
    elif len(text(key, 2 * MAX_KEY_LENGTH)) > MAX_KEY_LENGTH:
        errors.append(f"'{dedup_field}' is longer than {MAX_KEY_LENGTH} characters")
    return errors


def _errors(data: dict[str, Json]) -> list[str]:
    errors = key_errors(data.get(KEY_FIELD)) + action_errors(data, "event_action", "dedup_key")
    if data.get("event_action") == "trigger":
        payload = mapped(data.get("payload"))
        errors += [
            f"'payload.{name}' is missing or blank"
            for name in ("summary", "source")
            if not isinstance(payload.get(name), str) or not payload[name].strip()
        ]
        if text(payload.get("severity"), 40).lower() not in _SEVERITIES:
            errors.append(f"'payload.severity' is invalid (must be one of: {', '.join(_SEVERITIES)})")
    return errors


def links_of(data: dict[str, Json]) -> dict[str, str]:
    """Return the URLs of an event by name; repeated names are numbered."""
    links = {"source": address} if (address := _web(data.get("client_url"))) else {}
    for kind, name, target in (("links", "text", "href"), ("images", "alt", "src")):
        items = data.get(kind)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and (address := _web(item.get(target))):
                add_link(links, text(item.get(name), 80) or kind[:-1], address)
    return mapping(links)


def add_link(links: dict[str, str], name: str, address: str) -> None:
    """Add a link, with a number after its name if another one has it."""
    if len(links) >= MAX_LABELS:
        return
    unique, number = name, 1
    while unique in links and links[unique] != address:
        number += 1
        unique = f"{name} {number}"
    links[unique] = address


def _web(value: Json) -> str:
    address = text(value)
    return address if address.lower().startswith(("http://", "https://")) else ""


def _event(data: dict[str, Json], payload: dict[str, Json], fresh_key: str) -> Event:
    labels = mapping({n: payload.get(n) for n in ("source", "component", "group", "class")})
    details = payload.get("custom_details")
    if isinstance(details, dict):
        labels = mapping({**labels, **{n: v for n, v in details.items() if n not in labels}})
    return Event(
        kind=ACTIONS[data["event_action"]],
        dedup_key=dedup_key(text(data.get("dedup_key")), fresh_key),
        title=line(payload.get("summary")) or "Event without a summary",
        body=body_with_title(payload.get("summary"), "" if isinstance(details, dict) else details),
        severity=severity(payload.get("severity")),
        labels=labels,
        annotations=mapping({"timestamp": payload.get("timestamp")}),
        links=links_of(data),
    )


SOURCE = Source(
    NAME,
    "PagerDuty Events API v2",
    icon=(
        '<rect x="4" y="6" width="16" height="12" rx="2"/>'
        '<rect x="7" y="9" width="10" height="3"/><path d="M8 15h.01M12 15h.01M16 15h.01"/>'
    ),
    setup="Point a tool that has a PagerDuty integration to this address. Its routing key is the integration key.",
    example=(
        '{"routing_key": "<key>", "event_action": "trigger", "dedup_key": "disk-7", '
        '"payload": {"summary": "Disk almost full", "source": "db1", "severity": "critical"}}'
    ),
    address=KeyedAddress("/v2/enqueue", read, reply, KEY_FIELD, key_in_part=key_in_part, failure=failure),
)
