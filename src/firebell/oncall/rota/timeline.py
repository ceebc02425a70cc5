"""A schedule as the screen draws it: days, and for each row the blocks on a grid (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Shift, Turn, Unit, User, Window
from firebell.oncall.rota.rotation import pieces
from firebell.oncall.rota.shifts import between

COLUMNS = 56
_EVERY = {Unit.HOUR: "hourly", Unit.DAY: "daily", Unit.WEEK: "weekly", Unit.MONTH: "monthly"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHOWN = 2
"""How many windows of a layer are told in words."""
AROUND = timedelta(days=35)
"""How far beyond what is shown the ends of its shifts are looked for."""
_MARKS = {OverrideKind.ADD: "+ ", OverrideKind.REMOVE: "− "}
VIEWS = {"day": 1, "week": 7, "month": 28}
NEAR = timedelta(days=2)
"""What a list of several schedules shows of each at once."""
FEW = 2
"""So many shifts of later days need no folding."""
NOBODY = "No one"

Day = tuple[datetime, list[tuple[datetime, datetime, str]]]
"""A local day, and from when to when who is on call from that day on."""


@dataclass(frozen=True, slots=True)
class Block:
    """One shift: `column` 0 to 55 and `span` on the grid; no users is a gap. `mark` is + or − for an override."""

    column: int
    span: int
    start: datetime
    end: datetime
    users: tuple[User, ...]
    edited: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the picture."""

    name: str
    caption: str
    kind: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """The stretch that is shown, and where the present instant lies on it (in percent, None outside)."""

    start: datetime
    end: datetime
    days: tuple[datetime, ...]
    now_at: float | None


def picture(view: str, at: datetime, tz: str, now: datetime) -> Picture:
    """Return the whole local days that `view` shows around `at`; a week begins on Monday."""
    day = to_local(at, tz).replace(hour=0, minute=0, second=0, microsecond=0)
    if view != "day":
        day -= timedelta(days=day.weekday())
    count = VIEWS[view]
    start, end = to_instant(day, tz), to_instant(day + timedelta(days=count), tz)
    inside = start <= now < end
    share = round((now - start) / (end - start) * 100, 2) if inside else None
    return Picture(start, end, tuple(day + timedelta(days=i) for i in range(count)), share)


def _block(
    seen: Picture,
    start: datetime,
    end: datetime,
    users: tuple[User, ...],
    *,
    edited: bool = False,
    mark: str = "",
) -> Block | None:
    whole = (seen.end - seen.start) / COLUMNS
    first = round((max(start, seen.start) - seen.start) / whole)
    last = max(round((min(end, seen.end) - seen.start) / whole), first + 1)
    return (
        Block(first, min(last, COLUMNS) - first, start, end, users, edited, mark) if first < COLUMNS else None
    )


def caption(layer: Layer) -> str:
    """Return when a layer hands over, or is open, in words of its own zone."""
    place = layer.tz.rpartition("/")[2].replace("_", " ")
    if layer.windows:
        more = len(layer.windows) - SHOWN
        rest = f" and {more} more" if more > 0 else ""
        return f"{', '.join(opening_hours(w) for w in layer.windows[:SHOWN])}{rest} {place}"
    every = f"every {layer.every} {layer.unit}s" if layer.every > 1 else _EVERY[layer.unit]
    day = f"{layer.anchor:%a} " if layer.unit is Unit.WEEK else ""
    return f"{every}, {day}{layer.anchor:%H:%M} {place}"


def opening_hours(window: Window) -> str:
    """Return when a window is open in words, such as Mon to Fri 09:00 to 17:00, or Fri 17:00 to Mon 09:00."""
    later, end = divmod(window.start + window.minutes, 1440)
    opens, shuts = (f"{minute // 60:02}:{minute % 60:02}" for minute in (window.start, end))
    days = sorted(window.days)
    if window.minutes < 1440:
        return f"{_days(days)}{opens} to {shuts}"
    if len(days) == 1:
        return f"{_DAYS[days[0]]} {opens} to {_DAYS[(days[0] + later) % 7]} {shuts}"
    return f"{_days(days)}{opens} to {shuts} {'the next day' if later == 1 else f'{later} days later'}"


def _days(days: Sequence[int]) -> str:
    """Return weekdays in words, and nothing for every day."""
    first, last = days[0], days[-1]
    if len(days) == len(_DAYS):
        return ""
    if len(days) > 2 and last - first == len(days) - 1:
        return f"{_DAYS[first]} to {_DAYS[last]} "
    return f"{', '.join(_DAYS[d] for d in days)} "


