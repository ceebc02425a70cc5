"""PagerDuty Events API v2, compatible with its senders."""

from dataclasses import dataclass

from firebell.alerts.cleaning import MAX_BODY, MAX_LABELS, dedup_key, line, mapping, severity, text
from firebell.alerts.decoding import BodyFormat, decode
from firebell.alerts.model import Event, EventKind, Json

_ACTIONS = {"trigger": EventKind.FIRING, "acknowledge": EventKind.ACK, "resolve": EventKind.RESOLVED}
_SEVERITIES = ("critical", "error", "warning", "info")
_KEY_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A valid event and its routing key."""

    routing_key: str
    event: Event


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why an event is refused, one sentence per error, and its routing key if it has one."""

    errors: tuple[str, ...]
    routing_key: str = ""


def parse(body: bytes, fresh_key: str, content_type: str = "", header_key: str = "") -> Enqueued | Malformed:
    """Return the event; a trigger without a dedup_key gets `fresh_key`.

    `header_key` is the routing key of a body without one. Events are ordered by arrival, because only triggers
    have a time.
    """
    data = read_object(body, content_type, header_key)
    if isinstance(data, Malformed):
        return data
    errors = _errors(data)
    if errors:
        key = data.get("routing_key")
        return Malformed(tuple(errors), key if isinstance(key, str) else "")
    payload = data["payload"] if isinstance(data.get("payload"), dict) else {}
    return Enqueued(data["routing_key"], _event(data, payload, fresh_key))


def read_object(body: bytes, content_type: str, header_key: str) -> dict[str, Json] | Malformed:
    """Return the JSON object of a request, with the routing key from the header if the body lacks it."""
    decoded = decode(body, content_type)
    data = decoded.value if isinstance(decoded.value, dict) else {}
    key = data.get("routing_key") or header_key
    if decoded.error or decoded.shape is not BodyFormat.JSON:
        return Malformed(("JSON cannot be parsed",), key if isinstance(key, str) else "")
    if not isinstance(decoded.value, dict):
        return Malformed(("The body is not a JSON object",), header_key)
    return {**data, "routing_key": key} if key else data


def key_errors(key: Json) -> list[str]:
    """Return the errors of a routing key, worded as PagerDuty does."""
    if not isinstance(key, str) or not key.strip():
        return ["'routing_key' is missing or blank"]
    if len(key) != _KEY_LENGTH:
        return [f"Length of 'routing_key' is incorrect (should be {_KEY_LENGTH} characters)"]
    return []


def _errors(data: dict[str, Json]) -> list[str]:
    errors = key_errors(data.get("routing_key"))
    action, payload = data.get("event_action"), data.get("payload")
    if not isinstance(action, str) or not action.strip():
        errors.append("'event_action' is missing or blank")
    elif action not in _ACTIONS:
        errors.append("'event_action' is invalid (must be one of: trigger, acknowledge, resolve)")
    if action == "trigger":
        payload = payload if isinstance(payload, dict) else {}
        errors += [
            f"'payload.{name}' is missing or blank"
            for name in ("summary", "source")
            if not isinstance(payload.get(name), str) or not payload[name].strip()
        ]
        if payload.get("severity") not in _SEVERITIES:
            errors.append(f"'payload.severity' is invalid (must be one of: {', '.join(_SEVERITIES)})")
    elif not data.get("dedup_key"):
        errors.append("'dedup_key' is missing or blank")
    if isinstance(key := data.get("dedup_key"), str) and len(key) > 255:
        errors.append("'dedup_key' is longer than 255 characters")
    return errors


def links_of(data: dict[str, Json]) -> dict[str, str]:
    """Return the URLs of an event by name; repeated names are numbered."""
    links = {"source": address} if (address := _web(data.get("client_url"))) else {}
    for kind, name, target in (("links", "text", "href"), ("images", "alt", "src")):
        items = data.get(kind)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and (address := _web(item.get(target))):
                _add_link(links, text(item.get(name), 80) or kind[:-1], address)
    return mapping(links)


def _add_link(links: dict[str, str], name: str, address: str) -> None:
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
        kind=_ACTIONS[data["event_action"]],
        dedup_key=dedup_key(data.get("dedup_key"), fresh_key),
        title=line(payload.get("summary")) or "Event without a summary",
        body="" if isinstance(details, dict) else text(details, MAX_BODY),
        severity=severity(payload.get("severity")),
        labels=labels,
        annotations=mapping({"timestamp": payload.get("timestamp")}),
        links=links_of(data),
    )
