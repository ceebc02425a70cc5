"""The schedule editor's form: layers as fields, and fields as layers (pure)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Protocol, TypeVar

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_id, to_number, to_wall
from firebell.oncall.model import LAYERS, LONGEST_NAME, LONGEST_TURN, Layer, Schedule, Unit, Window
from firebell.oncall.rota.shifts import next_change

READ = 3 * LAYERS
"""More layers than a schedule may have are read, so that they are refused in words and none is lost."""
WEEK = frozenset(range(7))
AHEAD = timedelta(days=35)
DAY = 1440
LONGEST_WINDOW = 7 * DAY
FALLBACK = datetime.fromisoformat("2026-01-05T09:00")
"""A Monday morning, for a first handoff that cannot be read; it is never saved."""
T = TypeVar("T")


class Fields(Protocol):
    """A posted form."""

    def get(self, key: str, /) -> object: ...

    def getlist(self, key: str, /) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Opening:
    """A window as two clock times and weekdays; `later` counts the days between them, empty when within a day."""

    start: str
    end: str
    days: frozenset[int]
    later: str = ""


def openings(layer: Layer) -> list[Opening]:
    """Return the windows of a layer as the form shows them."""
    return [_opening(w) for w in layer.windows]


def _opening(w: Window) -> Opening:
    end = w.start + w.minutes
    return Opening(_clock(w.start), _clock(end % DAY), w.days, "" if w.minutes < DAY else str(end // DAY))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def read(fields: Fields) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers that the form describes, from low to high, and what is wrong by field.

    A field that cannot be read has a default in its layer, so that nothing else of the form is lost. A layer
    without anybody is left out: an empty one in the form means "no more".
    """
    layers: list[Layer] = []
    wrong: dict[str, str] = {}
    for i in range(READ):
        if not fields.getlist(f"slot-{i}"):
            break
        slots = _slots(fields, i)
        if any(slots):
            layers.append(_layer(fields, i, slots, wrong))
    if not layers:
        wrong["slot-0"] = "Choose at least one person."
    return layers, wrong


def _slots(fields: Fields, i: int) -> tuple[tuple[int, ...], ...]:
    slots = [
        _slot(first, fields.getlist(f"also-{i}-{j}")) for j, first in enumerate(fields.getlist(f"slot-{i}"))
    ]
    return tuple(slot for slot in slots if slot is not None)


def _layer(fields: Fields, i: int, slots: tuple[tuple[int, ...], ...], wrong: dict[str, str]) -> Layer:
    def told(name: str, read: Callable[[str], T], default: T) -> T:
        try:
            return read(str(fields.get(f"{name}-{i}") or ""))
        except ValueError as exc:
            wrong[f"{name}-{i}"] = str(exc)
            return default

    name = str(fields.get(f"name-{i}") or "").strip()
    if len(name) > LONGEST_NAME:
        wrong[f"name-{i}"] = f"Use at most {LONGEST_NAME} characters."
    return Layer(
        id=to_id(fields.get(f"id-{i}")) or 0,
        slots=slots,
        anchor=told("anchor", _wall, FALLBACK),
        unit=told("unit", _unit, Unit.WEEK),
        every=told("every", _number, 1),
        tz=str(fields.get(f"tz-{i}") or "").strip(),
        windows=tuple(_windows(fields, i, wrong)),
        name=name,
    )


def _slot(first: object, others: Sequence[object]) -> tuple[int, ...] | None:
    """Return a turn's people; `nobody` is a turn that lets lower layers answer, nothing is no turn."""
    if str(first) == "nobody":
        return ()
    people = tuple(dict.fromkeys(i for i in map(to_id, (first, *others)) if i is not None))
    return people or None


def _unit(text: str) -> Unit:
    if text not in list(Unit):
        raise ValueError("Choose a unit from the list.")
    return Unit(text)


def _number(text: str) -> int:
    try:
        return to_number(text, "every", least=1, most=LONGEST_TURN)
    except Invalid as error:
        raise ValueError(error.fields["every"]) from error


