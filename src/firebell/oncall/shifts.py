"""The only answer to "who is on call" (spec 1.3): screen, pager, API and reports call this."""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta

from firebell.oncall.model import Edit, EditKind, Layer, Run, Schedule, User
from firebell.oncall.turns import extent, index_at, opens, pieces, slot

_INSTANT = timedelta(seconds=1)


def _edited(duty: tuple[User, ...], edit: Edit) -> tuple[User, ...]:
    match edit.kind:
        case EditKind.SET:
            changed: Iterable[User] = edit.users
        case EditKind.ADD:
            changed = (*duty, *edit.users)
        case EditKind.REMOVE:
            changed = (u for u in duty if u not in edit.users)
        case EditKind.MAP:
            changed = (edit.mapping.get(u, u) for u in duty)
    return tuple(dict.fromkeys(changed))


def duty(schedule: Schedule, a: datetime, b: datetime) -> list[Run]:
    """Return maximal runs that cover `[a, b)` exactly; a run without users is a gap (P1)."""
    if a >= b:
        return []
    turns = [(layer.id, pieces(layer, a, b, schedule.inactive)) for layer in reversed(schedule.layers)]
    edits = [e for e in sorted(schedule.edits, key=lambda e: e.seq) if e.start < b and e.end > a]
    cuts = {a, b}
    for _, found in turns:
        cuts.update(t for piece in found for t in (piece.start, piece.end))
    cuts.update(t for e in edits for t in (e.start, e.end) if a < t < b)
    ordered = sorted(cuts)
    positions = [0] * len(turns)
    runs: list[Run] = []
    for start, end in itertools.pairwise(ordered):
        users: tuple[User, ...] = ()
        cause: tuple[int | str, ...] = ()
        for at, (layer_id, found) in enumerate(turns):
            while positions[at] < len(found) and found[positions[at]].end <= start:
                positions[at] += 1
            if not users and positions[at] < len(found) and found[positions[at]].start <= start:
                users, cause = found[positions[at]].users, (layer_id,)
        for edit in edits:
            if edit.start <= start < edit.end:
                users, cause = _edited(users, edit), (*cause, edit.id)
        users = tuple(u for u in users if u not in schedule.inactive)
        if runs and runs[-1].users == users:
            runs[-1] = Run(runs[-1].start, end, users, runs[-1].cause)
        else:
            runs.append(Run(start, end, users, cause))
    return runs


def _layer_at(layer: Layer, t: datetime, schedule: Schedule) -> tuple[User, ...]:
    begins, ends = extent(layer)
    if t < begins or (ends and t >= ends) or not opens(layer, t, t + _INSTANT):
        return ()
    return slot(layer, index_at(layer, t), schedule.inactive)


def at(schedule: Schedule, t: datetime) -> tuple[User, ...]:
    """Return who is on duty at `t`, in order; the cost does not depend on the distance to any anchor."""
    users: tuple[User, ...] = ()
    for layer in reversed(schedule.layers):
        if users := _layer_at(layer, t, schedule):
            break
    for edit in sorted(schedule.edits, key=lambda e: e.seq):
        if edit.start <= t < edit.end:
            users = _edited(users, edit)
    return tuple(u for u in users if u not in schedule.inactive)


def gaps(schedule: Schedule, a: datetime, b: datetime) -> list[tuple[datetime, datetime]]:
    """Return the stretches of `[a, b)` with nobody on duty."""
    return [(run.start, run.end) for run in duty(schedule, a, b) if not run.users]


def next_change(schedule: Schedule, t: datetime, horizon: timedelta) -> datetime | None:
    """Return the first instant after `t`, within `horizon`, at which somebody else is on duty."""
    runs = duty(schedule, t, t + horizon)
    return runs[1].start if len(runs) > 1 else None


def handoffs(
    schedule: Schedule, a: datetime, b: datetime
) -> list[tuple[datetime, tuple[User, ...], tuple[User, ...]]]:
    """Return (instant, who leaves, who enters) for each change of duty in `[a, b)`."""
    runs = duty(schedule, a, b)
    return [(new.start, old.users, new.users) for old, new in itertools.pairwise(runs)]


def diff(
    old: Schedule, new: Schedule, a: datetime, b: datetime
) -> list[tuple[datetime, datetime, tuple[User, ...], tuple[User, ...]]]:
    """Return (start, end, old users, new users) wherever the two schedules differ in `[a, b)`."""
    before, after = duty(old, a, b), duty(new, a, b)
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
