"""Versions of layers: change layers at an instant without changing the past (spec 1.2) (pure)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.oncall.model import Layer, Schedule, User
from firebell.oncall.rota.rotation import index_at, validity

Slots = tuple[tuple[User, ...], ...]


def current(schedule: Schedule, at: datetime) -> tuple[Layer, ...]:
    """Return the layers that are not over at `at`, from low to high."""
    return tuple(layer for layer in schedule.layers if layer.end is None or layer.end > at)


def _place(old: Slots, index: int, new: Slots) -> int:
    """Return the index in `new` that continues slot `index` of `old`.

    It is the same slot, else one that shares a person with it, else the next of the old order that remains.
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


def offset_at(old: Layer, new: Layer, at: datetime) -> int:
    """Return the offset with which the current person of `old` at `at` stays current in `new`.

    If the rhythm or the offset differs, the offset of `new` is returned.
    """

    def rhythm(layer: Layer) -> tuple[object, ...]:
        return (layer.anchor, layer.unit, layer.every, layer.tz)

    if rhythm(old) != rhythm(new) or old.offset != new.offset or not old.slots or not new.slots:
        return new.offset
    if old.slots == new.slots:
        return old.offset
    index = index_at(old, at)
    slot = (index + old.offset) % len(old.slots)
    return (_place(old.slots, slot, new.slots) - index) % len(new.slots)


def _same(old: Layer, new: Layer) -> bool:
    start = new.start if new.start is not None else old.start
    return replace(new, id=old.id, start=start) == old


def replaced(schedule: Schedule, layers: Sequence[Layer], at: datetime) -> Schedule:
    """Return the schedule with `layers` from `at` on, and unchanged before (P13).

    A layer with the id of an old one is its next version, or the old one if nothing differs; any other id is a new
    layer. Layers that are left out end at `at`, or are dropped if they had not begun; `layers` that are over are
    ignored.
    """
    old = {layer.id: layer for layer in current(schedule, at)}
    layers = [layer for layer in layers if layer.end is None or layer.end > at]
    new = list(
        {layer.id if layer.id in old else ("new", i): layer for i, layer in enumerate(layers)}.values()
    )
    order = [layer.id for layer in new if layer.id in old]
    same_order = [layer_id for layer_id in old if layer_id in order] == order
    unchanged = {layer.id for layer in new if same_order and layer.id in old and _same(old[layer.id], layer)}
    opened = [layer if layer.id in unchanged else _opened(old.get(layer.id), layer, at) for layer in new]
    return replace(schedule, layers=tuple(_merged(schedule, opened, unchanged, at)))


def begun(layer: Layer, at: datetime) -> Layer:
    """Return a layer that begins no earlier than `at`, when its schedule is created."""
    return layer if validity(layer)[0] >= at else replace(layer, start=at)


def _opened(before: Layer | None, layer: Layer, at: datetime) -> Layer:
    offset = offset_at(before, layer, at) if before and validity(before)[0] <= at else layer.offset
    return replace(layer, id=0, start=max(validity(layer)[0], at), offset=offset)


def _merged(schedule: Schedule, opened: Sequence[Layer], unchanged: set[int], at: datetime) -> list[Layer]:
    """Return old and new layers in one order, with layers that end before those that begin."""
    waiting = list(opened)
    layers: list[Layer] = []
    for layer in schedule.layers:
        if layer.id in unchanged:
            index = [new.id for new in waiting].index(layer.id)
            layers += [*waiting[:index], layer]
            waiting = waiting[index + 1 :]
        elif layer.end is not None and layer.end <= at:
            layers.append(layer)
        elif validity(layer)[0] < at:
            layers.append(replace(layer, end=at))
    return [*layers, *waiting]


def joined(layer: Layer, user: User, at: int | None = None) -> Layer:
    """Return the layer with a slot for `user` at index `at`, by default after the last."""
    place = len(layer.slots) if at is None else at
    return replace(layer, slots=(*layer.slots[:place], (user,), *layer.slots[place:]))


def left(layer: Layer, user: User) -> Layer:
    """Return the layer without `user`; a slot that was theirs alone is removed instead of becoming a gap."""
    slots = [(slot, tuple(u for u in slot if u != user)) for slot in layer.slots]
    return replace(layer, slots=tuple(new for old, new in slots if new or not old))
