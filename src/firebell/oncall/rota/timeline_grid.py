"""The grid on which a schedule is drawn: days, and rows of blocks; and its agenda as a list (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from firebell.kit.intervals import Interval, joined
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Shift, Unit, User, Window
from firebell.oncall.rota.rotation import pieces
from firebell.oncall.rota.shifts import between

COLUMNS = 56
_EVERY = {Unit.HOUR: "hourly", Unit.DAY: "daily", Unit.WEEK: "weekly", Unit.MONTH: "monthly"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MAX_CAPTION_WINDOWS = 2
SHIFT_END_SEARCH = timedelta(days=35)
"""How far beyond the shown days the ends of shifts are searched."""
_MARKS = {OverrideKind.ADD: "+ ", OverrideKind.REMOVE: "− "}
VIEWS = {"day": 1, "week": 7, "month": 28}
NEAR_DAYS = timedelta(days=2)
"""The days of an agenda that are never folded."""
MAX_UNFOLDED_SHIFTS = 2
"""Up to this many shifts on later days are not folded."""
NO_ONE = "No one"

Day = tuple[datetime, list[tuple[datetime, datetime, str]]]
"""A local day, and (start, end, names) of the shifts that begin on it."""


@dataclass(frozen=True, slots=True)
class Block:
    """One shift on the grid (columns 0 to 55); no users is a gap. `mark` is + or − for an override."""

    column: int
    span: int
    start: datetime
    end: datetime
    users: tuple[User, ...]
    edited: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One row of the timeline."""

    name: str
    caption: str
    kind: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ShownDays:
    """The days shown; `now_at` is the position of the current time in percent, None if outside."""

    start: datetime
    end: datetime
    days: tuple[datetime, ...]
    now_at: float | None


def picture(view: str, at: datetime, tz: str, now: datetime) -> ShownDays:
    """Return the whole local days that `view` shows around `at`; a week begins on Monday."""
    day = to_local(at, tz).replace(hour=0, minute=0, second=0, microsecond=0)
    if view != "day":
        day -= timedelta(days=day.weekday())
    count = VIEWS[view]
    start, end = to_instant(day, tz), to_instant(day + timedelta(days=count), tz)
    inside = start <= now < end
    now_at = round((now - start) / (end - start) * 100, 2) if inside else None
    return ShownDays(start, end, tuple(day + timedelta(days=i) for i in range(count)), now_at)


def _block(
    picture: ShownDays,
    start: datetime,
    end: datetime,
    users: tuple[User, ...],
    *,
    edited: bool = False,
    mark: str = "",
) -> Block:
    """Return what is drawn of an interval, at least a column wide also at the end of the shown days."""
    column = (picture.end - picture.start) / COLUMNS
    first = min(round((max(start, picture.start) - picture.start) / column), COLUMNS - 1)
    last = max(round((min(end, picture.end) - picture.start) / column), first + 1)
    return Block(first, last - first, start, end, users, edited, mark)


def caption(layer: Layer) -> str:
    """Return the active hours of a layer, or its rhythm and handoff, in its own time zone."""
    place = layer.tz.rpartition("/")[2].replace("_", " ")
    if layer.windows:
        more = len(layer.windows) - MAX_CAPTION_WINDOWS
        rest = f" and {more} more" if more > 0 else ""
        return f"{', '.join(opening_hours(w) for w in layer.windows[:MAX_CAPTION_WINDOWS])}{rest} {place}"
    every = f"every {layer.every} {layer.unit}s" if layer.every > 1 else _EVERY[layer.unit]
    day = f"{layer.anchor:%a} " if layer.unit is Unit.WEEK else ""
    return f"{every}, {day}{layer.anchor:%H:%M} {place}"


def opening_hours(window: Window) -> str:
    """Return the hours of a window, such as Mon to Fri 09:00 to 17:00, or Fri 17:00 to Mon 09:00."""
    later, end = divmod(window.start + window.minutes, 1440)
    start_time, end_time = (f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start, end))
    days = sorted(window.days)
    if window.minutes < 1440:
        return f"{_days(days)}{start_time} to {end_time}"
    if len(days) == 1:
        return f"{_DAYS[days[0]]} {start_time} to {_DAYS[(days[0] + later) % 7]} {end_time}"
    return (
        f"{_days(days)}{start_time} to {end_time} {'the next day' if later == 1 else f'{later} days later'}"
    )


def _days(days: Sequence[int]) -> str:
    """Return weekdays with a trailing space, such as Mon to Fri; empty for every day."""
    first, last = days[0], days[-1]
    if len(days) == len(_DAYS):
        return ""
    if len(days) > 2 and last - first == len(days) - 1:
        return f"{_DAYS[first]} to {_DAYS[last]} "
    return f"{', '.join(_DAYS[d] for d in days)} "


