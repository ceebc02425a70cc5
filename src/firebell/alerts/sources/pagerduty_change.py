"""PagerDuty change events, such as deployments."""

from firebell.alerts.cleaning import clamp, instant, line, mapping
from firebell.alerts.model import Json, NewChangeEvent
from firebell.alerts.source_base.fields import mapped
from firebell.alerts.source_base.source import KeyedAddress, KeyedMessage, KeyedRequest, Reply, Source
from firebell.alerts.sources.pagerduty import KEY_FIELD, failure, key_errors, links_of, read_object, refusal

NAME = "pagerduty-change"


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the change event; only its summary is required."""
    data = read_object(request)
    if isinstance(data, KeyedMessage):
        return data
    key = data.get("routing_key")
    payload: dict[str, Json] = mapped(data.get("payload"))
    errors = key_errors(key)
    if not isinstance(payload.get("summary"), str) or not line(payload["summary"]):
        errors.append("'payload.summary' is missing or blank")
    if errors or not isinstance(key, str):
        return KeyedMessage(key if isinstance(key, str) else "", errors=tuple(errors))
    details = payload.get("custom_details")
    change = NewChangeEvent(
        summary=line(payload["summary"]),
        source=line(payload.get("source")),
        links=links_of(data),
        details=mapping(details if isinstance(details, dict) else {"details": details}),
        at=clamp(instant(payload.get("timestamp")), request.received_at),
    )
    return KeyedMessage(key, change=change)


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return PagerDuty's answer to a change event."""
    if message.errors or not is_known:
        return refusal(message)
    return Reply(202, {"status": "success", "message": "Change event processed"})


SOURCE = Source(
    NAME,
    "PagerDuty change events",
    icon='<circle cx="12" cy="12" r="4"/><path d="M2 12h6M16 12h6"/>',
    setup="Post deployments and other changes to this address. They never page; the service and its pages show them.",
    example='{"routing_key": "<key>", "payload": {"summary": "Deployed build 4812", "source": "ci"}}',
    address=KeyedAddress("/v2/change/enqueue", read, reply, KEY_FIELD, failure=failure),
)
