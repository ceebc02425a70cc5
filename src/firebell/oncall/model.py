"""Schedules as values (spec 1.2): a schedule is a function from instants to the people on call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from firebell.kit.db.events import Actor
from firebell.kit.intervals import OpenInterval, within

REASON_MAX_CHARS = 500
"""How long the reason of an override, cover request, swap or time off may be."""
User = int
"""A person, by id."""
Cause = int | str
"""Why people are on call: a layer or override by its id, or an imported shift by its key."""


class Unit(StrEnum):
    """The unit of a rotation's shift length."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class OverrideKind(StrEnum):
    """What an override does with the people on call."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    MAP = "map"


class OverrideSource(StrEnum):
    """Where an override comes from."""

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


MAX_SHIFT_LENGTH = 1000
"""Maximum units in a shift length."""
MAX_LAYER_NAME_LENGTH = 80
"""Maximum characters in a layer's name."""
MAX_LAYERS = 20
"""Maximum layers in a schedule."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One rotation. `anchor` is the local time of handoff 0 in `tz`; during an empty slot lower layers apply."""

    id: int
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
    """A change of who is on call on `[start, end)`; overrides apply in the order of `seq`.

    One that `fills` applies only where no one is on call. A shift of an imported calendar has an `import_key`
    instead of an id, and `rota` is its calendar if that is a layer.
    """

    id: int
    seq: int
    start: datetime
    end: datetime
    kind: OverrideKind
    users: tuple[User, ...] = ()
    mapping: Mapping[User, User] = field(default_factory=dict)
    reason: str = ""
    source: str = OverrideSource.OVERRIDE
    created_by: int | None = None
    fills: bool = False
    rota: int | None = None
    import_key: str = ""

    @property
    def cause(self) -> Cause:
        """What the shifts that it changes name as their cause."""
        return self.import_key or self.id


@dataclass(frozen=True, slots=True)
class Shadow:
    """A person who gets copies of pages to `of`, or to everyone on call; never a target, never coverage."""

    id: int
    user: User
    of: User | None
    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers from low to high, overrides by sequence, and people who must not be on call.

    People in `inactive_during` are not on call in those intervals; `inactive` people who are not in it, never.
    """

    id: int
    name: str
    tz: str
    layers: tuple[Layer, ...]
    overrides: tuple[Override, ...] = ()
    inactive: frozenset[User] = frozenset()
    version: int = 1
    slug: str = ""
    team_id: int = 0
    shadows: tuple[Shadow, ...] = ()
    archived_at: datetime | None = None
    created_at: datetime | None = None
    """None for a draft."""
    inactive_during: Mapping[User, Sequence[OpenInterval]] = field(default_factory=dict)

    @property
    def people(self) -> frozenset[User]:
        """Everyone named by its layers, overrides and shadows."""
        in_rotation = {user for layer in self.layers for slot in layer.slots for user in slot}
        in_overrides = {user for e in self.overrides for user in (*e.users, *e.mapping, *e.mapping.values())}
        in_shadows = {user for s in self.shadows for user in (s.user, s.of) if user is not None}
        return frozenset(in_rotation | in_overrides | in_shadows)

    def inactive_at(self, t: datetime) -> frozenset[User]:
        """Return the people who must not be on call at `t`."""
        if not self.inactive_during:
            return self.inactive
        away = {user for user, spans in self.inactive_during.items() if within(spans, t)}
        return (self.inactive - self.inactive_during.keys()) | away


@dataclass(frozen=True, slots=True)
class Turn:
    """An uninterrupted turn of one layer; `k` is the number of its handoff, counted from the anchor."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    k: int


@dataclass(frozen=True, slots=True)
class Shift:
    """The longest interval with the same people on call (none: a gap); `cause` is the layer and overrides."""

    start: datetime
    end: datetime
    users: tuple[User, ...]
    cause: tuple[Cause, ...]


Change = tuple[datetime, datetime, tuple[User, ...], tuple[User, ...]]
"""(start, end, who was on call, who is on call now)."""


class CoverState(StrEnum):
    """The state of a cover request; a taken one is open again when its override is removed."""

    OPEN = "open"
    TAKEN = "taken"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Cover:
    """A request to be relieved on `[start, end)`; until it is taken, the requester stays on call.

    `asked` are the people asked (none: the whole team), `declined` those who declined. It expires at its start, or
    at its end if the shift had begun. `why` is the reason of a withdrawal that was not the requester's.
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
    """The state of a swap."""

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
        """When the first of both shifts begins, after which it cannot be accepted."""
        return min(self.start, self.their_start)


@dataclass(frozen=True, slots=True)
class Absence:
    """A person's time off on `[start, end)`; cover is requested for every shift that it touches."""

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
    """On-call changed within the next 90 days; `changes` has at most 100.

    `why` is the reason if `by` did not change the schedule, such as that a person left.
    """

    schedule_id: int
    by: str
    changes: tuple[tuple[datetime, datetime, tuple[int, ...], tuple[int, ...]], ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleSaved:
    """A locked schedule was saved, for `must` subscribers of this slice; `why` as in `ScheduleChanged`."""

    schedule: Schedule
    actor: Actor
    why: str = ""


@dataclass(frozen=True, slots=True)
class ShiftsReassigned:
    """On-call of a locked schedule changed within 90 days, for `must` subscribers of this slice."""

    schedule: Schedule


@dataclass(frozen=True, slots=True)
class ShiftsChanged:
    """A schedule changed, and its people were notified; `known` are the people and starts they now know of."""

    schedule_id: int
    known: frozenset[tuple[int, datetime]] = frozenset()


@dataclass(frozen=True, slots=True)
class ScheduleDeleted:
    """A schedule is about to be deleted; a subscriber that needs it raises Conflict."""

    schedule_id: int
    name: str


@dataclass(frozen=True, slots=True)
class CoverAsked:
    """Cover was requested."""

    cover_id: int


@dataclass(frozen=True, slots=True)
class CoverTaken:
    """A cover request, or a part of one, was taken."""

    cover_id: int


@dataclass(frozen=True, slots=True)
class CoverDeclined:
    """A person declined a cover request."""

    cover_id: int
    by: int


@dataclass(frozen=True, slots=True)
class SwapProposed:
    """A swap was proposed."""

    swap_id: int


@dataclass(frozen=True, slots=True)
class SwapDecided:
    """A swap was accepted or declined."""

    swap_id: int


@dataclass(frozen=True, slots=True)
class CoverLapsed:
    """An open request was withdrawn because its shift is no longer the requester's; `why` is the reason.

    `asked` and `declined` are those of the request.
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
    """A swap was withdrawn because one of its shifts changed hands; `why` is the reason."""

    swap_id: int
    schedule: str
    proposer: int
    other: int
    why: str


@dataclass(frozen=True, slots=True)
class ErrorsFound:
    """New errors of a schedule: (code, message, start, the people concerned)."""

    schedule_id: int
    errors: tuple[tuple[str, str, datetime | None, tuple[int, ...]], ...]
