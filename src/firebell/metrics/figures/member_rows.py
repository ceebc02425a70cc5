"""An incident or page behind a metric, and how many of them count (pure)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Member:
    """An incident or page behind a metric, with its value or the reason for which it is left out."""

    id: int
    title: str
    severity: int | None
    customers: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    seconds: int | None
    has_ended: bool
    hit: bool | None
    parts: int
    hits: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many members count, how many of them are hits, and why how many are left out."""

    n: int
    hits: int
    excluded: dict[str, int]
