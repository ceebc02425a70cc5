"""Validates what people enter for a timeline entry: its text and when it happened (pure)."""

from datetime import datetime, timedelta

from firebell.incidents.model import Incident
from firebell.kit.errors import Invalid
from firebell.kit.text import required_text

ENTRY_MAX_CHARS = 10_000
ENTRY_AT_MOST_BEFORE = timedelta(days=7)
"""How long before the detection an entry can have happened."""


def entry_text(text: str) -> str:
    """Return the text of an entry as it is stored; raise `Invalid` if it is empty or too long."""
    return required_text(text, ENTRY_MAX_CHARS, name="entry", hint="Enter what happened or what you see.")


def entry_time(incident: Incident, effective_at: datetime | None, now: datetime) -> datetime:
    """Return when an entry happened; raise `Invalid` if that is in the future or long before the incident."""
    if effective_at is None:
        return now
    if effective_at > now:
        raise Invalid(
            "The time is in the future.", fields={"at": "Enter when it happened, or leave it blank."}
        )
    earliest = (incident.impact_start or incident.detected_at) - ENTRY_AT_MOST_BEFORE
    if effective_at < earliest:
        raise Invalid(
            "The time is long before the incident.",
            fields={"at": f"Enter a time within {ENTRY_AT_MOST_BEFORE.days} days before it was detected."},
        )
    return effective_at
