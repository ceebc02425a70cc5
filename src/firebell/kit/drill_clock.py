"""The clock of a drill: drill time runs at a speed and stops while the drill is paused (pure, spec 11.15)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from firebell.kit.intervals import Interval, clip

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DrillClock:
    """Drill time as a function of real time; a planned drill has none. `pauses` are those that ended, in order."""

    started_at: datetime
    speed: int = 1
    paused_at: datetime | None = None
    pauses: Sequence[Interval] = ()
    finished_at: datetime | None = None

    @property
    def stands_still(self) -> bool:
        """Return True while the drill is paused, and after its end."""
        return self.paused_at is not None or self.finished_at is not None

    def elapsed_s(self, at: datetime) -> float:
        """Return the drill time at an instant, never negative; it stops during a pause and after the end."""
        stops = [stop for stop in (self.paused_at, self.finished_at) if stop is not None]
        until = min([at, *stops])
        paused = (end - start for start, end in clip(self.pauses, (self.started_at, until)))
        return max(0.0, (until - self.started_at - sum(paused, timedelta())).total_seconds() * self.speed)

    def instant(self, elapsed_s: float) -> datetime | None:
        """Return when a drill time is reached; None while the drill is paused or when it has ended."""
        if self.stands_still:
            return None
        at = self.started_at + timedelta(seconds=elapsed_s / self.speed)
        for start, end in self.pauses:
            if at >= start:
                at += end - start
        return at


def drill_time(clock: DrillClock | None, at: datetime) -> datetime:
    """Return an instant on drill time, which begins with the drill; without a clock, or before it, the instant."""
    if clock is None or at < clock.started_at:
        return at
    return clock.started_at + timedelta(seconds=clock.elapsed_s(at))


def real_time(clock: DrillClock | None, at: datetime) -> datetime | None:
    """Return the instant at which a drill time is reached, None while the clock is stopped."""
    return at if clock is None else clock.instant((at - clock.started_at).total_seconds())


def on_drill_time(clock: DrillClock, record: T) -> T:
    """Return a dataclass with each of its instants on drill time."""
    values: dict[str, Any] = {
        field.name: drill_time(clock, value)
        for field in fields(record)  # type: ignore[arg-type]
        if isinstance(value := getattr(record, field.name), datetime)
    }
    return replace(record, **values)  # type: ignore[type-var]
