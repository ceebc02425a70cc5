"""The overrides of covers and swaps, and absences without a request ([spec 1.2](docs/spec/1-oncall.md)) (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.intervals import Interval, clip, minus
from firebell.oncall.model import (
    Absence,
    Cover,
    CoverState,
    Override,
    OverrideKind,
    OverrideSource,
    Schedule,
    User,
)
from firebell.oncall.rota.shifts import intervals_on_call


def swap_maps(x: User, y: User, mine: Interval, theirs: Interval) -> list[tuple[Interval, dict[User, User]]]:
    """Return the intervals and mappings of the overrides that give `mine` to `y` and `theirs` to `x`.

    Where the intervals overlap, one mapping goes both ways: two mappings would undo each other (E04).
    """
    both = clip([mine], theirs)
    maps: list[tuple[Interval, dict[User, User]]] = [(part, {x: y, y: x}) for part in both]
    maps += [(part, {x: y}) for part in minus([mine], both)]
    maps += [(part, {y: x}) for part in minus([theirs], both)]
    return sorted(maps, key=lambda pair: pair[0])


def mapping_override(
    start: datetime,
    end: datetime,
    mapping: Mapping[User, User],
    reason: str,
    source: OverrideSource,
    created_by: int | None,
) -> Override:
    """Return an override, not stored yet, in which the values of `mapping` cover for its keys."""
    return Override(
        id=0,
        seq=0,
        start=start,
        end=end,
        kind=OverrideKind.MAP,
        mapping=dict(mapping),
        reason=reason,
        source=source,
        created_by=created_by,
    )


def unrequested_intervals(
    schedule: Schedule, absence: Absence, covers: Sequence[Cover], a: datetime, b: datetime
) -> list[Interval]:
    """Return when an absent person is on call in `[a, b)` without any of `covers` settling it."""
    on_call = intervals_on_call(schedule, absence.person_id, max(absence.start, a), min(absence.end, b))
    settled = [c for c in covers if c.schedule_id == schedule.id and _settles(c, absence)]
    return minus(on_call, [(c.start, c.end) for c in settled])


def _settles(cover: Cover, absence: Absence) -> bool:
    """Return True if cover is already requested, or the absent person withdrew the request to keep the shift."""
    if cover.state == CoverState.OPEN:
        return cover.requester == absence.person_id
    return cover.state == CoverState.WITHDRAWN and cover.vacation_id == absence.id and not cover.why