def _wall(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError as exc:
        raise ValueError("Enter a date and time, such as 2026-11-23T09:00.") from exc


def _windows(fields: Fields, i: int, wrong: dict[str, str]) -> list[Window]:
    found = []
    starts, ends, later = (fields.getlist(f"{name}-{i}") for name in ("open", "shut", "later"))
    for j, (start, end) in enumerate(zip(starts, ends, strict=False)):
        if not str(start) and not str(end):
            continue
        days = frozenset(d for d in map(to_id, fields.getlist(f"days-{i}-{j}")) if d is not None and d < 7)
        try:
            found.append(
                window(str(start), str(end), days or WEEK, to_id(later[j]) if j < len(later) else None)
            )
        except ValueError as exc:
            wrong[f"open-{i}"] = str(exc)
    return found


def window(start: str, end: str, days: frozenset[int], later: int | None = None) -> Window:
    """Return the window that opens and shuts at these clock times, `later` days apart or else within a day.

    The same time twice is then refused as ambiguous.
    """
    try:
        a, b = time.fromisoformat(start), time.fromisoformat(end)
    except ValueError as exc:
        raise ValueError("Enter both times, such as 09:00 and 17:00.") from exc
    opens, shuts = a.hour * 60 + a.minute, b.hour * 60 + b.minute
    if later is None and opens == shuts:
        raise ValueError("Start and end are the same: choose the end day, or leave both blank for 24/7.")
    minutes = (shuts - opens) % DAY if later is None else shuts - opens + later * DAY
    if not 1 <= minutes <= LONGEST_WINDOW:
        raise ValueError("Active hours can’t last longer than a week.")
    return Window(opens, minutes, days)


def follow_the_sun(anchor: datetime, regions: Mapping[str, tuple[str, str, str]]) -> list[Layer]:
    """Return one layer per region, (zone, opens, shuts) by name, whose people are still to be chosen."""
    return [
        Layer(0, (), anchor, Unit.WEEK, 1, tz, (window(opens, shuts, WEEK),), name=name)
        for name, (tz, opens, shuts) in regions.items()
    ]


def aligned(layers: Sequence[Layer], old: Sequence[Layer], now: datetime) -> list[Layer]:
    """Return the layers with what the form does not show of the stored layer of the same id.

    That is its offset, until when it holds, and from when on where it waits to begin.
    """
    known = {layer.id: layer for layer in old}
    return [_aligned(layer, known[layer.id], now) if layer.id in known else layer for layer in layers]


def _aligned(layer: Layer, stored: Layer, now: datetime) -> Layer:
    waits = stored.start is not None and stored.start > now
    start = stored.start if waits else None
    return replace(layer, offset=stored.offset, start=start, end=stored.end)


def monday_morning(now: datetime) -> datetime:
    """Return 09:00 on the Monday of the week of `now`, as its wall clock shows it."""
    return datetime.combine(now.date() - timedelta(days=now.weekday()), time(9))


HANDOFF = "handoff"
LASTS = (1, 2, 4, 8, 12, 24)
"""For how many hours an override may be chosen without typing an end."""


def stretch(
    fields: Mapping[str, str], schedule: Schedule, tz: str, now: datetime
) -> tuple[datetime, datetime]:
    """Return from when to when an override holds: from now without a start, and to its end or else for so long."""
    start = to_instant(to_wall(fields["start"], "start"), tz) if fields.get("start") else now
    lasts = fields.get("lasts", "")
    if fields.get("end"):
        return start, to_instant(to_wall(fields["end"], "end"), tz)
    if lasts == HANDOFF:
        end = next_change(schedule, start, AHEAD)
        if end is None:
            raise Invalid(
                "There is no handoff in the 35 days after the start.", fields={"lasts": "Choose a duration."}
            )
        return start, end
    if not lasts:
        raise Invalid("The override has no end.", fields={"end": "Enter an end, or choose a duration."})
    if (hours := to_id(lasts)) not in LASTS:
        raise Invalid("The duration is not valid.", fields={"lasts": "Choose a duration from the list."})
    return start, start + timedelta(hours=hours)


def begins(text: str, name: str, tz: str, now: datetime) -> datetime:
    """Return the instant from which a change holds; empty means now, and the past is history."""
    if not text:
        return now
    at = to_instant(to_wall(text, name), tz)
    if at < now - timedelta(minutes=1):
        raise Invalid("The change starts in the past.", fields={name: "Choose now or later."})
    return max(at, now)
