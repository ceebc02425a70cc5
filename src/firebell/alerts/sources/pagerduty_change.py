"""PagerDuty change events, such as deployments."""

from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.cleaning import clamp, instant, line, mapping
from firebell.alerts.model import Json, NewChange
from firebell.alerts.sources.pagerduty import Malformed, key_errors, links_of, read_object
from firebell.alerts.sources.shape import mapped


@dataclass(frozen=True, slots=True)
class Announced:
    """A valid change event and its routing key."""

    routing_key: str
    change: NewChange


def parse(
    body: bytes, received_at: datetime, content_type: str = "", header_key: str = ""
) -> Announced | Malformed:
    """Return the change event; only its summary is required."""
    data = read_object(body, content_type, header_key)
    if isinstance(data, Malformed):
        return data
    key = data.get("routing_key")
    payload: dict[str, Json] = mapped(data.get("payload"))
    errors = key_errors(key)
    if not isinstance(payload.get("summary"), str) or not line(payload["summary"]):
        errors.append("'payload.summary' is missing or blank")
    if errors or not isinstance(key, str):
        return Malformed(tuple(errors), key if isinstance(key, str) else "")
    details = payload.get("custom_details")
    return Announced(
        key,
        NewChange(
            summary=line(payload["summary"]),
            source=line(payload.get("source")),
            links=links_of(data),
            details=mapping(details if isinstance(details, dict) else {"details": details}),
            at=clamp(instant(payload.get("timestamp")), received_at),
        ),
    )
