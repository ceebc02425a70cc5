"""Gatus, custom alerting: the documented text, or separate fields.

https://github.com/TwiN/gatus#configuring-custom-alerts
"""

import re
from datetime import datetime

from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "gatus"
_TEXT = re.compile(r"(TRIGGERED|RESOLVED):\s(.*)", re.S)
_STATES = {"TRIGGERED": EventKind.FIRING, "RESOLVED": EventKind.RESOLVED}
_ENDPOINT = ("endpoint", "endpoint_name", "name")
_GROUP = ("group", "endpoint_group")


def matches(data: dict[str, Json]) -> bool:
    """Return True for a text that begins with the state, or fields for an endpoint, its group and a state."""
    if _TEXT.match(_sentence(data)):
        return True
    return first(data, "status", "state") in _STATES and bool(
        first(data, *_ENDPOINT) and first(data, *_GROUP)
    )


def _sentence(data: dict[str, Json]) -> str:
    # a plain text body is its title
    return first(data, "text", "message", "content", "msg") or (
        first(data, "title") if len(data) == 1 else ""
    )


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by group, endpoint and description."""
    sentence = _TEXT.match(_sentence(data))
    if sentence:
        # group, name and description; the errors after them are absent from a resolution
        parts = [part.strip() for part in f"{sentence[2]} ".split(" - ")[:3]]
        state, key, title, details = (
            sentence[1],
            " - ".join(parts),
            " - ".join(filter(None, parts)),
            sentence[2],
        )
    else:
        group, endpoint = first(data, *_GROUP), first(data, *_ENDPOINT)
        description, errors = (
            first(data, "description", "alert_description"),
            first(data, "errors", "result_errors"),
        )
        state, key = first(data, "status", "state"), f"{group} - {endpoint}"
        title, details = first(data, "title") or f"{key}: {description}".removesuffix(": "), errors
    return (
        event(
            NAME,
            received_at,
            kind=_STATES[state],
            key=key,
            title=title,
            body=details,
            labels={"group": first(data, *_GROUP), "endpoint": first(data, *_ENDPOINT)},
            links={"monitored": web_address(data.get("url") or data.get("endpoint_url"))},
        ),
    )


SOURCE = Source(
    NAME,
    "Gatus",
    icon='<path d="M12 3 4 6v6c0 5 4 8 8 9 4-1 8-4 8-9V6z"/><circle cx="12" cy="12" r="2"/>',
    setup="Add this custom alerting provider.",
    example=(
        '{"endpoint": "shop", "group": "core", "status": "TRIGGERED", "description": "health check failed"}'
    ),
    snippet=(
        "alerting: {custom: {url: '<url>/in/<key>/generic', method: POST, body: '{\"endpoint\": "
        '"[ENDPOINT_NAME]", "group": "[ENDPOINT_GROUP]", "status": '
        '"[ALERT_TRIGGERED_OR_RESOLVED]", "description": "[ALERT_DESCRIPTION]", "url": '
        '"[ENDPOINT_URL]"}\', default-alert: {send-on-resolved: true}}}'
    ),
    recognition=Recognition(170, matches, read),
)
