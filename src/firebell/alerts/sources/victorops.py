"""VictorOps, now Splunk On-Call: its REST endpoint integration.

https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/
"""

from firebell.alerts.bodies.decoding import decode
from firebell.alerts.cleaning import MAX_BODY, clamp, dedup_key, fingerprint, instant, line, mapping, text
from firebell.alerts.model import Event, EventKind, Json, NewChangeEvent
from firebell.alerts.source_base.fields import UNTITLED, number, web_address
from firebell.alerts.source_base.source import (
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    Reply,
    Source,
    key_in_path,
)

NAME = "victorops"
_PATH = "/integrations/generic/20131114/alert/<key>"
_KINDS = {
    "warning": EventKind.FIRING,
    "acknowledgement": EventKind.ACK,
    "acknowledgment": EventKind.ACK,
    "ack": EventKind.ACK,
    "recovery": EventKind.RESOLVED,
    "resolved": EventKind.RESOLVED,
    "ok": EventKind.RESOLVED,
}
"""The kind of each message type; any other fires."""
_INFO = "info"
_STATED = {
    "message_type",
    "entity_id",
    "entity_display_name",
    "state_message",
    "state_start_time",
}
_LINK, _IMAGE, _NOTE = "vo_annotate.u.", "vo_annotate.i.", "vo_annotate.s."


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the event of a message, or the change of one of type INFO; only the message type is required."""
    key = key_in_path(request)
    decoded = decode(request.body, request.content_type)
    data = decoded.value
    if decoded.error or not isinstance(data, dict):
        return KeyedMessage(key, errors=(decoded.error or "The body is not a JSON object.",))
    message_type = text(data.get("message_type"), 40).casefold()
    if not message_type:
        return KeyedMessage(key, errors=("message_type is missing.",))
    event = _event(data, message_type, request.segments.get("routing", ""))
    if message_type != _INFO:
        return KeyedMessage(key, (event,))
    change = NewChangeEvent(
        event.title,
        source=line(data.get("monitoring_tool")),
        links=event.links,
        details=mapping({**event.labels, "state_message": event.body}),
        at=clamp(instant(number(data.get("state_start_time"))), request.received_at),
    )
    return KeyedMessage(key, change=change, reference=event.dedup_key)


def _event(data: dict[str, Json], message_type: str, routing: str) -> Event:
    """Return the event of a message; events are ordered by arrival, because a recovery may repeat an older time."""
    body = text(data.get("state_message"), MAX_BODY)
    title = line(data.get("entity_display_name")) or line(data.get("entity_id"))
    title = title or line(body.partition("\n")[0]) or UNTITLED
    links: dict[str, str] = {}
    notes: dict[str, Json] = {}
    labels: dict[str, Json] = {"routing_key": routing}
    for name, value in data.items():
        if name.startswith((_LINK, _IMAGE)):
            if address := web_address(value):
                links[name[len(_LINK) :]] = address
        elif name.startswith(_NOTE):
            notes[name[len(_NOTE) :]] = value
        elif name not in _STATED:
            labels[name] = value
    return Event(
        kind=_KINDS.get(message_type, EventKind.FIRING),
        dedup_key=dedup_key(data.get("entity_id"), f"sha256:{fingerprint([title, routing])}"),
        title=title,
        body=body,
        severity="warning" if message_type == "warning" else "critical",
        labels=mapping(labels),
        annotations=mapping(notes),
        links=mapping(links),
    )


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return VictorOps's answer: 200 with the entity, or 400 with one sentence per error."""
    if not is_known:
        errors: tuple[str, ...] = ("This integration key is unknown or revoked.",)
        return Reply(404, {"result": "failure", "messages": errors})
    if message.errors:
        return Reply(400, {"result": "failure", "messages": message.errors})
    entity = message.events[0].dedup_key if message.events else message.reference
    return Reply(200, {"result": "success", "entity_id": entity})


SOURCE = Source(
    NAME,
    "VictorOps, Splunk On-Call",
    icon=('<path d="M6 3h4l2 5-3 2a11 11 0 0 0 5 5l2-3 5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 4 5a2 2 0 0 1 2-2"/>'),
    setup=(
        "Point a tool that has a VictorOps integration to this address: replace the host of its REST endpoint, and "
        "use the integration key as its API key. Its routing key becomes the label routing_key."
    ),
    example=(
        '{"message_type": "CRITICAL", "entity_id": "disk-10", "entity_display_name": "Disk almost full", '
        '"state_message": "db1 has 1% left"}'
    ),
    snippet=(
        "victorops_configs: [{api_key: <key>, routing_key: shop, "
        "api_url: '<url>/integrations/generic/20131114/alert/'}]"
    ),
    address=KeyedAddress(_PATH, read, reply, "", key_of=key_in_path),
    more_addresses=(KeyedAddress(f"{_PATH}/<routing>", read, reply, "", key_of=key_in_path),),
)
