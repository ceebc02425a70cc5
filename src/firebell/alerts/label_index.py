"""Finds what may match an alert by one of its labels, so that many silences and rules cost no more than few (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from firebell.kit.matchers import Matcher, Op

T = TypeVar("T")


class LabelIndex(Generic[T]):
    """Values by one label that an alert must have to meet their conditions."""

    def __init__(self, entries: Iterable[tuple[Sequence[Matcher], T]]) -> None:
        self._by_label: dict[str, dict[str, list[T]]] = {}
        """By the name of the label, and by its value: an alert has more labels than conditions name."""
        self._others: list[T] = []
        """Values whose conditions name no label with its whole value."""
        for conditions, value in entries:
            label = next((m for m in conditions if m.op is Op.EQUAL and m.value), None)
            if label is None:
                self._others.append(value)
            else:
                self._by_label.setdefault(label.name, {}).setdefault(label.value, []).append(value)

    def candidates(self, labels: Mapping[str, str]) -> Iterator[T]:
        """Yield each value whose conditions these labels may meet; the others they cannot meet."""
        yield from self._others
        for name, by_value in self._by_label.items():
            if (value := labels.get(name)) in by_value:
                yield from by_value[value]
