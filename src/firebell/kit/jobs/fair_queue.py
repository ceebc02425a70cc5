"""A queue in which each key gets its turn, so that one busy sender does not delay the others."""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items of a key leave in the order in which they came; the keys that have items take turns."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, deque[tuple[T, float, int]]] = {}
        """The items of each key with their times and weights; the first key is next."""
        self._weights: dict[Hashable, int] = {}
        self._length = 0
        self.weight = 0

    def __len__(self) -> int:
        return self._length

    def length_of(self, key: Hashable) -> int:
        """Return the number of items of a key."""
        return len(self._by_key.get(key, ()))

    def weight_of(self, key: Hashable) -> int:
        """Return the weight of the items of a key."""
        return self._weights.get(key, 0)

    def push(self, key: Hashable, item: T, at: float, weight: int = 0) -> None:
        """Add an item that arrived at `at`."""
        self._by_key.setdefault(key, deque()).append((item, at, weight))
        self._weights[key] = self._weights.get(key, 0) + weight
        self._length += 1
        self.weight += weight

    def pop(self) -> T:
        """Remove and return the first item of the key whose turn it is."""
        key = next(iter(self._by_key))
        item = self._take(key)
        if key in self._by_key:
            self._by_key[key] = self._by_key.pop(key)
        return item

    def pop_before(self, at: float) -> list[T]:
        """Remove and return the items that arrived before `at`."""
        return [
            self._take(key)
            for key in list(self._by_key)
            for _ in range(sum(arrived < at for _, arrived, _ in self._by_key[key]))
        ]

    def _take(self, key: Hashable) -> T:
        items = self._by_key[key]
        item, _, weight = items.popleft()
        self._length -= 1
        self.weight -= weight
        if items:
            self._weights[key] -= weight
        else:
            del self._by_key[key], self._weights[key]
        return item
