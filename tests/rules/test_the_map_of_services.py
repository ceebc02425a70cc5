"""The map of services: where each service and each dependency is drawn, and which services have a place."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.catalog.dependencies import Edge, cycles, reach_counts, reached, reversed_edges
from firebell.service_overview.service_map.layout import BOX_HEIGHT, BOX_WIDTH, Line, MapLayout, layout
from firebell.service_overview.service_map.selection import MAX_EDGES, select
from tests.stopwatch import stopwatch

WEB, CHECKOUT, LEDGER, GATEWAY, DISK = range(1, 6)
KESTREL: list[Edge] = [(WEB, CHECKOUT), (CHECKOUT, LEDGER), (CHECKOUT, GATEWAY), (LEDGER, DISK), (WEB, DISK)]
GRAPHS = st.integers(1, 14).flatmap(
    lambda n: st.lists(
        st.tuples(st.integers(1, n), st.integers(1, n)).filter(lambda edge: edge[0] != edge[1]), max_size=40
    ).map(lambda edges: (n, edges))
)


def columns(drawn: MapLayout) -> dict[int, int]:
    return {i: box.column for i, box in drawn.boxes.items()}


def overlapping(drawn: MapLayout) -> list[tuple[int, int]]:
    boxes = list(drawn.boxes.values())
    return [
        (a.service_id, b.service_id)
        for number, a in enumerate(boxes)
        for b in boxes[number + 1 :]
        if abs(a.x - b.x) < BOX_WIDTH and abs(a.y - b.y) < BOX_HEIGHT
    ]


def crossed_boxes(drawn: MapLayout) -> list[tuple[Edge, int]]:
    """Return where a dependency passes a column through the box of a service."""
    return [
        (line.edge, box.service_id)
        for line in drawn.lines
        for left, _, y in line.stops[1:-1]
        for box in drawn.boxes.values()
        if box.x == left and box.y <= y <= box.y + BOX_HEIGHT
    ]


def check(drawn: MapLayout, ids: Sequence[int], edges: Sequence[Edge]) -> None:
    assert set(drawn.boxes) == set(ids)
    assert not overlapping(drawn)
    assert not crossed_boxes(drawn)
    # every dependency once, from the one box to the other
    assert sorted(line.edge for line in drawn.lines) == sorted(set(edges))
    in_cycle = {i: number for number, group in enumerate(cycles(edges)) for i in group}
    for line in drawn.lines:
        start, end = line.edge[::-1] if line.is_backward else line.edge
        assert drawn.boxes[start].column < drawn.boxes[end].column
        assert line.stops[0][1] == drawn.boxes[start].x + BOX_WIDTH
        assert line.stops[-1][0] == drawn.boxes[end].x
        for service_id, (_, _, y) in ((start, line.stops[0]), (end, line.stops[-1])):
            assert drawn.boxes[service_id].y < y < drawn.boxes[service_id].y + BOX_HEIGHT
        if line.is_backward:
            assert in_cycle[start] == in_cycle[end]
    for box in drawn.boxes.values():
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + BOX_WIDTH <= drawn.width
        assert box.y + BOX_HEIGHT <= drawn.height
    assert all(0 <= y <= drawn.height for line in drawn.lines for _, _, y in line.stops)


def test_each_service_stands_to_the_right_of_all_that_need_it() -> None:
    drawn = layout([WEB, CHECKOUT, LEDGER, GATEWAY, DISK], KESTREL)
    check(drawn, [WEB, CHECKOUT, LEDGER, GATEWAY, DISK], KESTREL)
    assert columns(drawn) == {WEB: 0, CHECKOUT: 1, LEDGER: 2, GATEWAY: 2, DISK: 3}
    # the dependency over two columns passes them beside their boxes
    (long,) = [line for line in drawn.lines if line.edge == (WEB, DISK)]
    assert len(long.stops) == 4
    assert long.path.startswith("M")
    assert long.path.count("C") == 3


def test_what_nothing_needs_stands_next_to_what_it_needs() -> None:
    assert columns(layout([1, 2, 3, 4], [(1, 2), (2, 3), (4, 3)])) == {1: 0, 2: 1, 3: 2, 4: 1}


def test_a_cycle_is_drawn_with_one_dependency_that_leads_back() -> None:
    drawn = layout([1, 2, 3], [(1, 2), (2, 3), (3, 1)])
    assert columns(drawn) == {1: 0, 2: 1, 3: 2}
    assert [line.edge for line in drawn.lines if line.is_backward] == [(3, 1)]
    # two that need each other are two lines, which do not hide one another
    both = layout([1, 2], [(1, 2), (2, 1)])
    check(both, [1, 2], [(1, 2), (2, 1)])
    assert len({line.path for line in both.lines}) == 2


def test_lines_that_need_not_cross_do_not() -> None:
    # in the order of their names, both would cross
    drawn = layout([1, 2, 3, 4], [(1, 4), (2, 3)])
    assert (drawn.boxes[1].y < drawn.boxes[2].y) == (drawn.boxes[4].y < drawn.boxes[3].y)


def test_an_empty_map_has_no_lines() -> None:
    assert (layout([], []).boxes, layout([], []).lines) == ({}, ())
    check(layout([7], []), [7], [])


@given(GRAPHS)
def test_no_graph_has_overlaps_or_loses_a_dependency(graph: tuple[int, list[Edge]]) -> None:
    number, edges = graph
    ids = list(range(1, number + 1))
    drawn = layout(ids, edges)
    check(drawn, ids, edges)
    # the order in which dependencies are read changes nothing
    assert layout(ids, reversed(edges)) == drawn


@pytest.mark.parametrize("step", [1, 7, 83, 499])
def test_500_services_are_drawn_in_bounded_time(step: int) -> None:
    """Rings, ladders and tangles: each service needs some further on, and the last ones those at the beginning."""
    ids = list(range(500))
    edges = [(i, (i + ahead * step) % 500) for i in ids for ahead in (1, 2, 5) if (ahead * step) % 500]
    with stopwatch() as took:
        drawn = layout(ids, edges)
    assert len(drawn.lines) == len(set(edges))
    assert not overlapping(drawn)
    assert took.seconds < 5


def test_the_longest_dependencies_of_a_tangle_pass_behind_the_boxes() -> None:
    # to lead each of the 990 beside the boxes, it would take 14,190 turns
    ids = range(45)
    drawn = layout(ids, [(a, b) for a in ids for b in range(a + 1, 45)])
    assert not overlapping(drawn)
    assert not crossed_boxes(drawn)
    assert len(drawn.lines) == 990
    assert 1_400 < sum(len(line.stops) - 2 for line in drawn.lines) <= 1_500

    def columns_passed(line: Line) -> int:
        return abs(drawn.boxes[line.edge[0]].column - drawn.boxes[line.edge[1]].column) - 1

    behind = [columns_passed(line) for line in drawn.lines if line.is_behind_boxes]
    beside = [columns_passed(line) for line in drawn.lines if not line.is_behind_boxes]
    assert min(behind) >= max(beside) > 0


@pytest.mark.parametrize("nearby", [200, 5_000])
def test_5000_services_are_counted_and_selected_in_bounded_time(nearby: int) -> None:
    """Each depends on 20 others, among the 200 after it, or anywhere, in cycles."""
    ids = range(5_000)
    edges = [
        (i, (i + 1 + (i * 7 + number * number * 13) % nearby) % 5_000) for i in ids for number in range(20)
    ]
    edges = [(a, b) for a, b in edges if a != b]
    with stopwatch() as took:
        counts = reach_counts(reversed_edges(edges))
        selected = select(edges, ids, (), is_filtered=False, focus_id=0, steps=10)
    assert max(counts.values()) == 4_999
    assert selected.service_ids[0] == 0
    assert selected.not_shown > 0
    assert took.seconds < 10


@given(GRAPHS)
def test_how_many_a_failure_affects_is_what_a_walk_finds(graph: tuple[int, list[Edge]]) -> None:
    number, edges = graph
    before = reversed_edges(edges)
    counts = reach_counts(before)
    assert {i: counts.get(i, 0) for i in range(1, number + 1)} == {
        i: len(reached(before, [i]).service_ids) for i in range(1, number + 1)
    }


def test_steps_are_counted_on_the_shortest_way() -> None:
    assert reached(KESTREL, [WEB]).steps == {CHECKOUT: 1, DISK: 1, LEDGER: 2, GATEWAY: 2}


def test_a_map_around_a_service_has_what_it_needs_and_what_needs_it() -> None:
    selected = select(KESTREL, range(1, 6), (), is_filtered=False, focus_id=LEDGER, steps=1)
    assert selected.service_ids == [LEDGER, DISK, CHECKOUT]
    assert selected.edges == [(CHECKOUT, LEDGER), (LEDGER, DISK)]
    # what both sides need is no neighbor: gateway is reached only back through checkout
    wide = select(KESTREL, range(1, 6), (), is_filtered=False, focus_id=LEDGER, steps=9)
    assert sorted(wide.service_ids) == [WEB, CHECKOUT, LEDGER, DISK]


def test_the_map_around_a_service_leads_to_each_match() -> None:
    selected = select(KESTREL, [LEDGER], (), is_filtered=True, focus_id=WEB, steps=2)
    assert selected.service_ids == [WEB, CHECKOUT, LEDGER]
    assert selected.edges == [(WEB, CHECKOUT), (CHECKOUT, LEDGER)]
    upward = select(KESTREL, [WEB], (), is_filtered=True, focus_id=GATEWAY, steps=2)
    assert upward.service_ids == [GATEWAY, CHECKOUT, WEB]
    # one that is further away, and what lies between, have no place
    assert select(KESTREL, [LEDGER], (), is_filtered=True, focus_id=WEB, steps=1).service_ids == [WEB]


def test_a_filter_shows_what_is_next_to_the_matches() -> None:
    selected = select(KESTREL, [GATEWAY, 9], (), is_filtered=True)
    assert (selected.service_ids, selected.unconnected) == ([GATEWAY, CHECKOUT], 1)


def test_unhealthy_services_have_a_place_first_and_the_rest_is_counted() -> None:
    edges = [(i, i + 1) for i in range(1, 2_000)]
    selected = select(edges, range(1, 2_101), {1_500}, is_filtered=False, limit=100)
    assert selected.service_ids[0] == 1_500
    assert (len(selected.service_ids), selected.not_shown, selected.unconnected) == (100, 1_900, 100)


def test_a_tangle_has_no_more_dependencies_than_can_be_drawn() -> None:
    edges = [(a, b) for a in range(60) for b in range(60) if a != b]
    selected = select(edges, range(60), (), is_filtered=False)
    assert len(selected.edges) <= MAX_EDGES
    assert len(selected.service_ids) + selected.not_shown == 60
    assert (len(selected.service_ids), len(selected.edges), selected.not_shown) == (32, 992, 28)
