"""The schedule editor's form: converts layers to fields and fields to layers (pure)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Protocol, TypeVar

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_id, to_number, to_wall
from firebell.oncall.model import (
    MAX_LAYER_NAME_LENGTH,
    MAX_LAYERS,
    MAX_SHIFT_LENGTH,
    Layer,
    Schedule,
    Unit,
    Window,
)
from firebell.oncall.rota.shifts import next_change
from firebell.oncall.schedules.override_presets import night, weekend

LAYERS_READ = 3 * MAX_LAYERS
"""Number of layers read from a form: more than allowed, so that too many get an error instead of being lost."""
EVERY_DAY = frozenset(range(7))
HANDOFF_LOOKAHEAD = timedelta(days=35)
MINUTES_PER_DAY = 1440
MAX_WINDOW_MINUTES = 7 * MINUTES_PER_DAY
FALLBACK_ANCHOR = datetime.fromisoformat("2026-01-05T09:00")
"""A Monday morning, shown for a first handoff that is not valid; it is never saved."""
T = TypeVar("T")


class Fields(Protocol):
    """A posted form."""

    def get(self, key: str, /) -> object: ...

    def getlist(self, key: str, /) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Opening:
    """A window as two clock times and weekdays; `later` is the days between them, empty within 24 hours."""

    start: str
    end: str
    days: frozenset[int]
    later: str = ""


def openings(layer: Layer) -> list[Opening]:
    """Return the windows of a layer as the form shows them."""
    return [_opening(w) for w in layer.windows]


def _opening(window: Window) -> Opening:
    end = window.start + window.minutes
    return Opening(
        start=_clock(window.start),
        end=_clock(end % MINUTES_PER_DAY),
        days=window.days,
        later="" if window.minutes < MINUTES_PER_DAY else str(end // MINUTES_PER_DAY),
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def read(fields: Fields) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers of the form from low to high, and the errors by field.

    An invalid field has a default in its layer, so that the rest of the form is kept. Layers without people are
    left out.
    """
    numbered, errors = read_numbered(fields)
    if not numbered:
        errors["slot-0"] = "Choose at least one person."
    return [layer for _, layer in numbered], errors


def read_numbered(fields: Fields, kept: int | None = None) -> tuple[list[tuple[int, Layer]], dict[str, str]]:
    """Return each layer with its number in the form, and the errors; without people only the one `kept`."""
    layers: list[tuple[int, Layer]] = []
    errors: dict[str, str] = {}
    for i in range(LAYERS_READ):
        if not fields.getlist(f"slot-{i}"):
            break
        slots = _slots(fields, i)
        if any(slots) or i == kept:
            layers.append((i, _layer(fields, i, slots, errors)))
    return layers, errors


def _slots(fields: Fields, i: int) -> tuple[tuple[int, ...], ...]:
    slots = [
        _slot(first, fields.getlist(f"also-{i}-{j}")) for j, first in enumerate(fields.getlist(f"slot-{i}"))
    ]
    return tuple(slot for slot in slots if slot is not None)


