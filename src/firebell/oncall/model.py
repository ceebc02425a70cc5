"""Schedules as values (spec 1.2). A schedule is a function from instants to the people on duty."""

from collections.abc import Mapping
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


class OverrideKind(StrEnum):
    """What an edit does with the duty that it finds."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    MAP = "map"


class Source(StrEnum):
    """Why an edit exists."""

    OVERRIDE = "override"
    SWAP = "swap"
    COVER = "cover"
    VACATION = "vacation"


@dataclass(frozen=True, slots=True)
class Window:
    """Opens at local minute `start` (0-1439) on weekdays `days` (0 = Monday) for `minutes` of wall time."""

    start: int
    minutes: int
    days: frozenset[int]


LONGEST_TURN = 1000
LONGEST_NAME = 80
LAYERS = 20
"""At most so many units in a turn, letters in a layer's name, and layers in a schedule."""


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
class Override:
    """A change of duty on `[start, end)`; later `seq` acts on what earlier ones left.

    One that `fills` acts only where nobody is on duty yet. `rota` is the imported layer that it is a shift of.
    """

    id: int | str
    seq: int
    start: datetime
    end: datetime
    kind: OverrideKind
    users: tuple[User, ...] = ()
    mapping: Mapping[User, User] = field(default_factory=dict)
    reason: str = ""
    source: str = Source.OVERRIDE
    created_by: int | None = None
    fills: bool = False
    rota: int | None = None


@dataclass(frozen=True, slots=True)
class Shadow:
    """Receives copies of what goes to `of`, or to whoever is on duty; never a target, never coverage."""

    id: int | str
    user: User
    of: User | None
    start: datetime
    end: datetime | None


Spans = tuple[tuple[datetime, datetime | None], ...]
"""Stretches of time; one without an end goes on."""


def within(spans: Spans, t: datetime) -> bool:
    """Say whether `t` lies in one of the stretches."""
    return any(start <= t and (end is None or t < end) for start, end in spans)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers from low to high, edits by sequence, and people who must not be on duty.

    Of those in `gone` it is true on each of their stretches alone, without an end for whoever is still gone;
    who is `inactive` and not among them is never on duty.
    """

    id: int | str
    name: str
    tz: str
    layers: tuple[Layer, ...]
    edits: tuple[Override, ...] = ()
    inactive: frozenset[User] = frozenset()
    version: int = 1
    slug: str = ""
    team_id: int = 0
    shadows: tuple[Shadow, ...] = ()
    archived_at: datetime | None = None
    gone: Mapping[User, Spans] = field(default_factory=dict)

    @property
    def people(self) -> frozenset[User]:
        """Everybody whom its layers, edits and shadows name."""
        turns = {user for layer in self.layers for slot in layer.slots for user in slot}
        edited = {user for e in self.edits for user in (*e.users, *e.mapping, *e.mapping.values())}
        learning = {user for s in self.shadows for user in (s.user, s.of) if user is not None}
        return frozenset(turns | edited | learning)

    def inactive_at(self, t: datetime) -> frozenset[User]:
        """Return who must not be on duty at `t`."""
        if not self.gone:
            return self.inactive
        away = {user for user, spans in self.gone.items() if within(spans, t)}
        return (self.inactive - self.gone.keys()) | away


@dataclass(frozen=True, slots=True)
class Turn:
    """An uninterrupted turn of one layer: `k` counts handoffs from the anchor."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    k: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A longest stretch with the same people on duty; no users is a gap. `cause` is what decided it."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    cause: tuple[int | str, ...]


Change = tuple[datetime, datetime, tuple[User, ...], tuple[User, ...]]
"""(start, end, who was on duty, who is)."""


class CoverState(StrEnum):
    """Where a request for cover stands; taken goes back to open when its edit is removed."""

    OPEN = "open"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Cover:
    """Somebody asks to be relieved on `[start, end)`; until it is taken they stay on duty.

    `asked` are the people who were asked (none: everybody), `declined` those who said no. It expires when
    the stretch begins, or at its end when it was asked for a shift that had begun. `why` says what withdrew it
    when it was not the requester: that they left, or are not on duty then any more.
    """

    id: int
    schedule_id: int
    requester: int
    start: datetime
    end: datetime
    expires_at: datetime
    state: str
    asked: tuple[int, ...]
    declined: tuple[int, ...]
    reason: str
    taken_by: int | None
    edit_id: int | None
    vacation_id: int | None
    created_at: datetime
    decided_at: datetime | None
    why: str = ""


class SwapState(StrEnum):
    """Where a proposed swap stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Swap:
    """`proposer` offers their `[start, end)` for `[their_start, their_end)` of `other`."""

    id: int
    schedule_id: int
    proposer: int
    other: int
    start: datetime
    end: datetime
    their_start: datetime
    their_end: datetime
    state: str
    reason: str
    edit_ids: tuple[int, ...]
    created_at: datetime
    decided_at: datetime | None
    why: str = ""

    @property
    def expires_at(self) -> datetime:
        """When it cannot be accepted any more: either shift has begun."""
        return min(self.start, self.their_start)


@dataclass(frozen=True, slots=True)
class Absence:
    """A person is absent on `[start, end)`; it asks for cover for every shift that it touches."""

    id: int
    person_id: int
    start: datetime
    end: datetime
    reason: str
    created_by: int | None
    created_at: datetime
    cancelled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleChanged:
    """Who is on duty within the next 90 days changed; `changes` are at most 100.

    `why` says what happened when it was not `by` who changed the schedule, such as that somebody left.
    """

    schedule_id: int
    by: str
    changes: tuple[tuple[datetime, datetime, tuple[int, ...], tuple[int, ...]], ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleDeleted:
    """A schedule is about to be gone; whoever needs it refuses by raising `Conflict`."""

    schedule_id: int
    name: str


@dataclass(frozen=True, slots=True)
class CoverAsked:
    """Somebody asks for cover."""

    cover_id: int


@dataclass(frozen=True, slots=True)
class CoverTaken:
    """A request for cover, or a part of one, is taken."""

    cover_id: int


@dataclass(frozen=True, slots=True)
class CoverDeclined:
    """Somebody who could take a request for cover says no."""

    cover_id: int
    by: int


@dataclass(frozen=True, slots=True)
class SwapProposed:
    """Somebody proposes a swap to somebody else."""

    swap_id: int


@dataclass(frozen=True, slots=True)
class SwapDecided:
    """A proposed swap is accepted or declined."""

    swap_id: int


@dataclass(frozen=True, slots=True)
class CoverLapsed:
    """An open request is withdrawn because its shift is not the requester's any more; `why` says so.

    `asked` are those who were asked by name and did not say no (none: the team), for the stretch that it names.
    """

    cover_id: int
    schedule: str
    team_id: int
    requester: int
    asked: tuple[int, ...]
    declined: tuple[int, ...]
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class SwapLapsed:
    """A proposed swap is withdrawn because one of its shifts is not whose it was; `why` says so."""

    swap_id: int
    schedule: str
    proposer: int
    other: int
    why: str


@dataclass(frozen=True, slots=True)
class ErrorsFound:
    """Errors of a schedule of which nobody was told yet: (code, what is wrong, when it begins, whom it concerns)."""

    schedule_id: int
    errors: tuple[tuple[str, str, datetime | None, tuple[int, ...]], ...]
