"""Where the map of services draws each service and each dependency (pure).

Services stand in columns, each to the right of all that depend on it, by the longest way. In a cycle, the dependencies
that lead back are drawn backward. Within a column, services stand near those that they are connected to: columns are
ordered by barycenters, and the order with the fewest crossings is kept. The same graph always has the same map.
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

from firebell.catalog import dependencies as graph
from firebell.catalog.dependencies import Edge

BOX_WIDTH, BOX_HEIGHT = 196, 46
"""The size of a service, in pixels."""
COLUMN_GAP = 68
"""The gap between two columns, in pixels."""
MARGIN = 6
"""The space around the map, in pixels; focus rings need it."""
_BOX_GAP, _WAY_GAP = 14, 10
"""The gap below a box, and that between two dependencies that pass a column, in pixels."""
_BACKWARD_OFFSET = 11
"""How far below the middle of a box a dependency that is drawn backward is attached, so that it hides no other."""
_MOST_WAYPOINTS = 1_500
"""More would slow the map down; the longest dependencies are drawn straight instead, behind the boxes."""
_ORDERING_SWEEPS = 8
_PLACING_SWEEPS = 6

_Slot = int | tuple[Edge, int]
"""What stands in a column: a service, or a dependency that passes it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A service on the map; `x` and `y` are its upper left corner."""

    service_id: int
    column: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """A dependency on the map, from left to right; backward ones depend on what is further left.

    `stops` are the left and right end of each straight part, and its height: the boxes at its ends, and between them
    the columns that it passes.
    """

    edge: Edge
    is_backward: bool
    stops: tuple[tuple[int, int, int], ...]

    @property
    def is_behind_boxes(self) -> bool:
        """True if it is drawn straight although it passes columns, because the map has too many waypoints."""
        return len(self.stops) == 2 and self.stops[1][0] - self.stops[0][1] > COLUMN_GAP

    @property
    def path(self) -> str:
        """The path for SVG: straight within a column, curved between two."""
        _, x, y = self.stops[0]
        parts = [f"M{x} {y}"]
        for left, right, height in self.stops[1:]:
            middle = (x + left) // 2
            parts.append(f"C{middle} {y} {middle} {height} {left} {height}")
            if (left, right, height) != self.stops[-1]:
                parts.append(f"H{right}")
            x, y = right, height
        return "".join(parts)


@dataclass(frozen=True, slots=True)
class MapLayout:
    """A map: its boxes by service, its lines, and its size in pixels."""

    boxes: Mapping[int, Box]
    lines: tuple[Line, ...]
    width: int
    height: int


def layout(service_ids: Sequence[int], edges: Iterable[Edge]) -> MapLayout:
    """Return the map of these services and the dependencies between them; ties keep the order of `service_ids`."""
    place = {service_id: number for number, service_id in enumerate(service_ids)}
    drawn = sorted(
        {(a, b) for a, b in edges if a in place and b in place and a != b},
        key=lambda edge: (place[edge[0]], place[edge[1]]),
    )
    backward = _closing_cycles(service_ids, drawn)
    forward = {edge: edge[::-1] if edge in backward else edge for edge in drawn}
    columns_by_id = _columns(service_ids, forward.values())
    chains = _chains(forward, columns_by_id)
    columns = _ordered(service_ids, columns_by_id, chains)
    heights = _placed(columns, chains)
    boxes = {}
    for service_id in service_ids:
        column = columns_by_id[service_id]
        boxes[service_id] = Box(service_id, column, _left(column), heights[service_id] - BOX_HEIGHT // 2)
    lines = tuple(
        Line(edge, edge in backward, _stops(chain, edge in backward, columns_by_id, heights))
        for edge, chain in chains.items()
    )
    bottom = max((box.y + BOX_HEIGHT for box in boxes.values()), default=0)
    ways = max((y for line in lines for _, _, y in line.stops), default=0)
    return MapLayout(boxes, lines, _left(len(columns)) - COLUMN_GAP + MARGIN, max(bottom, ways) + MARGIN)


def _left(column: int) -> int:
    return MARGIN + column * (BOX_WIDTH + COLUMN_GAP)


def _closing_cycles(service_ids: Sequence[int], edges: Sequence[Edge]) -> set[Edge]:
    """Return the dependencies to draw backward, so that no cycle is left: those to a service nearer to the left edge.

    This marks more of a tangle than it has to, and keeps it narrow.
    """
    group_of = {
        service_id: number for number, group in enumerate(graph.cycles(edges)) for service_id in group
    }
    if not group_of:
        return set()
    rank = {service_id: number for number, service_id in enumerate(_nearest_first(service_ids, edges))}
    return {
        (a, b) for a, b in edges if a in group_of and group_of[a] == group_of.get(b) and rank[b] < rank[a]
    }


def _nearest_first(service_ids: Sequence[int], edges: Sequence[Edge]) -> list[int]:
    """Return all services by their distance from those that nothing depends on, or else from the first of a cycle."""
    needed = {depends_on_id for _, depends_on_id in edges}
    first = [service_id for service_id in service_ids if service_id not in needed]
    # a key keeps its first place
    ordered = dict.fromkeys([*first, *graph.reached(edges, first).service_ids])
    for service_id in service_ids:
        if service_id not in ordered:
            ordered |= dict.fromkeys([service_id, *graph.reached(edges, [service_id]).service_ids])
    return list(ordered)


def _columns(service_ids: Sequence[int], edges: Collection[Edge]) -> dict[int, int]:
    """Return the column of each service, by the longest way; what nothing depends on stands next to what it needs."""
    needs, needed_by = graph.following_ids(edges), graph.following_ids(graph.reversed_edges(edges))
    columns = dict.fromkeys(service_ids, 0)
    for service_id in TopologicalSorter(needed_by).static_order():
        columns[service_id] = max((columns[i] + 1 for i in needed_by.get(service_id, ())), default=0)
    for service_id in service_ids:
        if service_id not in needed_by:
            columns[service_id] = min((columns[i] - 1 for i in needs.get(service_id, ())), default=0)
    return columns


def _chains(forward: Mapping[Edge, Edge], columns: Mapping[int, int]) -> dict[Edge, tuple[_Slot, ...]]:
    """Return what each dependency leads through from left to right, its ends included, in the order of `forward`."""
    remaining = _MOST_WAYPOINTS
    between: dict[Edge, tuple[_Slot, ...]] = {}
    for edge, (start, end) in sorted(
        forward.items(), key=lambda item: columns[item[1][1]] - columns[item[1][0]]
    ):
        passed = range(columns[start] + 1, columns[end])
        between[edge] = tuple((edge, column) for column in passed) if len(passed) <= remaining else ()
        remaining -= len(between[edge])
    return {edge: (start, *between[edge], end) for edge, (start, end) in forward.items()}


def _ordered(
    service_ids: Sequence[int], columns_by_id: Mapping[int, int], chains: Mapping[Edge, tuple[_Slot, ...]]
) -> list[list[_Slot]]:
    """Return each column from top to bottom, with few crossings."""
    columns: list[list[_Slot]] = [[] for _ in range(max(columns_by_id.values(), default=-1) + 1)]
    for service_id in service_ids:
        columns[columns_by_id[service_id]].append(service_id)
    for chain in chains.values():
        for slot in chain[1:-1]:
            assert isinstance(slot, tuple)
            columns[slot[1]].append(slot)
    before, after = _neighbors(chains)
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(_ORDERING_SWEEPS):
        if not fewest:
            break
        is_rightward = sweep % 2 == 0
        for column in columns if is_rightward else reversed(columns):
            _sort_by_barycenter(column, columns, before if is_rightward else after)
        number = _crossings(columns, after)
        if number < fewest:
            best, fewest = [list(column) for column in columns], number
    return best


def _neighbors(
    chains: Mapping[Edge, tuple[_Slot, ...]],
) -> tuple[dict[_Slot, list[_Slot]], dict[_Slot, list[_Slot]]]:
    """Return what each slot is connected to on its left, and on its right."""
    before: dict[_Slot, list[_Slot]] = {}
    after: dict[_Slot, list[_Slot]] = {}
    for chain in chains.values():
        for left, right in pairwise(chain):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    return before, after


def _sort_by_barycenter(
    column: list[_Slot], columns: Sequence[Sequence[_Slot]], neighbors: Mapping[_Slot, Sequence[_Slot]]
) -> None:
    near = {neighbor for slot in column for neighbor in neighbors.get(slot, ())}
    # from 0 to 1, so that columns of different lengths compare
    height = {
        slot: (number + 0.5) / len(other)
        for other in columns
        for number, slot in enumerate(other)
        if slot in near or other is column
    }
    center = {}
    for slot in column:
        heights = [height[neighbor] for neighbor in neighbors.get(slot, ())] or [height[slot]]
        center[slot] = sum(heights) / len(heights)
    column.sort(key=center.__getitem__)


def _crossings(columns: Sequence[Sequence[_Slot]], after: Mapping[_Slot, Sequence[_Slot]]) -> int:
    """Return how often lines cross between two columns; those without waypoints count by their ends."""
    number_of = {slot: number for column in columns for number, slot in enumerate(column)}
    crossings = 0
    for column in columns:
        passed: list[int] = []
        for slot in column:
            ends = sorted(number_of[each] for each in after.get(slot, ()))
            crossings += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return crossings


def _placed(columns: Sequence[Sequence[_Slot]], chains: Mapping[Edge, tuple[_Slot, ...]]) -> dict[_Slot, int]:
    """Return the middle of each slot: as near to its neighbors as the order and the distances of a column allow."""
    before, after = _neighbors(chains)
    distances = [[_distance(*pair) for pair in pairwise(column)] for column in columns]
    heights: dict[_Slot, float] = {}
    for column, apart in zip(columns, distances, strict=True):
        heights |= zip(column, _apart([0.0] * len(column), apart), strict=True)
    for sweep in range(_PLACING_SWEEPS):
        is_rightward = sweep % 2 == 0
        order = range(len(columns)) if is_rightward else reversed(range(len(columns)))
        neighbors = before if is_rightward else after
        for number in order:
            column = columns[number]
            wanted = []
            for slot in column:
                near = [heights[each] for each in neighbors.get(slot, ())] or [heights[slot]]
                wanted.append(sum(near) / len(near))
            heights |= zip(column, _apart(wanted, distances[number]), strict=True)
    top = min((heights[slot] - _extent(slot) for column in columns for slot in column), default=0)
    return {slot: round(height - top) + MARGIN for slot, height in heights.items()}


def _extent(slot: _Slot) -> int:
    """Return how far a slot reaches above and below its middle."""
    return BOX_HEIGHT // 2 if isinstance(slot, int) else 0


def _distance(upper: _Slot, lower: _Slot) -> int:
    """Return the least distance between the middles of two neighboring slots of a column."""
    gap = _BOX_GAP if isinstance(upper, int) and isinstance(lower, int) else _WAY_GAP
    return _extent(upper) + gap + _extent(lower)


def _apart(wanted: Sequence[float], distances: Sequence[int]) -> list[float]:
    """Return heights in the same order, at least `distances` apart, as near to `wanted` as that allows (least squares).

    Less their distances, this is isotonic regression: neighbors in the wrong order share their mean.
    """
    offsets = [0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=False):
        total, number = height - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / number:
            above, above_number = blocks.pop()
            total, number = total + above, number + above_number
        blocks.append((total, number))
    # whole numbers, so that rounding moves no two of them closer together
    means = [float(round(total / number)) for total, number in blocks for _ in range(number)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=False)]


def _stops(
    chain: Sequence[_Slot], is_backward: bool, columns: Mapping[int, int], heights: Mapping[_Slot, int]
) -> tuple[tuple[int, int, int], ...]:
    stops = []
    for slot in chain:
        column = columns[slot] if isinstance(slot, int) else slot[1]
        offset = _BACKWARD_OFFSET if is_backward and isinstance(slot, int) else 0
        stops.append((_left(column), _left(column) + BOX_WIDTH, heights[slot] + offset))
    return tuple(stops)
