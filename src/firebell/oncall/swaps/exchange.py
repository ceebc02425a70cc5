"""What a swap and a cover do with stretches of time (spec 1.2); pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.oncall.model import Absence, Cover, CoverState, Override, OverrideKind, Schedule, Source, User
from firebell.oncall.rota.shifts import between

Stretch = tuple[datetime, datetime]


def minus(whole: Sequence[Stretch], taken: Sequence[Stretch]) -> list[Stretch]:
    """Return what is left of `whole` without `taken`, in order."""
    left = sorted(whole)
    for start, end in taken:
        cut = [part for a, b in left for part in ((a, min(b, start)), (max(a, end), b))]
        left = [(a, b) for a, b in cut if a < b]
    return left


def swap_maps(x: User, y: User, mine: Stretch, theirs: Stretch) -> list[tuple[Stretch, dict[User, User]]]:
    """Return the `map` edits by which `y` has `mine` and `x` has `theirs`.

    Where the stretches overlap it is one edit of both directions: one after the other would undo each
    other (E04).
    """
    low, high = max(mine[0], theirs[0]), min(mine[1], theirs[1])
    both = [(low, high)] if low < high else []
    found: list[tuple[Stretch, dict[User, User]]] = [(part, {x: y, y: x}) for part in both]
    found += [(part, {x: y}) for part in minus([mine], both)]
    found += [(part, {y: x}) for part in minus([theirs], both)]
    return sorted(found, key=lambda pair: pair[0])


def mapped(
    start: datetime,
    end: datetime,
    mapping: Mapping[User, User],
    reason: str,
    source: Source,
    created_by: int | None,
) -> Override:
    """Return an edit, not stored yet, by which people stand in for people."""
    return Override(0, 0, start, end, OverrideKind.MAP, (), dict(mapping), reason, source, created_by)


def own_stretches(schedule: Schedule, user: User, a: datetime, b: datetime) -> list[Stretch]:
    """Return when `user` is on duty in `[a, b)`; runs that differ in other people alone are one."""
    found: list[Stretch] = []
    for run in (run for run in between(schedule, a, b) if user in run.users):
        if found and found[-1][1] == run.start:
            found[-1] = (found[-1][0], run.end)
        else:
            found.append((run.start, run.end))
    return found


def unasked(
    schedule: Schedule, vacation: Absence, covers: Sequence[Cover], a: datetime, b: datetime
) -> list[Stretch]:
    """Return when somebody is on duty in their vacation in `[a, b)`, and none of `covers` stands for it."""
    runs = own_stretches(schedule, vacation.person_id, max(vacation.start, a), min(vacation.end, b))
    mine = [c for c in covers if c.schedule_id == schedule.id and _stands_for(c, vacation)]
    return minus(runs, [(c.start, c.end) for c in mine])


def _stands_for(cover: Cover, vacation: Absence) -> bool:
    """Say whether cover is asked for already, or whoever is absent said that they keep the shift."""
    if cover.state == CoverState.OPEN:
        return cover.requester == vacation.person_id
    return cover.state == CoverState.WITHDRAWN and cover.vacation_id == vacation.id and not cover.why
