"""Graylog, HTTP notification of an event definition; Graylog never sends a resolution.

https://go2docs.graylog.org/current/interacting_with_your_log_data/notifications.html
"""

from datetime import datetime

from firebell.alerts.cleaning import text
from firebell.alerts.model import Event, Json
from firebell.alerts.source_base.fields import event, first, listed, mapped
from firebell.alerts.source_base.source import Recognition, Source

NAME = "graylog"
_SEVERITIES = {"1": "warning", "2": "error", "3": "critical", "4": "critical"}
"""Low, normal, high and critical; normal is the default and therefore urgent."""


def matches(data: dict[str, Json]) -> bool:
    """Return True for an event of an event definition."""
    return "event_definition_id" in data and isinstance(data.get("event"), dict)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one firing event, keyed by the definition and the event's key."""
    item, definition = mapped(data.get("event")), first(data, "event_definition_id")
    key = first(item, "key") or "|".join(text(part) for part in listed(item.get("key_tuple"))[:20])
    return (
        event(
            NAME,
            received_at,
            kind=None,
            key=f"{definition}|{key}".removesuffix("|"),
            title=first(item, "message") or first(data, "event_definition_title"),
            body=first(data, "event_definition_description"),
            severity=_SEVERITIES.get(text(item.get("priority"), 40)),
            labels={
                "definition": data.get("event_definition_title"),
                "source": item.get("source"),
                **mapped(item.get("fields")),
            },
            occurred_at=item.get("timestamp"),
        ),
    )


SOURCE = Source(
    NAME,
    "Graylog",
    icon=('<path d="M4 6h16M4 11h10M4 16h7"/><circle cx="17" cy="16" r="3"/><path d="M19.5 18.5 22 21"/>'),
    setup=(
        "Add an HTTP notification with this address to event definitions. Graylog never sends a "
        "resolution, so resolve its pages in Firebell."
    ),
    example=(
        '{"event_definition_id": "5e27eff173c7", "event_definition_title": "Failed logins", '
        '"event": {"message": "Failed logins: jun", "key": "jun", "priority": 3}}'
    ),
    recognition=Recognition(110, matches, read),
)
