"""A toy tool with an address of its own, which the generic address recognizes too."""

from datetime import datetime

import msgspec

from firebell.alerts.cleaning import unreadable
from firebell.alerts.model import Event, EventKind, Json, Rejected
from firebell.alerts.source_base.fields import event, first
from firebell.alerts.source_base.source import PathAddress, Recognition, Source

NAME = "klaxon"


def matches(data: dict[str, Json]) -> bool:
    """Return True for the message of a klaxon."""
    return "klaxon" in data


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...]:
    """Return one event, keyed by the klaxon."""
    name, loud = first(data, "klaxon"), bool(data.get("loud"))
    kind = EventKind.FIRING if loud else EventKind.RESOLVED
    return (event(NAME, received_at, kind=kind, key=name, title=f"{name} is loud", severity="error"),)


def normalize(
    body: bytes, received_at: datetime, content_type: str, sender: str
) -> tuple[Event, ...] | Rejected:
    """Return the event of a message."""
    try:
        return read(msgspec.json.decode(body, type=dict), received_at)
    except msgspec.DecodeError as error:
        return Rejected(str(error), (unreadable(str(error), "", sender),))


SOURCE = Source(
    NAME,
    "Klaxon",
    setup="Point the klaxon to this address.",
    example='{"klaxon": "Deck 4", "loud": true}',
    snippet="klaxon: {url: '<url>/in/<key>/klaxon'}",
    address=PathAddress(normalize, max_body_bytes=1024 * 1024),
    recognition=Recognition(500, matches, read),
)
