"""PagerDuty Events API v2: senders made for it need only another address and key."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from firebell.alerts.model import Incoming, Json, Kind
from firebell.alerts.normal import BODY, clamp, dedup_key, instant, line, mapping, severity, text

_ACTIONS = {"trigger": Kind.FIRING, "acknowledge": Kind.ACK, "resolve": Kind.RESOLVED}
_SEVERITIES = ("critical", "error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A valid event: whom it is for, and what it says."""

    routing_key: str
    event: Incoming


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why the event is refused, one sentence per fault."""

    errors: tuple[str, ...]


def parse(body: bytes, received_at: datetime, fresh_key: str) -> Enqueued | Malformed:
    """Read one event; a trigger without a dedup_key gets `fresh_key`."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Malformed(("JSON cannot be parsed",))
    if not isinstance(data, dict):
        return Malformed(("The body is not a JSON object",))
    errors = _errors(data)
    if errors:
        return Malformed(tuple(errors))
    payload = data["payload"] if isinstance(data.get("payload"), dict) else {}
    return Enqueued(data["routing_key"], _event(data, payload, received_at, fresh_key))


def _errors(data: dict[str, Json]) -> list[str]:
    errors = []
    key, action, payload = data.get("routing_key"), data.get("event_action"), data.get("payload")
    if not isinstance(key, str) or not key:
        errors.append("'routing_key' is missing or blank")
    if not isinstance(action, str) or action not in _ACTIONS:
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
    if isinstance(given := data.get("dedup_key"), str) and len(given) > 255:
        errors.append("'dedup_key' is longer than 255 characters")
    return errors


def _event(
    data: dict[str, Json], payload: dict[str, Json], received_at: datetime, fresh_key: str
) -> Incoming:
    labels = mapping({n: payload.get(n) for n in ("source", "component", "group", "class")})
    details = payload.get("custom_details")
    if isinstance(details, dict):
        labels = mapping({**mapping(details), **labels})
    links = {"source": text(data.get("client_url"))} if data.get("client_url") else {}
    given = data.get("links")
    for link in given if isinstance(given, list) else []:
        if isinstance(link, dict) and link.get("href"):
            links.setdefault(text(link.get("text"), 80) or "link", text(link["href"]))
    return Incoming(
        kind=_ACTIONS[data["event_action"]],
        dedup_key=dedup_key(text(data.get("dedup_key"), 4096), fresh_key),
        title=line(payload.get("summary")) or "Event without a summary",
        body=text(details if isinstance(details, str) else "", BODY),
        severity=severity(payload.get("severity")),
        labels=labels,
        links=links,
        occurred_at=clamp(instant(payload.get("timestamp")), received_at),
    )
