"""Layers that change at an instant without rewriting history (spec 1.2); pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.oncall.model import Layer, Schedule, User
from firebell.oncall.rota.rotation import index_at, validity

Slots = tuple[tuple[User, ...], ...]


def current(schedule: Schedule, at: datetime) -> tuple[Layer, ...]:
    """Return the layers that are not over at `at`, from low to high: what an editor shows."""
    return tuple(layer for layer in schedule.layers if layer.end is None or layer.end > at)


def _place(old: Slots, index: int, new: Slots) -> int:
    """Return where in `new` the turn continues that slot `index` of `old` has.

    The same slot, else one that shares somebody with it, else the next of the old order that remains.
    """
    for step in range(len(old)):
        slot = old[(index + step) % len(old)]
        if index + step < len(new) and new[index + step] == slot:
            return index + step
        if slot in new:
            return new.index(slot)
        if sharing := [i for i, other in enumerate(new) if set(other) & set(slot)]:
            return sharing[0]
    return 0


def offset_at(old: Layer, new: Layer, e: datetime) -> int:
    """Return the offset with which whoever is current in `old` at `e` stays current in `new`.

    Only people may differ: another rhythm begins its own count, and a chosen offset is kept.
    """

    def rhythm(layer: Layer) -> tuple[object, ...]:
        return (layer.anchor, layer.unit, layer.every, layer.tz)

    if rhythm(old) != rhythm(new) or old.offset != new.offset or not old.slots or not new.slots:
        return new.offset
    if old.slots == new.slots:
        return old.offset
    k = index_at(old, e)
    return (_place(old.slots, (k + old.offset) % len(old.slots), new.slots) - k) % len(new.slots)


def _same(old: Layer, new: Layer) -> bool:
    start = new.start if new.start is not None else old.start
    return replace(new, id=old.id, start=start) == old


def replaced(schedule: Schedule, layers: Sequence[Layer], e: datetime) -> Schedule:
    """Return the schedule with `layers` from `e` on, and unchanged before (P13).

    A layer with the id of an old one is its next version, or the old one itself when nothing differs; any
    other id is a new layer. What is left out ends at `e`; what had not begun by then, or is given as over, is dropped.
    """
    old = {layer.id: layer for layer in current(schedule, e)}
    layers = [layer for layer in layers if layer.end is None or layer.end > e]
    new = list(
        {layer.id if layer.id in old else ("new", i): layer for i, layer in enumerate(layers)}.values()
    )
    order = [layer.id for layer in new if layer.id in old]
    still = [i for i in old if i in order] == order
    kept = {layer.id for layer in new if still and layer.id in old and _same(old[layer.id], layer)}
    opened = [layer if layer.id in kept else _opened(old.get(layer.id), layer, e) for layer in new]
    return replace(schedule, layers=tuple(_merged(schedule, opened, kept, e)))


def _opened(before: Layer | None, layer: Layer, e: datetime) -> Layer:
    offset = offset_at(before, layer, e) if before and validity(before)[0] <= e else layer.offset
    return replace(layer, id=0, start=max(validity(layer)[0], e), offset=offset)


def _merged(schedule: Schedule, opened: Sequence[Layer], kept: set[int | str], e: datetime) -> list[Layer]:
    """Return both ages in one order: what is kept stands in both, and what closes stands before what opens."""
    waiting = list(opened)
    layers: list[Layer] = []
    for layer in schedule.layers:
        if layer.id in kept:
            at = [new.id for new in waiting].index(layer.id)
            layers += [*waiting[:at], layer]
            waiting = waiting[at + 1 :]
        elif layer.end is not None and layer.end <= e:
            layers.append(layer)
        elif validity(layer)[0] < e:
            layers.append(replace(layer, end=e))
    return [*layers, *waiting]


def joined(layer: Layer, user: User, at: int | None = None) -> Layer:
    """Return the layer with a turn for `user` at place `at`, else after the last."""
    place = len(layer.slots) if at is None else at
    return replace(layer, slots=(*layer.slots[:place], (user,), *layer.slots[place:]))


def left(layer: Layer, user: User) -> Layer:
    """Return the layer without `user`; a turn that was theirs alone goes, so that nobody's gap remains."""
    without = [(slot, tuple(u for u in slot if u != user)) for slot in layer.slots]
    return replace(layer, slots=tuple(new for old, new in without if new or not old))
