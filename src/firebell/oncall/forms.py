"""The schedule editor's form: layers as fields, and fields as layers (pure)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Protocol, TypeVar

from firebell.kit.errors import Invalid
from firebell.kit.localtime import mu
from firebell.kit.text import to_id, to_wall
from firebell.oncall.model import Layer, Unit, Window

MOST_LAYERS = 12
WEEK = frozenset(range(7))
FALLBACK = datetime.fromisoformat("2026-01-05T09:00")
"""A Monday morning, for a first handoff that cannot be read; it is never saved."""
T = TypeVar("T")


class Fields(Protocol):
    """A posted form."""

    def get(self, key: str, /) -> object: ...

    def getlist(self, key: str, /) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Opening:
    """A window as two clock times and weekdays; the end may lie on a later day."""

    start: str
    end: str
    days: frozenset[int]


def openings(layer: Layer) -> list[Opening]:
    """Return the windows of a layer as the form shows them."""
    return [Opening(_clock(w.start), _clock((w.start + w.minutes) % 1440), w.days) for w in layer.windows]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def read(fields: Fields) -> tuple[list[Layer], dict[str, str]]:
    """Return the layers that the form describes, from low to high, and what is wrong by field.

    A field that cannot be read has a default in its layer, so that nothing else of the form is lost. A layer
    without anybody is left out: an empty one in the form means "no more".
    """
    found: list[Layer] = []
    wrong: dict[str, str] = {}
    for i in range(MOST_LAYERS):
        if not fields.getlist(f"slot-{i}"):
            break
        slots = _slots(fields, i)
        if any(slots):
            found.append(_layer(fields, i, slots, wrong))
    if not found:
        wrong["slot-0"] = "Choose at least one person."
    return found, wrong


def _slots(fields: Fields, i: int) -> tuple[tuple[int, ...], ...]:
    first, second = fields.getlist(f"slot-{i}"), fields.getlist(f"also-{i}")
    slots = [_slot(a, b) for a, b in zip(first, second, strict=False)]
    return tuple(slot for slot in slots if slot is not None)


def _layer(fields: Fields, i: int, slots: tuple[tuple[int, ...], ...], wrong: dict[str, str]) -> Layer:
    def told(name: str, read: Callable[[str], T], default: T) -> T:
        try:
            return read(str(fields.get(f"{name}-{i}") or ""))
        except ValueError as exc:
            wrong[f"{name}-{i}"] = str(exc)
            return default

    return Layer(
        id=to_id(fields.get(f"id-{i}")) or 0,
        slots=slots,
        anchor=told("anchor", _wall, FALLBACK),
        unit=told("unit", _unit, Unit.WEEK),
        every=told("every", _number, 1),
        tz=str(fields.get(f"tz-{i}") or "").strip(),
        windows=tuple(_windows(fields, i, wrong)),
        name=str(fields.get(f"name-{i}") or "").strip()[:120],
    )


def _slot(first: object, second: object) -> tuple[int, ...] | None:
    """Return a turn's people; `nobody` is a turn that lets lower layers answer, nothing is no turn."""
    if str(first) == "nobody":
        return ()
    people = tuple(dict.fromkeys(i for i in (to_id(first), to_id(second)) if i is not None))
    return people or None


def _unit(text: str) -> Unit:
    if text not in list(Unit):
        raise ValueError("Choose how long a turn is.")
    return Unit(text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:6]) <= 365:
        raise ValueError("A number from 1 to 365.")
    return int(text)


def _wall(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError as exc:
        raise ValueError("Use 2026-11-23T09:00.") from exc


def _windows(fields: Fields, i: int, wrong: dict[str, str]) -> list[Window]:
    found = []
    starts, ends = fields.getlist(f"open-{i}"), fields.getlist(f"shut-{i}")
    for j, (start, end) in enumerate(zip(starts, ends, strict=False)):
        if not str(start) and not str(end):
            continue
        days = frozenset(d for d in map(to_id, fields.getlist(f"days-{i}-{j}")) if d is not None and d < 7)
        try:
            found.append(window(str(start), str(end), days or WEEK))
        except ValueError as exc:
            wrong[f"open-{i}"] = str(exc)
    return found


def window(start: str, end: str, days: frozenset[int]) -> Window:
    """Return the window that opens and shuts at these clock times; the same time is refused as ambiguous."""
    try:
        a, b = time.fromisoformat(start), time.fromisoformat(end)
    except ValueError as exc:
        raise ValueError("Give both times, as 09:00 and 17:00.") from exc
    opens, shuts = a.hour * 60 + a.minute, b.hour * 60 + b.minute
    if opens == shuts:
        raise ValueError("The same time twice: leave both empty for always.")
    return Window(opens, (shuts - opens) % 1440, days)


def follow_the_sun(anchor: datetime, regions: Mapping[str, tuple[str, str, str]]) -> list[Layer]:
    """Return one layer per region, (zone, opens, shuts) by name, whose people are still to be chosen."""
    return [
        Layer(0, (), anchor, Unit.WEEK, 1, tz, (window(opens, shuts, WEEK),), name=name)
        for name, (tz, opens, shuts) in regions.items()
    ]


def aligned(layers: Sequence[Layer], old: Sequence[Layer]) -> list[Layer]:
    """Return the layers with the offset of the stored layer of the same id, which the form does not show."""
    offsets = {layer.id: layer.offset for layer in old}
    return [replace(layer, offset=offsets.get(layer.id, 0)) for layer in layers]


def monday_morning(now: datetime) -> datetime:
    """Return 09:00 on the Monday of the week of `now`, as its wall clock shows it."""
    return datetime.combine(now.date() - timedelta(days=now.weekday()), time(9))


def begins(text: str, name: str, tz: str, now: datetime) -> datetime:
    """Return the instant from which a change holds; empty means now, and the past is history."""
    if not text:
        return now
    at = mu(to_wall(text, name), tz)
    if at < now - timedelta(minutes=1):
        raise Invalid("The change would begin in the past.", fields={name: "Choose now or later."})
    return max(at, now)