def rows(schedule: Schedule, seen: Picture) -> list[Row]:
    """Return the result first, then its layers from high to low, imported ones too, then the overrides."""
    made_here = [e for e in schedule.edits if e.rota is None]
    shown = [e for e in schedule.edits if _shown(e, seen)]
    result = [
        _block(seen, r.start, r.end, r.users, edited=any(e.start <= r.start < e.end for e in made_here))
        for r in runs(schedule, seen)
    ]
    above, below = _imported(shown, seen, fills=False), _imported(shown, seen, fills=True)
    found = [Row("On call", "final schedule", "final", _apart(result)), *reversed(above)]
    for layer in reversed([x for x in schedule.layers if _holds(x, seen)]):
        turns = _joined(pieces(layer, seen.start - AROUND, seen.end + AROUND, schedule.inactive))
        blocks = [_block(seen, t.start, t.end, t.users) for t in turns if _shown(t, seen)]
        found.append(Row(layer.name or "Rotation", caption(layer), "layer", _apart(blocks)))
    found += below
    if edits := [e for e in made_here if _shown(e, seen)]:
        blocks = [
            _block(
                seen,
                e.start,
                e.end,
                e.users or tuple(e.mapping.values()),
                edited=True,
                mark=_MARKS.get(e.kind, ""),
            )
            for e in edits
        ]
        found.append(Row("Overrides", f"{len(edits)} shown", "layer", _apart(blocks)))
    return found


def runs(schedule: Schedule, seen: Picture) -> list[Shift]:
    """Return who is on duty on what is shown, with the true ends of their shifts as far as `AROUND` reaches."""
    shifts = between(schedule, seen.start - AROUND, seen.end + AROUND)
    return [run for run in shifts if _shown(run, seen)]


def _shown(x: Shift | Turn | Override, seen: Picture) -> bool:
    return x.start < seen.end and x.end > seen.start


def _imported(edits: Sequence[Override], seen: Picture, *, fills: bool) -> list[Row]:
    """Return the imported layers above or below the rotations, in the order in which they act."""
    layers: dict[int, list[Override]] = {}
    for edit in sorted(edits, key=lambda e: e.seq):
        if edit.rota is not None and edit.fills is fills:
            layers.setdefault(edit.rota, []).append(edit)
    return [
        Row(
            shifts[0].reason,
            f"calendar, {'below' if fills else 'above'}",
            "layer",
            _apart([_block(seen, e.start, e.end, e.users) for e in shifts]),
        )
        for shifts in layers.values()
    ]


def _holds(layer: Layer, seen: Picture) -> bool:
    """Say whether this version of a layer holds on what is shown."""
    return (layer.start is None or layer.start < seen.end) and (layer.end is None or layer.end > seen.start)


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with those of the same people that abut drawn as one."""
    found: list[Turn] = []
    for turn in turns:
        if found and (found[-1].end, found[-1].users) == (turn.start, turn.users):
            found[-1] = replace(found[-1], end=turn.end)
        else:
            found.append(turn)
    return found


def _apart(blocks: Sequence[Block | None]) -> tuple[Block, ...]:
    """Return blocks of which none covers another: one too short to see pushes the next a column on."""
    found: list[Block] = []
    free = 0
    for block in filter(None, blocks):
        column = max(block.column, free)
        free = max(block.column + block.span, column + 1)
        if column < COLUMNS:
            found.append(replace(block, column=column, span=min(free, COLUMNS) - column))
    return tuple(found)


def agenda(
    schedule: Schedule, seen: Picture, tz: str, name: Callable[[User], str], now: datetime
) -> list[Day]:
    """Return the days of what is shown for readers without a grid.

    Of the present stretch what is over is left out, and who is on duty now stands under today.
    """
    first = now if seen.start <= now < seen.end else seen.start
    zone = ZoneInfo(tz)
    days: dict[datetime, list[tuple[datetime, datetime, str]]] = {}
    for run in runs(schedule, seen):
        if run.end > first:
            at = max(run.start, first).astimezone(zone)
            day = at.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
            who = " and ".join(name(u) for u in run.users) or NOBODY
            days.setdefault(day, []).append((run.start, run.end, who))
    return sorted(days.items())


def near(days: Sequence[Day]) -> tuple[list[Day], list[Day]]:
    """Return the first two days of a list, and the later ones, none when they say little."""
    first = [day for day in days if day[0] < days[0][0] + NEAR]
    later = list(days[len(first) :])
    return (first, later) if sum(len(turns) for _, turns in later) > FEW else (list(days), [])
