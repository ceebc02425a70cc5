"""What becomes of each field after both sides of a link may have changed (pure; spec 11.10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firebell.action_items.trackers.model import (
    UNKNOWN_PERSON,
    Direction,
    SyncField,
    Value,
    Values,
)

TRACKER_WINS = frozenset({SyncField.STATE, SyncField.ASSIGNEE})
"""Where both sides changed: work is done in the tracker, and promises are made here."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that changed on both sides: the value that is kept, and the one that is not."""

    field: SyncField
    ours: Value
    theirs: Value
    tracker_wins: bool

    @property
    def kept(self) -> Value:
        """The value that is kept."""
        return self.theirs if self.tracker_wins else self.ours

    @property
    def lost(self) -> Value:
        """The value that is only in the history."""
        return self.ours if self.tracker_wins else self.theirs


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What to change here, what to change there, on what both sides agree, and where they both changed."""

    take: Mapping[SyncField, Value] = field(default_factory=dict)
    push: Mapping[SyncField, Value] = field(default_factory=dict)
    agreed: Mapping[SyncField, Value] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    unknown_owner: bool = False
    """True if the owner is no known user of the tracker, so that they are not written there."""


def merge(
    snapshot: Values,
    ours: Values,
    theirs: Values,
    directions: Mapping[SyncField, Direction],
    standoffs: Mapping[SyncField, tuple[Value, Value]],
) -> MergePlan:
    """Return the plan for every field that both sides have.

    A pair of values in `standoffs` was tried and refused, so nothing happens until one of them changes.
    """
    take: dict[SyncField, Value] = {}
    push: dict[SyncField, Value] = {}
    agreed: dict[SyncField, Value] = {}
    conflicts: list[Conflict] = []
    unknown_owner = False
    for name in SyncField:
        direction = directions.get(name, Direction.OFF)
        if name not in ours or name not in theirs or direction is Direction.OFF:
            continue
        mine, other, base = ours[name], theirs[name], snapshot.get(name)
        if mine == other:
            agreed[name] = mine
        elif standoffs.get(name) == (mine, other):
            unknown_owner |= mine.startswith(UNKNOWN_PERSON) and name is SyncField.ASSIGNEE
        elif direction is Direction.OUT:
            if mine != base:
                push[name] = mine
        elif direction is Direction.IN:
            if other != base:
                take[name] = other
        elif mine == base:
            take[name] = other
        elif other == base:
            push[name] = mine
        else:
            conflict = Conflict(name, mine, other, name in TRACKER_WINS)
            conflicts.append(conflict)
            if conflict.tracker_wins:
                take[name] = other
            else:
                push[name] = mine
    if push.get(SyncField.ASSIGNEE, "").startswith(UNKNOWN_PERSON):
        del push[SyncField.ASSIGNEE]
        unknown_owner = True
    return MergePlan(take, push, agreed, tuple(conflicts), unknown_owner)
