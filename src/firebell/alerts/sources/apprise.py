"""Apprise, `json://` and `form://`; its only state is the type of a notification.

https://appriseit.com/services/json/
"""

from datetime import datetime

from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first
from firebell.alerts.source_base.source import Recognition, Source

NAME = "apprise"
_SEVERITIES = {"failure": "error", "warning": "warning", "info": "info", "success": "info"}


def matches(data: dict[str, Json]) -> bool:
    """Return True for Apprise's default payload."""
    return "version" in data and "message" in data and first(data, "type") in _SEVERITIES


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the title, so that a success resolves a failure with the same title."""
    state, title = first(data, "type"), first(data, "title")
    return (
        event(
            NAME,
            received_at,
            kind=EventKind.RESOLVED if state == "success" else EventKind.FIRING,
            key=title,
            title=title,
            body=data.get("message"),
            severity=_SEVERITIES.get(state),
        ),
    )


SOURCE = Source(
    NAME,
    "Apprise",
    icon='<path d="M3 10v4h4l8 5V5L7 10z"/><path d="M19 9a4 4 0 0 1 0 6"/>',
    setup=("Give Apprise this address with json:// in place of http://, or jsons:// in place of https://."),
    example='{"version": "1.0", "title": "Backup", "message": "disk full", "type": "failure"}',
    recognition=Recognition(180, matches, read),
)
