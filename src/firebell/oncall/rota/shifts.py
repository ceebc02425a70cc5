"""The only answer to "who is on call" (spec 1.3): screen, pager, API and reports call this (pure)."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Shift, Spans, User, within
from firebell.oncall.rota.rotation import index_at, members, open_intervals, turns, validity

_INSTANT = timedelta(seconds=1)


def _edited(duty: tuple[User, ...], edit: Override) -> tuple[User, ...]:
    match edit.kind:
        case OverrideKind.SET:
            changed: Iterable[User] = edit.users
        case OverrideKind.ADD:
            changed = (*duty, *edit.users)
        case OverrideKind.REMOVE:
            changed = (u for u in duty if u not in edit.users)
        case OverrideKind.MAP:
            changed = (edit.mapping.get(u, u) for u in duty)
    return tuple(dict.fromkeys(changed))


def between(schedule: Schedule, a: datetime, b: datetime) -> list[Shift]:
    """Return maximal runs that cover `[a, b)` exactly; a run without users is a gap (P1)."""
    if a >= b:
        return []
    shifts: list[Shift] = []
    for low, high in itertools.pairwise([a, *_edges(schedule.gone, a, b), b]):
        runs = _runs(schedule, low, high, schedule.inactive_at(low))
        if shifts and shifts[-1].users == runs[0].users:
            runs[0] = replace(runs[0], start=shifts[-1].start, cause=shifts.pop().cause)
        shifts += runs
    return shifts


def _edges(gone: Mapping[User, Spans], a: datetime, b: datetime) -> list[datetime]:
    """Return when somebody leaves or comes back in `(a, b)`, in order."""
    return sorted({t for spans in gone.values() for span in spans for t in span if t and a < t < b})


def present(edit: Override, gone: Mapping[User, Spans]) -> list[Override]:
    """Return the parts of an edit that puts people on duty, each with those who are not gone, if any."""
    theirs = {user: gone[user] for user in edit.users if user in gone}
    found = []
    for low, high in itertools.pairwise([edit.start, *_edges(theirs, edit.start, edit.end), edit.end]):
        users = tuple(u for u in edit.users if not within(theirs.get(u, ()), low))
        if users:
            found.append(replace(edit, start=low, end=high, users=users))
    return found


def _runs(schedule: Schedule, a: datetime, b: datetime, inactive: Collection[User]) -> list[Shift]:
    """Return the runs of `[a, b)`, on which the same people must not be on duty throughout."""
    layers = [(layer.id, turns(layer, a, b, inactive)) for layer in reversed(schedule.layers)]
    edits = sorted((e for e in schedule.edits if e.start < b and e.end > a), key=lambda e: e.start)
    cuts = {a, b}
    for _, found in layers:
        cuts.update([turn[0] for turn in found])
        cuts.update([turn[1] for turn in found])
    cuts.update(t for e in edits for t in (e.start, e.end) if a < t < b)
    positions = [0] * len(layers)
    waiting = 0
    active: list[Override] = []
    runs: list[Shift] = []
    since: datetime = a
    held: tuple[User, ...] | None = None
    why: tuple[int | str, ...] = ()
    for start in sorted(cuts)[:-1]:
        users: tuple[User, ...] = ()
        cause: tuple[int | str, ...] = ()
        for i, (layer_id, found) in enumerate(layers):
            at = positions[i]
            while at < len(found) and found[at][1] <= start:
                at += 1
            positions[i] = at
            if at < len(found) and found[at][0] <= start:
                users, cause = found[at][2], (layer_id,)
                break
        if active or waiting < len(edits):
            active, waiting = _active(active, edits, waiting, start)
            for edit in active:
                if not (edit.fills and users):
                    users, cause = _edited(users, edit), (*cause, edit.id)
            if inactive:
                users = tuple(u for u in users if u not in inactive)
        if users != held:
            if held is not None:
                runs.append(Shift(since, start, held, why))
            since, held, why = start, users, cause
    runs.append(Shift(since, b, held or (), why))
    return runs


def _active(
    active: list[Override], edits: Sequence[Override], waiting: int, t: datetime
) -> tuple[list[Override], int]:
    """Return the edits that contain `t` by sequence, and how many of `edits` have begun by then."""
    overrides = [e for e in active if e.end > t]
    while waiting < len(edits) and edits[waiting].start <= t:
        if edits[waiting].end > t:
            overrides.append(edits[waiting])
        waiting += 1
    return sorted(overrides, key=lambda e: e.seq), waiting


def _layer_at(layer: Layer, t: datetime, inactive: Collection[User]) -> tuple[User, ...]:
    begins, ends = validity(layer)
    if t < begins or (ends and t >= ends) or not open_intervals(layer, t, t + _INSTANT):
        return ()
    return members(layer, index_at(layer, t), inactive)


def at(schedule: Schedule, t: datetime) -> tuple[User, ...]:
    """Return who is on duty at `t`, in order; the cost does not depend on the distance to any anchor."""
    users: tuple[User, ...] = ()
    inactive = schedule.inactive_at(t)
    for layer in reversed(schedule.layers):
        if users := _layer_at(layer, t, inactive):
            break
    for edit in sorted(schedule.edits, key=lambda e: e.seq):
        if edit.start <= t < edit.end and not (edit.fills and users):
            users = _edited(users, edit)
    return tuple(u for u in users if u not in inactive)


def shadows_at(schedule: Schedule, t: datetime, on_duty: Collection[User]) -> tuple[User, ...]:
    """Return who gets copies of what goes to `on_duty` at `t`: never somebody who is on duty or left."""
    inactive = schedule.inactive_at(t)
    found = (
        s.user
        for s in schedule.shadows
        if s.start <= t
        and (s.end is None or t < s.end)
        and (s.of in on_duty if s.of is not None else on_duty)
        and s.user not in inactive
        and s.user not in on_duty
    )
    return tuple(dict.fromkeys(found))


def gaps(schedule: Schedule, a: datetime, b: datetime) -> list[tuple[datetime, datetime]]:
    """Return the stretches of `[a, b)` with nobody on duty."""
    return [(run.start, run.end) for run in between(schedule, a, b) if not run.users]


def next_change(schedule: Schedule, t: datetime, horizon: timedelta) -> datetime | None:
    """Return the first instant after `t`, within `horizon`, at which somebody else is on duty."""
    runs = between(schedule, t, t + horizon)
    return runs[1].start if len(runs) > 1 else None


def handoffs(
    schedule: Schedule, a: datetime, b: datetime
) -> list[tuple[datetime, tuple[User, ...], tuple[User, ...]]]:
    """Return (instant, who leaves, who enters) for each change of duty in `[a, b)`."""
    runs = between(schedule, a, b)
    return [(new.start, old.users, new.users) for old, new in itertools.pairwise(runs)]


def diff(
    old: Schedule, new: Schedule, a: datetime, b: datetime
) -> list[tuple[datetime, datetime, tuple[User, ...], tuple[User, ...]]]:
    """Return (start, end, old users, new users) wherever the two schedules differ in `[a, b)`."""
    before, after = between(old, a, b), between(new, a, b)
    cuts = sorted({t for run in (*before, *after) for t in (run.start, run.end)})
    found: list[tuple[datetime, datetime, tuple[User, ...], tuple[User, ...]]] = []
    i = j = 0
    for start, end in itertools.pairwise(cuts):
        while before[i].end <= start:
            i += 1
        while after[j].end <= start:
            j += 1
        pair = (before[i].users, after[j].users)
        if pair[0] == pair[1]:
            continue
        if found and found[-1][1] == start and found[-1][2:] == pair:
            found[-1] = (found[-1][0], end, *pair)
        else:
            found.append((start, end, *pair))
    return found
