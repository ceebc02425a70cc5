"""Handoff documents."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Handoff:
    """The document of one change of shift; `day` is its local day on the schedule's clock.

    The shift that it tells of is `[shift_start, at)`; the body is Markdown.
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
    """Somebody read the document and agrees."""

    person_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A change of shift for which a document is due: the shift that ends, and when it does."""

    day: date
    shift_start: datetime
    at: datetime
