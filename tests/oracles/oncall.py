"""A slow, obvious answer to "who is on call": walk every minute, compare every handoff."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from firebell.oncall.model import Layer, OverrideKind, Schedule, Unit, User

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def minutes(a: datetime, b: datetime) -> list[datetime]:
    """Return every minute of `[a, b)`."""
    return [a + i * MINUTE for i in range(int((b - a) / MINUTE))]


@lru_cache(maxsize=100_000)
def first_reading(x: datetime, tz: str) -> datetime:
    """Return the first minute at which the clock reads `x` or later, by looking at each minute.

    An hour that the clock runs through evenly and ends before `x` has no such minute.
    """
    zone, hour = ZoneInfo(tz), x.replace(tzinfo=UTC) - timedelta(hours=27)

    def reading(t: datetime) -> datetime:
        return t.astimezone(zone).replace(tzinfo=None)

    while True:
        end = reading(hour + HOUR)
        if end >= x or end - reading(hour) != HOUR:
            for t in minutes(hour, hour + HOUR):
                if reading(t) >= x:
                    return t
        hour += HOUR


HOURS = {Unit.HOUR: 1, Unit.DAY: 24, Unit.WEEK: 168, Unit.MONTH: 744}


def _wall(layer: Layer, k: int) -> datetime:
    if layer.unit is Unit.MONTH:
        year, month = divmod(layer.anchor.year * 12 + layer.anchor.month - 1 + k * layer.every, 12)
        for day in range(layer.anchor.day, 27, -1):
            try:
                return layer.anchor.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue
        return layer.anchor.replace(year=year, month=month + 1)
    return layer.anchor + timedelta(hours=HOURS[layer.unit] * layer.every * k)


class Oracle:
    """Answers for one schedule on one stretch, with every handoff found by brute force."""

    def __init__(self, schedule: Schedule, a: datetime, b: datetime) -> None:
        self._schedule = schedule
        self._handoffs = [self._all_handoffs(layer, a, b) for layer in schedule.layers]
        self._openings = [self._all_openings(layer, a, b) for layer in schedule.layers]

    @staticmethod
    def _all_handoffs(layer: Layer, a: datetime, b: datetime) -> list[tuple[datetime, int]]:
        handoffs, longest = [], timedelta(hours=HOURS[layer.unit] * layer.every, days=2)
        for k in range(-800, 800):
            wall = _wall(layer, k)
            if a - longest <= wall.replace(tzinfo=UTC) <= b + timedelta(days=3):
                handoffs.append((first_reading(wall, layer.tz), k))
        return handoffs

    @staticmethod
    def _all_openings(layer: Layer, a: datetime, b: datetime) -> list[tuple[datetime, datetime]]:
        day = a.replace(tzinfo=None, hour=0, minute=0) - timedelta(days=9)
        openings = []
        while day.replace(tzinfo=UTC) < b + timedelta(days=2):
            for window in layer.windows:
                if day.weekday() in window.days:
                    start = day + window.start * MINUTE
                    openings.append(
                        (
                            first_reading(start, layer.tz),
                            first_reading(start + window.minutes * MINUTE, layer.tz),
                        )
                    )
            day += timedelta(days=1)
        return openings

    def at(self, t: datetime) -> tuple[User, ...]:
        """Return who is on duty at `t`."""
        schedule = self._schedule
        users: tuple[User, ...] = ()
        for layer, handoffs, openings in zip(
            reversed(schedule.layers), reversed(self._handoffs), reversed(self._openings), strict=True
        ):
            begins = layer.start or first_reading(layer.anchor, layer.tz)
            inside = begins <= t and (layer.end is None or t < layer.end)
            is_open = not layer.windows or any(s <= t < e for s, e in openings)
            past = [k for start, k in handoffs if start <= t]
            if inside and is_open and past and layer.slots:
                slot = layer.slots[(max(past) + layer.offset) % len(layer.slots)]
                users = tuple(u for u in slot if u not in schedule.inactive)
            if users:
                break
        duty = list(users)
        for edit in sorted(schedule.overrides, key=lambda e: e.seq):
            if edit.start <= t < edit.end and not (edit.fills and duty):
                match edit.kind:
                    case OverrideKind.SET:
                        duty = list(edit.users)
                    case OverrideKind.ADD:
                        duty += edit.users
                    case OverrideKind.REMOVE:
                        duty = [u for u in duty if u not in edit.users]
                    case OverrideKind.MAP:
                        duty = [edit.mapping.get(u, u) for u in duty]
        return tuple(u for u in dict.fromkeys(duty) if u not in schedule.inactive)
