"""Which services lie behind a service, and which need it (pure; decision 0098)."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Edge = tuple[int, int]
"""A service, and one that it depends on."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The services to which some lead by dependencies, nearest first.

    `before` has for each of them the service before it on the shortest way, None if that is where the way starts.
    """

    before: Mapping[int, int | None]

    @property
    def service_ids(self) -> list[int]:
        """The services, nearest first."""
        return list(self.before)

    @property
    def steps(self) -> dict[int, int]:
        """The number of dependencies on the shortest way to each service, nearest first."""
        steps: dict[int, int] = {}
        for service_id, before in self.before.items():
            steps[service_id] = 1 if before is None else steps[before] + 1
        return steps

    def through(self, service_id: int) -> tuple[int, ...]:
        """Return the services between the start and this one, the nearest to the start first."""
        between = []
        current = self.before[service_id]
        while current is not None:
            between.append(current)
            current = self.before[current]
        return tuple(reversed(between))


def following_ids(edges: Iterable[Edge]) -> Mapping[int, list[int]]:
    """Return what each service depends on, in ascending order; those that depend on nothing are absent."""
    following: dict[int, list[int]] = {}
    for service_id, depends_on_id in sorted(edges):
        following.setdefault(service_id, []).append(depends_on_id)
    return following


def reversed_edges(edges: Iterable[Edge]) -> list[Edge]:
    """Return edges that lead from a service to those that depend on it."""
    return [(depends_on_id, service_id) for service_id, depends_on_id in edges]


def reached(edges: Iterable[Edge], starts: Collection[int]) -> Reach:
    """Return what can be reached from `starts`, without these, each on its shortest way."""
    following = following_ids(edges)
    before: dict[int, int | None] = {}
    waiting = deque(sorted(starts))
    while waiting:
        current = waiting.popleft()
        for following_id in following.get(current, ()):
            if following_id not in before and following_id not in starts:
                before[following_id] = None if current in starts else current
                waiting.append(following_id)
    return Reach(before)


def cycle_of(edges: Iterable[Edge], service_id: int) -> tuple[int, ...]:
    """Return the shortest way from a service back to itself, without its end; empty if there is none."""
    listed = list(edges)
    reach = reached(listed, [service_id])
    last_ids = {before for before, after in listed if after == service_id}
    last = next((i for i in reach.service_ids if i in last_ids), None)
    return () if last is None else (service_id, *reach.through(last), last)


def cycles(edges: Iterable[Edge]) -> list[tuple[int, ...]]:
    """Return the groups of services that depend on one another, each in ascending order."""
    return sorted(tuple(sorted(group)) for group in _components(following_ids(edges)) if len(group) > 1)


def reach_counts(edges: Iterable[Edge]) -> dict[int, int]:
    """Return how many other services each service leads to, in one walk; those that lead to none may be absent.

    Takes a bit for each pair of services: 3 MB for 5,000 of them.
    """
    following = following_ids(edges)
    bits: dict[int, int] = {}
    reach: dict[int, int] = {}
    counts: dict[int, int] = {}
    for group in _components(following):
        reached_bits = 0
        for service_id in group:
            bits[service_id] = 1 << len(bits)
            reached_bits |= bits[service_id]
        for service_id in group:
            for following_id in following.get(service_id, ()):
                reached_bits |= reach.get(following_id, 0)
        for service_id in group:
            reach[service_id] = reached_bits
            counts[service_id] = reached_bits.bit_count() - 1
    return counts


def _components(following: Mapping[int, list[int]]) -> list[list[int]]:
    """Return the services in groups that depend on one another, each group after what it leads to (Tarjan)."""
    numbers: dict[int, int] = {}
    lowest: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    groups = []
    for start in sorted(following):
        if start in numbers:
            continue
        visits = [(start, iter(following.get(start, ())))]
        numbers[start] = lowest[start] = len(numbers)
        stack.append(start)
        on_stack.add(start)
        while visits:
            current, remaining = visits[-1]
            following_id = next(remaining, None)
            if following_id is None:
                visits.pop()
                if visits:
                    before = visits[-1][0]
                    lowest[before] = min(lowest[before], lowest[current])
                if lowest[current] == numbers[current]:
                    group = _pop_until(stack, current)
                    on_stack.difference_update(group)
                    groups.append(group)
            elif following_id not in numbers:
                numbers[following_id] = lowest[following_id] = len(numbers)
                stack.append(following_id)
                on_stack.add(following_id)
                visits.append((following_id, iter(following.get(following_id, ()))))
            elif following_id in on_stack:
                lowest[current] = min(lowest[current], numbers[following_id])
    return groups


def _pop_until(stack: list[int], last: int) -> list[int]:
    group = [stack.pop()]
    while group[-1] != last:
        group.append(stack.pop())
    return group