def rows(schedule: Schedule, picture: ShownDays) -> list[TimelineRow]:
    """Return the rows of the final schedule, the layers from high to low (imported ones too), and the overrides."""
    made_here = [e for e in schedule.overrides if e.rota is None]
    shown = [e for e in schedule.overrides if _shown(e, picture)]
    result = [
        _block(picture, r.start, r.end, r.users, edited=any(e.start <= r.start < e.end for e in made_here))
        for r in runs(schedule, picture)
    ]
    above, below = _imported(shown, picture, fills=False), _imported(shown, picture, fills=True)
    all_rows = [TimelineRow("On call", "final schedule", "final", _apart(result)), *reversed(above)]
    for layer in reversed([x for x in schedule.layers if _holds(x, picture)]):
        turns = pieces(
            layer, picture.start - SHIFT_END_SEARCH, picture.end + SHIFT_END_SEARCH, schedule.inactive
        )
        blocks = [
            _block(picture, start, end, users)
            for start, end, users in joined((t.start, t.end, t.users) for t in turns)
            if start < picture.end and end > picture.start
        ]
        all_rows.append(TimelineRow(layer.name or "Rotation", caption(layer), "layer", _apart(blocks)))
    all_rows += below
    if edits := [e for e in made_here if _shown(e, picture)]:
        blocks = [
            _block(
                picture,
                e.start,
                e.end,
                e.users or tuple(e.mapping.values()),
                edited=True,
                mark=_MARKS.get(e.kind, ""),
            )
            for e in edits
        ]
        all_rows.append(TimelineRow("Overrides", f"{len(edits)} shown", "layer", _apart(blocks)))
    return all_rows


def weeks(
    schedule: Schedule, changed: Sequence[Interval], tz: str, now: datetime, count: int
) -> list[tuple[ShownDays, list[TimelineRow]]]:
    """Return the coming weeks with their rows; final shifts on `changed` intervals count as edited."""
    shown, at = [], now
    for _ in range(count):
        days = picture("week", at, tz, now)
        final, *layers = rows(schedule, days)
        blocks = tuple(
            replace(b, edited=any(start < b.end and end > b.start for start, end in changed))
            for b in final.blocks
        )
        shown.append((days, [replace(final, blocks=blocks), *layers]))
        at = days.end
    return shown


def runs(schedule: Schedule, picture: ShownDays) -> list[Shift]:
    """Return the shifts on the displayed days, with their true ends up to `SHIFT_END_SEARCH` beyond.

    There is no gap before the schedule was created.
    """
    shifts = between(schedule, picture.start - SHIFT_END_SEARCH, picture.end + SHIFT_END_SEARCH)
    runs = [_since_creation(schedule, shift) for shift in shifts]
    return [run for run in runs if run.start < run.end and _shown(run, picture)]


def _since_creation(schedule: Schedule, shift: Shift) -> Shift:
    """Cut a gap to the time since the schedule was created; return any other shift unchanged."""
    if shift.users or schedule.created_at is None or schedule.created_at <= shift.start:
        return shift
    return replace(shift, start=min(schedule.created_at, shift.end))


def _shown(x: Shift | Override, picture: ShownDays) -> bool:
    return x.start < picture.end and x.end > picture.start


def _imported(edits: Sequence[Override], picture: ShownDays, *, fills: bool) -> list[TimelineRow]:
    """Return the rows of imported calendars above or below the rotations, in the order in which they apply."""
    layers: dict[int, list[Override]] = {}
    for edit in sorted(edits, key=lambda e: e.seq):
        if edit.rota is not None and edit.fills is fills:
            layers.setdefault(edit.rota, []).append(edit)
    return [
        TimelineRow(
            shifts[0].reason,
            f"calendar, {'below' if fills else 'above'}",
            "layer",
            _apart([_block(picture, e.start, e.end, e.users) for e in shifts]),
        )
        for shifts in layers.values()
    ]


def _holds(layer: Layer, picture: ShownDays) -> bool:
    """Return True if this version of a layer applies on the shown days."""
    return (layer.start is None or layer.start < picture.end) and (
        layer.end is None or layer.end > picture.start
    )


def _apart(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return the blocks without overlaps: a very short one takes a column of the next, at the end of the one before."""
    placed: list[Block] = []
    free = 0
    for index, block in enumerate(blocks):
        # the blocks that follow keep a column each
        end = COLUMNS - (len(blocks) - 1 - index)
        column = max(min(block.column, end - 1), free)
        free = max(min(block.column + block.span, end), column + 1)
        if column < COLUMNS:
            placed.append(replace(block, column=column, span=min(free, COLUMNS) - column))
    return tuple(placed)


def agenda(
    schedule: Schedule, picture: ShownDays, tz: str, name: Callable[[User], str], now: datetime
) -> list[Day]:
    """Return the shown days as a list; past shifts of the current days are left out, current ones are today's."""
    first = now if picture.start <= now < picture.end else picture.start
    zone = ZoneInfo(tz)
    days: dict[datetime, list[tuple[datetime, datetime, str]]] = {}
    for run in runs(schedule, picture):
        if run.end > first:
            at = max(run.start, first).astimezone(zone)
            day = at.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
            names = " and ".join(name(u) for u in run.users) or NO_ONE
            days.setdefault(day, []).append((run.start, run.end, names))
    return sorted(days.items())


def near(days: Sequence[Day]) -> tuple[list[Day], list[Day]]:
    """Return the days to show unfolded and the days to fold; few later shifts are not folded."""
    first = [day for day in days if day[0] < days[0][0] + NEAR_DAYS]
    later = list(days[len(first) :])
    fold = sum(len(shifts) for _, shifts in later) > MAX_UNFOLDED_SHIFTS
    return (first, later) if fold else (list(days), [])
