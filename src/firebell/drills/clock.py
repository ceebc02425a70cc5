"""The clock of a drill, and when its injects are due on it (pure, spec 11.15)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from firebell.drills.model import Drill, Inject
from firebell.kit.countdown import stopwatch
from firebell.kit.drill_clock import DrillClock
from firebell.kit.intervals import Interval


def clock_of(drill: Drill) -> DrillClock | None:
    """Return the clock of a drill, None before its start."""
    if drill.started_at is None:
        return None
    return DrillClock(drill.started_at, drill.speed, drill.paused_at, drill.pauses, drill.finished_at)


def pauses_until(drill: Drill, now: datetime) -> tuple[Interval, ...]:
    """Return the pauses of a drill, with the current one as if it ended now."""
    return drill.pauses if drill.paused_at is None else (*drill.pauses, Interval(drill.paused_at, now))


def started_clock(drill: Drill) -> DrillClock:
    """Return the clock of a drill that has started."""
    clock = clock_of(drill)
    assert clock is not None  # it has started
    return clock


def clock_text(elapsed_s: float) -> str:
    """Return a drill time as hours, minutes and seconds, such as 18:42 or 1:05:00, as the page counts it up."""
    return stopwatch(timedelta(seconds=elapsed_s))


def due_times(
    injects: Iterable[Inject], settled: Iterable[str], reached: Mapping[str, float]
) -> list[tuple[float | None, Inject]]:
    """Return the injects that are not settled with their drill times, soonest first.

    `reached` has the drill time at which each phase or kind of timeline entry first came up. An inject whose
    condition has not come up has no time, and stands last.
    """
    gone = set(settled)
    waiting = [(_due_s(inject, reached), inject) for inject in injects if inject.id not in gone]
    return sorted(waiting, key=lambda each: (each[0] is None, each[0] or 0))


def _due_s(inject: Inject, reached: Mapping[str, float]) -> float | None:
    if inject.at_s is not None:
        return float(inject.at_s)
    since = reached.get(inject.when)
    return None if since is None else since + inject.after_s
