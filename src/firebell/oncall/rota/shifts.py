"""Who is on call when (spec 1.3): the web pages, the pager, the API and the reports all use this (pure)."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.intervals import Interval, OpenInterval, joined, union, within
from firebell.oncall.model import Cause, Change, Layer, Override, OverrideKind, Schedule, Shift, User
from firebell.oncall.rota.rotation import index_at, members, open_intervals, turns, validity

_INSTANT = timedelta(seconds=1)


def _apply(override: Override, users: tuple[User, ...]) -> tuple[User, ...]:
    match override.kind:
        case OverrideKind.SET:
            changed: Iterable[User] = override.users
        case OverrideKind.ADD:
            changed = (*users, *override.users)
        case OverrideKind.REMOVE:
            changed = (u for u in users if u not in override.users)
        case OverrideKind.MAP:
            changed = (override.mapping.get(u, u) for u in users)
    return tuple(dict.fromkeys(changed))


def between(schedule: Schedule, a: datetime, b: datetime) -> list[Shift]:
    """Return the longest shifts that cover `[a, b)` exactly; a shift without users is a gap (P1)."""
    if a >= b:
        return []
    shifts: list[Shift] = []
    for low, high in itertools.pairwise([a, *_edges(schedule.inactive_during, a, b), b]):
        following = _shifts(schedule, low, high, schedule.inactive_at(low))
        if shifts and shifts[-1].users == following[0].users:
            following[0] = replace(following[0], start=shifts[-1].start, cause=shifts.pop().cause)
        shifts += following
    return shifts


def _edges(
    inactive_during: Mapping[User, Sequence[OpenInterval]], a: datetime, b: datetime
) -> list[datetime]:
    """Return the instants in `(a, b)` at which people leave or return, in order."""
    return sorted(
        {
            t
            for intervals in inactive_during.values()
            for interval in intervals
            for t in interval
            if t and a < t < b
        }
    )


def present(override: Override, inactive_during: Mapping[User, Sequence[OpenInterval]]) -> list[Override]:
    """Return the parts of a `set` override during which some of its people are present, with these people."""
    absences = {user: inactive_during[user] for user in override.users if user in inactive_during}
    cuts = [override.start, *_edges(absences, override.start, override.end), override.end]
    parts = []
    for low, high in itertools.pairwise(cuts):
        users = tuple(u for u in override.users if not within(absences.get(u, ()), low))
        if users:
            parts.append(replace(override, start=low, end=high, users=users))
    return parts


def _shifts(schedule: Schedule, a: datetime, b: datetime, inactive: Collection[User]) -> list[Shift]:
    """Return the shifts of `[a, b)`, during which the same people are inactive throughout."""
    layers = [(layer.id, turns(layer, a, b, inactive)) for layer in reversed(schedule.layers)]
    overrides = sorted((e for e in schedule.overrides if e.start < b and e.end > a), key=lambda e: e.start)
    cuts = {a, b}
    for _, layer_turns in layers:
        cuts.update([turn[0] for turn in layer_turns])
        cuts.update([turn[1] for turn in layer_turns])
    cuts.update(t for e in overrides for t in (e.start, e.end) if a < t < b)
    positions = [0] * len(layers)
    begun = 0
    active: list[Override] = []
    shifts: list[Shift] = []
    shift_start: datetime = a
    shift_users: tuple[User, ...] | None = None
    shift_cause: tuple[Cause, ...] = ()
    for start in sorted(cuts)[:-1]:
        users: tuple[User, ...] = ()
        cause: tuple[Cause, ...] = ()
        for i, (layer_id, layer_turns) in enumerate(layers):
            position = positions[i]
            while position < len(layer_turns) and layer_turns[position][1] <= start:
                position += 1
            positions[i] = position
            if position < len(layer_turns) and layer_turns[position][0] <= start:
                users, cause = layer_turns[position][2], (layer_id,)
                break
        if active or begun < len(overrides):
            active, begun = _active(active, overrides, begun, start)
            for override in active:
                if not (override.fills and users):
                    users, cause = _apply(override, users), (*cause, override.cause)
            if inactive:
                users = tuple(u for u in users if u not in inactive)
        if users != shift_users:
            if shift_users is not None:
                shifts.append(Shift(shift_start, start, shift_users, shift_cause))
            shift_start, shift_users, shift_cause = start, users, cause
    shifts.append(Shift(shift_start, b, shift_users or (), shift_cause))
    return shifts


def _active(
    active: list[Override], overrides: Sequence[Override], begun: int, t: datetime
) -> tuple[list[Override], int]:
    """Return the overrides that contain `t` by sequence, and how many of `overrides` have begun by then."""
    still_active = [e for e in active if e.end > t]
    while begun < len(overrides) and overrides[begun].start <= t:
        if overrides[begun].end > t:
            still_active.append(overrides[begun])
        begun += 1
    return sorted(still_active, key=lambda e: e.seq), begun


def _layer_at(layer: Layer, t: datetime, inactive: Collection[User]) -> tuple[User, ...]:
    begins, ends = validity(layer)
    if t < begins or (ends and t >= ends) or not open_intervals(layer, t, t + _INSTANT):
        return ()
    return members(layer, index_at(layer, t), inactive)


def at(schedule: Schedule, t: datetime) -> tuple[User, ...]:
    """Return who is on call at `t`, in order; the cost does not grow with the distance to an anchor."""
    users: tuple[User, ...] = ()
    inactive = schedule.inactive_at(t)
    for layer in reversed(schedule.layers):
        if users := _layer_at(layer, t, inactive):
            break
    for override in sorted(schedule.overrides, key=lambda e: e.seq):
        if override.start <= t < override.end and not (override.fills and users):
            users = _apply(override, users)
    return tuple(u for u in users if u not in inactive)


def gaps(schedule: Schedule, a: datetime, b: datetime) -> list[Interval]:
    """Return the intervals of `[a, b)` with no one on call."""
    return [Interval(shift.start, shift.end) for shift in between(schedule, a, b) if not shift.users]


def intervals_by_user(schedule: Schedule, a: datetime, b: datetime) -> dict[User, list[Interval]]:
    """Return each person's uninterrupted on-call intervals within `[a, b)`, in order."""
    by_user: dict[User, list[Interval]] = defaultdict(list)
    for shift in between(schedule, a, b):
        for user in shift.users:
            by_user[user].append(Interval(shift.start, shift.end))
    return {user: union(intervals) for user, intervals in by_user.items()}


def intervals_on_call(schedule: Schedule, user: User, a: datetime, b: datetime) -> list[Interval]:
    """Return one person's uninterrupted on-call intervals within `[a, b)`, in order."""
    return union((shift.start, shift.end) for shift in between(schedule, a, b) if user in shift.users)


def next_change(schedule: Schedule, t: datetime, horizon: timedelta) -> datetime | None:
    """Return the first instant after `t`, within `horizon`, at which other people are on call."""
    shifts = between(schedule, t, t + horizon)
    return shifts[1].start if len(shifts) > 1 else None


def diff(old: Schedule, new: Schedule, a: datetime, b: datetime) -> list[Change]:
    """Return (start, end, old users, new users) wherever the two schedules differ in `[a, b)`."""
    before, after = between(old, a, b), between(new, a, b)
    cuts = sorted({t for shift in (*before, *after) for t in (shift.start, shift.end)})
    differences = []
    i = j = 0
    for start, end in itertools.pairwise(cuts):
        while before[i].end <= start:
            i += 1
        while after[j].end <= start:
            j += 1
        if before[i].users != after[j].users:
            differences.append((start, end, (before[i].users, after[j].users)))
    return [(start, end, *users) for start, end, users in joined(differences)]
