"""The on-call workload of people (spec 1.3): hours, nights, weekends, holidays and shifts (pure).

Nights, weekends and holidays are those of the person's own time zone.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

from firebell.kit.intervals import Interval, clip, union
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.shifts import intervals_by_user

NIGHT_FROM, NIGHT_TO = time(22), time(7)
SATURDAY = 5
_DAY = timedelta(days=1)
_ONE_SECOND = timedelta(seconds=1)
_ZERO = timedelta(0)

Holidays = Collection[date]


class HourClass(StrEnum):
    """What an hour counts as; earlier classes take precedence."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    NIGHT = "night"
    WEEKDAY = "weekday"


@dataclass(frozen=True, slots=True)
class DayPart:
    """An interval within one local day, and within one night (named by the day on which it began) or none."""

    start: datetime
    end: datetime
    day: date
    night: date | None

    @property
    def length(self) -> timedelta:
        """The elapsed time."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Load:
    """The workload of one person; `nights` are the local dates on which the nights began.

    An hour can count as night and as weekend; `by_class` counts each hour once and adds up to `hours`. Loads of
    adjacent intervals add up to the load of the whole.
    """

    hours: timedelta = _ZERO
    nights: frozenset[date] = frozenset()
    weekend_hours: timedelta = _ZERO
    holiday_hours: timedelta = _ZERO
    shifts: int = 0
    by_class: Mapping[HourClass, timedelta] = field(default_factory=dict)

    def __add__(self, other: "Load") -> "Load":
        classes = {
            c: self.of(c) + other.of(c) for c in HourClass if c in self.by_class or c in other.by_class
        }
        return Load(
            self.hours + other.hours,
            self.nights | other.nights,
            self.weekend_hours + other.weekend_hours,
            self.holiday_hours + other.holiday_hours,
            self.shifts + other.shifts,
            classes,
        )

    def of(self, hour_class: HourClass) -> timedelta:
        """Return the time that counts as this class."""
        return self.by_class.get(hour_class, _ZERO)


@lru_cache(maxsize=10_000)
def _cuts(day: date, tz: str) -> tuple[datetime, datetime, datetime, datetime]:
    """Return midnight, 07:00, 22:00 and the next midnight of a local day."""
    return (
        to_instant(datetime.combine(day, time()), tz),
        to_instant(datetime.combine(day, NIGHT_TO), tz),
        to_instant(datetime.combine(day, NIGHT_FROM), tz),
        to_instant(datetime.combine(day + _DAY, time()), tz),
    )


def parts(start: datetime, end: datetime, tz: str) -> Iterator[DayPart]:
    """Yield `[start, end)` cut at midnight, 07:00 and 22:00 local time, without gaps or overlaps."""
    day = to_local(start, tz).date() - _DAY
    last = to_local(end, tz).date() + _DAY
    while day <= last:
        nights = (day - _DAY, None, day)
        for (begins, ends), night in zip(itertools.pairwise(_cuts(day, tz)), nights, strict=True):
            low, high = max(begins, start), min(ends, end)
            if low < high:
                yield DayPart(low, high, day, night)
        day += _DAY


def night_of(at: datetime, tz: str) -> date | None:
    """Return the night of an instant, named by the day on which it began; None by day."""
    day = to_local(at, tz).date()
    midnight, morning, evening, following = _cuts(day, tz)
    if midnight <= at < following:
        return day - _DAY if at < morning else day if at >= evening else None
    # the second hour of a day whose clocks go back at midnight
    return next(parts(at, at + _ONE_SECOND, tz)).night


def night_bounds(night: date, tz: str) -> Interval:
    """Return the start and the end of the night that began on a local day."""
    return Interval(_cuts(night, tz)[2], _cuts(night + _DAY, tz)[1])


def class_of(part: DayPart, holidays: Holidays = ()) -> HourClass:
    """Return the class of a part: holiday before weekend before night before weekday."""
    if part.day in holidays:
        return HourClass.HOLIDAY
    if part.day.weekday() >= SATURDAY:
        return HourClass.WEEKEND
    return HourClass.NIGHT if part.night else HourClass.WEEKDAY


def load(
    schedules: Sequence[Schedule],
    a: datetime,
    b: datetime,
    tz_of: Callable[[User], str],
    holidays_of: Callable[[User], Holidays] = lambda _: (),
) -> dict[User, Load]:
    """Return the workload of each person on `[a, b)`; a shift counts where it begins.

    Overlapping hours on several schedules count once, shifts on each schedule.
    """
    if a >= b:
        return {}
    by_user: dict[User, list[Sequence[Interval]]] = {}
    for schedule in schedules:
        for user, intervals in intervals_by_user(schedule, a - _ONE_SECOND, b).items():
            by_user.setdefault(user, []).append(intervals)
    loads = {user: load_of(s, a, b, tz_of(user), holidays_of(user)) for user, s in by_user.items()}
    return {user: own_load for user, own_load in loads.items() if own_load.hours}


def load_of(
    shifts: Sequence[Sequence[Interval]], a: datetime, b: datetime, tz: str, holidays: Holidays = ()
) -> Load:
    """Return one person's workload on `[a, b)`; `shifts` has their intervals per schedule, from before `a` on."""
    begun = sum(a <= start < b for intervals in shifts for start, _ in intervals)
    on_call = union(part for intervals in shifts for part in clip(intervals, (a, b)))
    by_class: dict[HourClass, timedelta] = {}
    hours = weekend = holiday = _ZERO
    nights = set()
    for part in (p for start, end in on_call for p in parts(start, end, tz)):
        hour_class = class_of(part, holidays)
        by_class[hour_class] = by_class.get(hour_class, _ZERO) + part.length
        hours += part.length
        weekend += part.length if part.day.weekday() >= SATURDAY else _ZERO
        holiday += part.length if part.day in holidays else _ZERO
        if part.night:
            nights.add(part.night)
    return Load(
        hours=hours,
        nights=frozenset(nights),
        weekend_hours=weekend,
        holiday_hours=holiday,
        shifts=begun,
        by_class=by_class,
    )


def compare_with_mean(value: float, mean: float) -> str:
    """Return in words how a value compares with the mean."""
    if mean <= 0:
        return "no average yet"
    match value / mean:
        case ratio if ratio < 0.5:
            return "well below average"
        case ratio if ratio < 0.85:
            return "below average"
        case ratio if ratio <= 1.15:
            return "average"
        case ratio if ratio <= 1.5:
            return "above average"
        case _:
            return "well above average"


def suggested(
    candidates: Sequence[User],
    schedules: Sequence[Schedule],
    start: datetime,
    end: datetime,
    carried: Mapping[User, Load],
) -> list[User]:
    """Return the candidates who are free on every schedule during `[start, end)`, least loaded first.

    Nights weigh more than weekends, and weekends more than hours.
    """
    busy = {user for s in schedules for user in intervals_by_user(s, start, end)}
    no_load = Load()

    def weight(user: User) -> tuple[int, timedelta, timedelta]:
        own_load = carried.get(user, no_load)
        return len(own_load.nights), own_load.weekend_hours, own_load.hours

    return sorted((u for u in candidates if u not in busy), key=weight)
