"""PRTG, "Execute HTTP Action" with placeholders as fields.

https://helpdesk.paessler.com/en/support/solutions/articles/76000041926
"""

import re
from datetime import datetime

from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "prtg"
_NOW = re.compile(r"\(now:\s*([^)]*)\)", re.I)
_WORD = re.compile(r"(?:partial )?(down \(acknowledged\)|down|up|warning|unusual|paused|unknown)", re.I)
_KINDS = {"up": EventKind.RESOLVED, "paused": EventKind.NOTE, "down (acknowledged)": EventKind.ACK}
_SEVERITIES = {"down": "critical", "warning": "warning", "unusual": "warning"}
_STATUS = ("status", "state", "laststatus")


def matches(data: dict[str, Json]) -> bool:
    """Return True for a sensor with a status of PRTG."""
    sensor = first(data, "sensorid", "linksensor") or (first(data, "device") and first(data, "sensor"))
    return bool(sensor and _status(data))


def _status(data: dict[str, Json]) -> str:
    """Return the current status of a sensor: `Down ended (now: Up)` is up."""
    stated = first(data, *_STATUS)
    now = _NOW.search(stated)
    status = _WORD.match(now[1] if now else stated)
    return status[1].lower() if status else ""


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the sensor."""
    status, number = _status(data), first(data, "sensorid")
    device, sensor = first(data, "device", "server", "host"), first(data, "name", "sensor")
    where = " ".join(part for part in (device, sensor) if part)
    message = first(data, "message", "lastmessage", "down")
    return (
        event(
            NAME,
            received_at,
            kind=_KINDS.get(status, EventKind.FIRING),
            key=f"sensor:{number}" if number else where and f"{device}!{sensor}",
            title=first(data, "title") or f"{where} is {status}: {message}".removesuffix(": "),
            body=message,
            severity=_SEVERITIES.get(status),
            labels={n: data.get(n) for n in ("device", "group", "probe", "host", "lastvalue")},
            links={"source": web_address(first(data, "linksensor", "linkdevice", "home"))},
        ),
    )


SOURCE = Source(
    NAME,
    "PRTG",
    icon=(
        '<circle cx="12" cy="12" r="2"/>'
        '<path d="M7.5 16.5a6.5 6.5 0 0 1 0-9M16.5 7.5a6.5 6.5 0 0 1 0 9M4.5 19.5a11 11 '
        '0 0 1 0-15M19.5 4.5a11 11 0 0 1 0 15"/>'
    ),
    setup=(
        "Add “Execute HTTP Action” to a notification template, with this address, the method "
        "POST and this payload."
    ),
    example=(
        '{"sensorid": "2044", "device": "core-switch", "name": "Ping", "status": "Down", '
        '"message": "Request timed out"}'
    ),
    snippet="sensorid=%sensorid&device=%device&name=%name&status=%status&message=%message&linksensor=%linksensor",
    recognition=Recognition(150, matches, read),
)
