"""Healthchecks.io, webhook with placeholders as fields.

https://healthchecks.io/docs/configuring_notifications/
"""

from datetime import datetime

from firebell.alerts.cleaning import severity
from firebell.alerts.model import Event, EventKind, Json
from firebell.alerts.source_base.fields import event, first
from firebell.alerts.source_base.source import Recognition, Source

NAME = "healthchecks"
_STATES = {"down": EventKind.FIRING, "up": EventKind.RESOLVED}
_CODE = ("code", "uuid")
_OTHERS = ("exit", "exitstatus", "exit_status", "tags", "now", "slug")


def matches(data: dict[str, Json]) -> bool:
    """Return True for the code, name and status of a check and at least one more placeholder."""
    return (
        first(data, "status").casefold() in _STATES
        and bool(first(data, *_CODE) and first(data, "name", "title"))
        and any(name in data for name in _OTHERS)
    )


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the check."""
    state, name = first(data, "status").casefold(), first(data, "name")
    code = first(data, "exit", "exitstatus", "exit_status")
    return (
        event(
            NAME,
            received_at,
            kind=_STATES[state],
            key=first(data, *_CODE),
            title=first(data, "title") or f"{name} is {state}",
            body=first(data, "body", "description"),
            severity=severity(data.get("severity")),
            labels={"check": name, "tags": data.get("tags"), "exit_status": code},
            occurred_at=first(data, "now", "time") or None,
        ),
    )


SOURCE = Source(
    NAME,
    "Healthchecks.io",
    icon='<circle cx="12" cy="12" r="9"/><path d="M8 12l3 3 5-6"/>',
    setup=(
        "Add a webhook that posts this body to this address, both when a check goes down and when it goes up."
    ),
    example=(
        '{"code": "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278", "name": "Nightly backup", "status": '
        '"down", "tags": "prod db"}'
    ),
    snippet=(
        '{"code": "$CODE", "name": "$NAME", "status": "$STATUS", "tags": "$TAGS", "now": "$NOW", '
        '"exitstatus": "$EXITSTATUS"}'
    ),
    recognition=Recognition(160, matches, read),
)
