"""Schedules as values (spec 1.2). A schedule is a function from instants to the people on duty."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

User = int | str
"""Person ids in the product; the core accepts any hashable name, which keeps its tests readable."""


class Unit(StrEnum):
    """What a rotation counts."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class EditKind(StrEnum):
    """What an edit does with the duty that it finds."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at local minute `start` (0-1439) on weekdays `days` (0 = Monday) for `minutes` of wall time."""

    start: int
    minutes: int
    days: frozenset[int]


@dataclass(frozen=True, slots=True)
class Layer:
    """One rotation. `anchor` is the naive wall time of handoff 0 in `tz`; an empty slot is transparent."""

    id: int | str
    slots: tuple[tuple[User, ...], ...]
    anchor: datetime
    unit: Unit
    every: int
    tz: str
    windows: tuple[Window, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    offset: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of duty on `[start, end)`; later `seq` acts on what earlier ones left."""

    id: int | str
    seq: int
    start: datetime
    end: datetime
    kind: EditKind
    users: tuple[User, ...] = ()
    mapping: dict[User, User] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers from low to high, edits by sequence, and people who must not be on duty."""

    id: int | str
    name: str
    tz: str
    layers: tuple[Layer, ...]
    edits: tuple[Edit, ...] = ()
    inactive: frozenset[User] = frozenset()
    version: int = 1
    slug: str = ""
    team_id: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """An uninterrupted turn of one layer: `k` counts handoffs from the anchor."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    k: int


@dataclass(frozen=True, slots=True)
class Run:
    """A longest stretch with the same people on duty; no users is a gap. `cause` is what decided it."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    cause: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class ScheduleChanged:
    """Layers or edits changed who is on duty within the next 90 days; `changes` are at most 100."""

    schedule_id: int
    by: str
    changes: tuple[tuple[datetime, datetime, tuple[int, ...], tuple[int, ...]], ...]
