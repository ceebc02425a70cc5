"""Uptime Kuma, notification type Webhook with the default body.

https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js
"""

import re
from datetime import datetime

from firebell.alerts.cleaning import text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, filled, first, mapped, pairs, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "uptime-kuma"
_STATES = {"0": EventKind.FIRING, "1": EventKind.RESOLVED, "2": EventKind.NOTE, "3": EventKind.NOTE}
"""Down, up, pending (a retry) and maintenance."""
_DIGITS = re.compile(r"\d+")


def matches(data: dict[str, Json]) -> bool:
    """Return True for a heartbeat or a notice of a monitor."""
    return "heartbeat" in data and "monitor" in data and "msg" in data


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the monitor; a notice about a certificate or domain is a warning."""
    beat, monitor = mapped(data.get("heartbeat")), mapped(data.get("monitor"))
    if not beat:
        return (_notice(data, received_at),)
    name, number = filled(monitor.get("name")), first(monitor, "id") or first(beat, "monitorID")
    kind = _STATES.get(text(beat.get("status")))
    state = {EventKind.RESOLVED: "up", EventKind.NOTE: "not checked"}.get(kind or EventKind.FIRING, "down")
    message = filled(beat.get("msg"))
    # the time is in UTC, without an offset
    time = text(beat.get("time"), 40)
    return (
        event(
            NAME,
            received_at,
            kind=kind,
            key=number and f"monitor:{number}",
            title=f"{name} is {state}: {message}".removesuffix(": ") if name else data.get("msg"),
            body=data.get("msg"),
            labels={"monitor": name, "type": monitor.get("type"), **pairs(monitor.get("tags"))},
            links={"monitored": web_address(monitor.get("url"))},
            occurred_at=time if time.endswith("Z") else f"{time.replace(' ', 'T')}Z",
        ),
    )


def _notice(data: dict[str, Json], received_at: datetime) -> Event:
    message = filled(data.get("msg"))
    is_test = message.endswith("Testing")
    return event(
        NAME,
        received_at,
        kind=EventKind.FIRING,
        key="test" if is_test else message and f"notice:{_DIGITS.sub('', message)}",
        title=message,
        severity="info" if is_test else "warning",
    )


SOURCE = Source(
    NAME,
    "Uptime Kuma",
    icon='<path d="M3 9v6M7 9v6M11 9v6M15 9v6M19 12v3"/><path d="M3 20h18"/>',
    setup="Add a notification of type Webhook with this address and the preset body.",
    example=(
        '{"heartbeat": {"monitorID": 1, "status": 0, "msg": "timeout"}, "monitor": {"id": 1, '
        '"name": "shop"}, "msg": "[shop] [Down] timeout"}'
    ),
    recognition=Recognition(30, matches, read),
)
