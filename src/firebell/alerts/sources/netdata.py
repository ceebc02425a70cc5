"""Netdata: the variables of an agent's `custom_sender`, and Netdata Cloud's webhook.

https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/agent-dispatched-notifications/custom
https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/centralized-cloud-notifications/webhook
"""

from datetime import datetime

from firebell.alerts.cleaning import severity, text
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first, mapped, web_address
from firebell.alerts.source_base.source import Recognition, Source

NAME = "netdata"
_STATES = {
    "CLEAR": EventKind.RESOLVED,
    "REMOVED": EventKind.NOTE,
    "UNINITIALIZED": EventKind.NOTE,
    "UNDEFINED": EventKind.NOTE,
}
_NAMES = ("name", "alarm", "alert")
_WHEN = ("when", "date")


def matches(data: dict[str, Json]) -> bool:
    """Return True for an alarm of a chart, or the reachability of a node."""
    named = "chart" in data and any(name in data for name in _NAMES)
    agent = ("host" in data or "hostname" in data) and "status" in data
    cloud = "space" in data and "severity" in data
    return (named and (agent or cloud)) or ("host" in data and "reachable" in mapped(data.get("status")))


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by host or space, chart and alarm."""
    if isinstance(data.get("status"), dict):
        return (_reachability(data, mapped(data["status"]), received_at),)
    name, host = first(data, *_NAMES), first(data, "host", "hostname")
    where = host or first(data, "space")
    # Netdata Cloud has no state: the severity is `clear` when the alarm ends
    state = first(data, "status", "severity").upper()
    title = first(data, "title", "message") or name
    return (
        event(
            NAME,
            received_at,
            kind=_STATES.get(state, EventKind.FIRING) if state else None,
            key=name and "!".join((where, first(data, "chart"), name)),
            title=title if not host or host in title else f"{title} on {host}",
            body=first(data, "info"),
            severity=severity(state),
            labels={
                n: data.get(n) for n in ("host", "chart", "family", "context", "space", "class", "value")
            },
            links={"source": web_address(first(data, "goto_url", "alert_url", "alarm_url", "url"))},
            occurred_at=next((data[n] for n in _WHEN if data.get(n)), None),
        ),
    )


def _reachability(data: dict[str, Json], status: dict[str, Json], received_at: datetime) -> Event:
    host = first(data, "host")
    return event(
        NAME,
        received_at,
        kind=EventKind.RESOLVED if status.get("reachable") is True else EventKind.FIRING,
        key=f"{host}!reachable",
        title=first(data, "message") or f"{host} is {text(status.get('text'), 80)}",
        severity=severity(data.get("severity")),
        labels={"host": host},
        links={"source": web_address(data.get("url"))},
    )


SOURCE = Source(
    NAME,
    "Netdata",
    icon='<path d="M3 18c3 0 3-9 6-9s3 5 6 5 3-8 6-8"/><path d="M3 21h18"/>',
    setup=(
        "Add a webhook with this address in Netdata Cloud, or post the variables of "
        "custom_sender to it as JSON."
    ),
    example=(
        '{"host": "db1", "chart": "system.ram", "name": "ram_in_use", "status": "CRITICAL", '
        '"title": "ram in use is critical"}'
    ),
    recognition=Recognition(140, matches, read),
)
