"""Handoff documents."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Handoff:
    """The document of one shift change; `day` is its local day on the schedule's clock.

    It covers the shift `[shift_start, at)`; the body is Markdown.
    """

    id: int
    schedule_id: int
    day: date
    at: datetime
    shift_start: datetime
    body: str
    edited: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A person's acknowledgment of a document."""

    person_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ShiftChange:
    """A shift change for which a document is due: the shift `[shift_start, at)` ends."""

    day: date
    shift_start: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class OnCallChanged:
    """Shifts of these schedules began or ended."""

    schedule_ids: tuple[int, ...]
