"""PagerDuty Events API v1, compatible with its senders.

https://developer.pagerduty.com/docs/events-api-v1-overview
"""

from functools import partial

from firebell.alerts.cleaning import body_with_title, dedup_key, line, mapping, text
from firebell.alerts.model import Event, Json
from firebell.alerts.source_base.fields import listed, web_address
from firebell.alerts.source_base.source import KeyedAddress, KeyedMessage, KeyedRequest, Reply, Source
from firebell.alerts.sources import pagerduty

NAME = "pagerduty-v1"
KEY_FIELD = "service_key"
UNTITLED = "Event without a description"


def read(request: KeyedRequest) -> KeyedMessage:
    """Return the event; its severity is unknown, because this API has none."""
    data = pagerduty.read_object(request, KEY_FIELD)
    if isinstance(data, KeyedMessage):
        return data
    key = data.get(KEY_FIELD)
    errors = pagerduty.key_errors(key, KEY_FIELD)
    errors += pagerduty.action_errors(data, "event_type", "incident_key")
    if data.get("event_type") == "trigger" and not line(data.get("description")):
        errors.append("'description' is missing or blank")
    if errors or not isinstance(key, str):
        return KeyedMessage(key if isinstance(key, str) else "", errors=tuple(errors))
    return KeyedMessage(key, (_event(data, request.new_key),))


def _event(data: dict[str, Json], new_key: str) -> Event:
    details, client = data.get("details"), web_address(data.get("client_url"))
    links = {"source": client} if client else {}
    for context in listed(data.get("contexts")):
        fields = context if isinstance(context, dict) else {}
        address = web_address(fields.get("href")) or web_address(fields.get("src"))
        if address:
            kind = "image" if fields.get("type") == "image" else "link"
            pagerduty.add_link(links, text(fields.get("text") or fields.get("alt"), 80) or kind, address)
    return Event(
        kind=pagerduty.ACTIONS[data["event_type"]],
        dedup_key=dedup_key(text(data.get("incident_key")), new_key),
        title=line(data.get("description")) or UNTITLED,
        body=body_with_title(data.get("description"), "" if isinstance(details, dict) else details),
        labels=mapping({"client": data.get("client"), **(details if isinstance(details, dict) else {})}),
        links=mapping(links),
    )


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return the answer of this API: 200 with the incident key, or 400 with one sentence per error."""
    if message.errors == pagerduty.UNRECOGNIZED:
        answer = {"status": "unrecognized object", "message": "Event object format is unrecognized"}
        return Reply(400, {**answer, "errors": message.errors})
    if message.errors or not is_known:
        return pagerduty.refusal(message, KEY_FIELD)
    incident_key = message.events[0].dedup_key
    return Reply(200, {"status": "success", "message": "Event processed", "incident_key": incident_key})


SOURCE = Source(
    NAME,
    "PagerDuty Events API v1",
    icon=('<rect x="4" y="8" width="16" height="10" rx="2"/><path d="M7 12h6"/><path d="M18 8V3"/>'),
    setup=(
        "Point a tool that still uses PagerDuty's first API to this address. Its service key is the integration key."
    ),
    example=(
        '{"service_key": "<key>", "event_type": "trigger", "incident_key": "disk-8", '
        '"description": "Disk almost full"}'
    ),
    address=KeyedAddress(
        "/generic/2010-04-15/create_event.json",
        read,
        reply,
        KEY_FIELD,
        key_in_part=partial(pagerduty.key_in_part, key_field=KEY_FIELD),
        failure=pagerduty.failure,
    ),
)
