"""How much on-call somebody carries (spec 1.3), pure: hours, nights, weekends, holidays, shifts.

Everything is folded over `shifts.duty`, and read on the wall clock of the person, whose night it is.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Schedule, User
from firebell.oncall.rota.shifts import between

NIGHT_FROM, NIGHT_TO = time(22), time(7)
SATURDAY = 5
_DAY = timedelta(days=1)
_BEFORE = timedelta(seconds=1)
_ZERO = timedelta(0)

Stretch = tuple[datetime, datetime]
Holidays = Collection[date]


class HourClass(StrEnum):
    """What an hour counts as; an earlier one goes before a later one."""

    HOLIDAY = "holiday"
    WEEKEND = "weekend"
    NIGHT = "night"
    WEEKDAY = "weekday"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch in which nothing changes on the wall: the local day, and the night that it belongs to."""

    start: datetime
    end: datetime
    day: date
    night: date | None

    @property
    def length(self) -> timedelta:
        """How long it takes, as clocks that are never changed measure it."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Load:
    """What one person carried; `nights` are the local dates on which they began.

    The lengths overlap: an hour may be a night's and a weekend's. `hours_by_class` says what each counts
    as, and adds up to `hours`. Loads of stretches that abut add up to the load of the whole.
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
        """Return how much counts as this class."""
        return self.by_class.get(hour_class, _ZERO)


def parts(start: datetime, end: datetime, tz: str) -> Iterator[Part]:
    """Cut `[start, end)` at midnight, 07:00 and 22:00 of the wall clock; the parts abut, whatever it does."""
    day = to_local(start, tz).date() - _DAY
    last = to_local(end, tz).date() + _DAY
    while day <= last:
        cuts = [
            to_instant(datetime.combine(at, clock), tz)
            for at, clock in ((day, time()), (day, NIGHT_TO), (day, NIGHT_FROM), (day + _DAY, time()))
        ]
        for (a, b), night in zip(itertools.pairwise(cuts), (day - _DAY, None, day), strict=True):
            low, high = max(a, start), min(b, end)
            if low < high:
                yield Part(low, high, day, night)
        day += _DAY


def night_of(at: datetime, tz: str) -> date | None:
    """Return the night to which an instant belongs, named by the day on which it began; None by day."""
    return next(parts(at, at + _BEFORE, tz)).night


def class_of(part: Part, holidays: Holidays = ()) -> HourClass:
    """Return the one class in which a part counts: holiday before weekend before night before weekday."""
    if part.day in holidays:
        return HourClass.HOLIDAY
    if part.day.weekday() >= SATURDAY:
        return HourClass.WEEKEND
    return HourClass.NIGHT if part.night else HourClass.WEEKDAY


def shifts_of(schedule: Schedule, a: datetime, b: datetime) -> dict[User, list[Stretch]]:
    """Return each person's longest stretches of duty, cut to `[a, b)`, in order."""
    found: dict[User, list[Stretch]] = {}
    for run in between(schedule, a, b):
        for user in run.users:
            mine = found.setdefault(user, [])
            if mine and mine[-1][1] == run.start:
                mine[-1] = (mine[-1][0], run.end)
            else:
                mine.append((run.start, run.end))
    return found


def union(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches merged, in order: an hour on two schedules is one hour of a life."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def load(
    schedules: Sequence[Schedule],
    a: datetime,
    b: datetime,
    tz_of: Callable[[User], str],
    holidays_of: Callable[[User], Holidays] = lambda _: (),
) -> dict[User, Load]:
    """Return what each person carries on `[a, b)`; a shift counts where it begins.

    Duty on several schedules at once is counted once, shifts on each.
    """
    if a >= b:
        return {}
    shifts: dict[User, list[Sequence[Stretch]]] = {}
    for schedule in schedules:
        for user, found in shifts_of(schedule, a - _BEFORE, b).items():
            shifts.setdefault(user, []).append(found)
    loads = {user: load_of(s, a, b, tz_of(user), holidays_of(user)) for user, s in shifts.items()}
    return {user: found for user, found in loads.items() if found.hours}


def load_of(
    shifts: Sequence[Sequence[Stretch]], a: datetime, b: datetime, tz: str, holidays: Holidays = ()
) -> Load:
    """Return what one person carries on `[a, b)`, given their shifts on each schedule from before `a` on."""
    begun = sum(a <= start < b for found in shifts for start, _ in found)
    cut = [(max(start, a), min(end, b)) for found in shifts for start, end in found if start < b and end > a]
    by_class: dict[HourClass, timedelta] = {}
    hours = weekend = holiday = _ZERO
    nights = set()
    for part in (p for start, end in union(cut) for p in parts(start, end, tz)):
        counted = class_of(part, holidays)
        by_class[counted] = by_class.get(counted, _ZERO) + part.length
        hours += part.length
        weekend += part.length if part.day.weekday() >= SATURDAY else _ZERO
        holiday += part.length if part.day in holidays else _ZERO
        if part.night:
            nights.add(part.night)
    return Load(hours, frozenset(nights), weekend, holiday, begun, by_class)


def against(value: float, mean: float) -> str:
    """Return in words how a share compares with the mean of those who share it."""
    if mean <= 0:
        return "no average yet"
    match value / mean:
        case r if r < 0.5:
            return "well below average"
        case r if r < 0.85:
            return "below average"
        case r if r <= 1.15:
            return "average"
        case r if r <= 1.5:
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
    """Return who is free on every schedule during `[start, end)`, who carries least first.

    Nights weigh before weekends, and weekends before hours: they cost more.
    """
    busy = {user for s in schedules for user in shifts_of(s, start, end)}
    none = Load()

    def weight(user: User) -> tuple[int, timedelta, timedelta]:
        found = carried.get(user, none)
        return len(found.nights), found.weekend_hours, found.hours

    return sorted((u for u in candidates if u not in busy), key=weight)
