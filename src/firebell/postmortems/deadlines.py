"""When a post-mortem and its steps are due (pure, spec 11.7)."""

from datetime import datetime, timedelta
from enum import StrEnum

from firebell.incidents.model import POSTMORTEM_WITHIN
from firebell.kit.localtime import to_instant, to_local

MAJOR_WITHIN = POSTMORTEM_WITHIN
"""The time for the post-mortem of a SEV0 or SEV1, from the closing of the incident."""
OTHER_WITHIN = timedelta(days=7)
"""The time for one that was asked for, or that is about a near miss."""
MAJOR_SEVERITY = 1
"""The least severe incident whose post-mortem is due within `MAJOR_WITHIN`."""


class GuidedDeadline(StrEnum):
    """A step of writing a post-mortem that has a due time of its own."""

    READ = "read"
    TIMELINE = "timeline"
    IMPACT = "impact"
    MEETING = "meeting"
    WHYS = "whys"
    REVIEW = "review"
    PUBLISHED = "published"


STEP_HOURS = {
    GuidedDeadline.READ: 2,
    GuidedDeadline.TIMELINE: 12,
    GuidedDeadline.IMPACT: 24,
    GuidedDeadline.MEETING: 30,
    GuidedDeadline.WHYS: 36,
    GuidedDeadline.REVIEW: 44,
    GuidedDeadline.PUBLISHED: 48,
}
"""Hours after the closing of a SEV0 or SEV1; those of other incidents are stretched with their time."""


def due_at(max_severity: int, drill: bool, began_at: datetime, tz: str) -> datetime:
    """Return when the post-mortem of an incident is due that was closed at `began_at`.

    That of a drill is due at the end of the day in the time zone of its author.
    """
    if drill:
        wall = to_local(began_at, tz)
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=1)
        return to_instant(midnight, tz)
    return began_at + (MAJOR_WITHIN if max_severity <= MAJOR_SEVERITY else OTHER_WITHIN)


def share_at(began_at: datetime, due: datetime, hours: float) -> datetime:
    """Return the instant of a time that is due `hours` of 48 after the beginning, stretched to the due time."""
    return began_at + (due - began_at) * (hours / STEP_HOURS[GuidedDeadline.PUBLISHED])


def step_due_at(step: GuidedDeadline, began_at: datetime, due: datetime) -> datetime:
    """Return when a step is due."""
    return share_at(began_at, due, STEP_HOURS[step])