def _layer(fields: Fields, i: int, slots: tuple[tuple[int, ...], ...], errors: dict[str, str]) -> Layer:
    def parsed(name: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(str(fields.get(f"{name}-{i}") or ""))
        except ValueError as exc:
            errors[f"{name}-{i}"] = str(exc)
            return default

    name = str(fields.get(f"name-{i}") or "").strip()
    if len(name) > MAX_LAYER_NAME_LENGTH:
        errors[f"name-{i}"] = f"Use at most {MAX_LAYER_NAME_LENGTH} characters."
    return Layer(
        id=to_id(fields.get(f"id-{i}")) or 0,
        slots=slots,
        anchor=parsed("anchor", _wall, FALLBACK_ANCHOR),
        unit=parsed("unit", _unit, Unit.WEEK),
        every=parsed("every", _number, 1),
        tz=str(fields.get(f"tz-{i}") or "").strip(),
        windows=tuple(_windows(fields, i, errors)),
        name=name,
    )


def _slot(first: object, others: Sequence[object]) -> tuple[int, ...] | None:
    """Return the people of a slot: empty for `nobody`, where lower layers apply, and None for no slot."""
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
        return to_number(text, "every", least=1, most=MAX_SHIFT_LENGTH)
    except Invalid as error:
        raise ValueError(error.fields["every"]) from error


def _wall(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError as exc:
        raise ValueError("Enter a date and time, such as 2026-11-23T09:00.") from exc


def _windows(fields: Fields, i: int, errors: dict[str, str]) -> list[Window]:
    windows = []
    starts, ends, later = (fields.getlist(f"{name}-{i}") for name in ("open", "shut", "later"))
    for j, (start, end) in enumerate(zip(starts, ends, strict=False)):
        if not str(start) and not str(end):
            continue
        days = frozenset(d for d in map(to_id, fields.getlist(f"days-{i}-{j}")) if d is not None and d < 7)
        try:
            days_later = to_id(later[j]) if j < len(later) else None
            windows.append(window(str(start), str(end), days or EVERY_DAY, days_later))
        except ValueError as exc:
            errors[f"open-{i}"] = str(exc)
    return windows


def window(start: str, end: str, days: frozenset[int], later: int | None = None) -> Window:
    """Return the window between two clock times, `later` days apart or within 24 hours.

    Raise ValueError if it is invalid, or if both times are the same and `later` is None.
    """
    try:
        starts, ends = time.fromisoformat(start), time.fromisoformat(end)
    except ValueError as exc:
        raise ValueError("Enter both times, such as 09:00 and 17:00.") from exc
    first, last = starts.hour * 60 + starts.minute, ends.hour * 60 + ends.minute
    if later is None and first == last:
        raise ValueError("Start and end are the same: choose the end day, or leave both blank for 24/7.")
    minutes = (last - first) % MINUTES_PER_DAY if later is None else last - first + later * MINUTES_PER_DAY
    if not 1 <= minutes <= MAX_WINDOW_MINUTES:
        raise ValueError("Active hours can’t last longer than a week.")
    return Window(first, minutes, days)


def follow_the_sun(anchor: datetime, regions: Mapping[str, tuple[str, str, str]]) -> list[Layer]:
    """Return one layer without people per region; `regions` has (time zone, start, end) by name."""
    return [
        Layer(
            id=0,
            slots=(),
            anchor=anchor,
            unit=Unit.WEEK,
            every=1,
            tz=tz,
            windows=(window(start, end, EVERY_DAY),),
            name=name,
        )
        for name, (tz, start, end) in regions.items()
    ]


def aligned(layers: Sequence[Layer], old: Sequence[Layer], now: datetime) -> list[Layer]:
    """Return the layers with the fields that the form does not show, from the stored layer of the same id.

    Those are its offset, its end, and its start where that is in the future.
    """
    stored = {layer.id: layer for layer in old}
    return [_aligned(layer, stored[layer.id], now) if layer.id in stored else layer for layer in layers]


def _aligned(layer: Layer, stored: Layer, now: datetime) -> Layer:
    waits = stored.start is not None and stored.start > now
    start = stored.start if waits else None
    return replace(layer, offset=stored.offset, start=start, end=stored.end)


def monday_morning(now: datetime) -> datetime:
    """Return 09:00 on the Monday of the week of `now`, as local time."""
    return datetime.combine(now.date() - timedelta(days=now.weekday()), time(9))


HANDOFF = "handoff"
TONIGHT = "tonight"
WEEKEND = "weekend"
SHIFT = "shift"
OVERRIDE_HOURS = (1, 2, 4, 8, 12, 24)
"""The durations offered for an override."""


def override_interval(
    fields: Mapping[str, str], schedule: Schedule, tz: str, now: datetime
) -> tuple[datetime, datetime]:
    """Return the interval of an override: from its start or now, to its end or for its duration."""
    start = to_instant(to_wall(fields["start"], "start"), tz) if fields.get("start") else now
    lasts = fields.get("lasts", "")
    if lasts in (TONIGHT, WEEKEND):
        if fields.get("start") or fields.get("end"):
            raise Invalid(
                "This duration has its own start.",
                fields={"start": "Leave blank, or choose another duration."},
            )
        return night(now, tz) if lasts == TONIGHT else weekend(now, tz)
    if lasts == SHIFT:
        return _shift(fields.get("shift", ""), now)
    if fields.get("end"):
        return start, to_instant(to_wall(fields["end"], "end"), tz)
    if lasts == HANDOFF:
        end = next_change(schedule, start, HANDOFF_LOOKAHEAD)
        if end is None:
            raise Invalid(
                "There is no handoff in the 35 days after the start.", fields={"lasts": "Choose a duration."}
            )
        return start, end
    if not lasts:
        raise Invalid("The override has no end.", fields={"end": "Enter an end, or choose a duration."})
    if (hours := to_id(lasts)) not in OVERRIDE_HOURS:
        raise Invalid("The duration is not valid.", fields={"lasts": "Choose a duration from the list."})
    return start, start + timedelta(hours=hours)


def _shift(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the rest of a shift whose start and end are instants, separated by a bar."""
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("|"))
    except ValueError:
        start = end = datetime.min  # noqa: DTZ901 - refused below
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("The shift is not valid.", fields={"lasts": "Choose a duration from the list."})
    return max(start, now), end


def begins(text: str, name: str, tz: str, now: datetime) -> datetime:
    """Return the instant from which a change applies, now if empty; raise Invalid for the past."""
    if not text:
        return now
    at = to_instant(to_wall(text, name), tz)
    if at < now - timedelta(minutes=1):
        raise Invalid("The change starts in the past.", fields={name: "Choose now or later."})
    return max(at, now)
