"""Dependencies between services: what lies behind one, what needs it, and cycles (decision 0098)."""

from itertools import product

import pytest

from firebell.catalog import dependency_yaml
from firebell.catalog.dependencies import Edge, cycle_of, cycles, reached, reversed_edges
from firebell.kit.errors import Invalid

WEB, CHECKOUT, LEDGER, GATEWAY, DISK = range(1, 6)
Way = tuple[int, tuple[int, ...]]
"""A service, and those between."""
KESTREL: list[Edge] = [(WEB, CHECKOUT), (CHECKOUT, LEDGER), (CHECKOUT, GATEWAY), (LEDGER, DISK)]


def ways(edges: list[Edge], starts: list[int]) -> list[Way]:
    """Return what can be reached, with the services between."""
    reach = reached(edges, starts)
    return [(i, reach.through(i)) for i in reach.service_ids]


@pytest.mark.parametrize(
    ("edges", "starts", "expected"),
    [
        ([], [WEB], []),
        (KESTREL, [], []),
        (KESTREL, [DISK], []),
        (
            KESTREL,
            [CHECKOUT],
            [(LEDGER, ()), (GATEWAY, ()), (DISK, (LEDGER,))],
        ),
        # what is affected itself is no dependency of the rest
        (KESTREL, [WEB, CHECKOUT], [(LEDGER, ()), (GATEWAY, ()), (DISK, (LEDGER,))]),
        # the shortest way counts
        (
            [*KESTREL, (WEB, DISK)],
            [WEB],
            [(CHECKOUT, ()), (DISK, ()), (LEDGER, (CHECKOUT,)), (GATEWAY, (CHECKOUT,))],
        ),
        # a cycle ends
        ([(1, 2), (2, 3), (3, 1)], [1], [(2, ()), (3, (2,))]),
    ],
)
def test_what_lies_behind_a_service_is_listed_nearest_first(
    edges: list[Edge], starts: list[int], expected: list[Way]
) -> None:
    assert ways(edges, starts) == expected


def test_what_needs_a_service_is_found_backward() -> None:
    assert ways(reversed_edges(KESTREL), [DISK]) == [
        (LEDGER, ()),
        (CHECKOUT, (LEDGER,)),
        (WEB, (LEDGER, CHECKOUT)),
    ]


@pytest.mark.parametrize(
    ("edges", "cycle", "groups"),
    [
        (KESTREL, (), []),
        ([(1, 2), (2, 1)], (1, 2), [(1, 2)]),
        ([(1, 2), (2, 3), (3, 1), (2, 1)], (1, 2), [(1, 2, 3)]),
        ([(1, 2), (2, 3), (3, 2)], (), [(2, 3)]),
        ([(1, 2), (2, 1), (3, 4), (4, 3), (2, 3)], (1, 2), [(1, 2), (3, 4)]),
    ],
)
def test_a_cycle_is_shown_and_no_error(
    edges: list[Edge], cycle: tuple[int, ...], groups: list[tuple[int, ...]]
) -> None:
    assert cycle_of(edges, 1) == cycle
    assert cycles(edges) == groups


def test_a_service_is_in_a_cycle_exactly_if_it_reaches_itself() -> None:
    """All graphs of three services, against the definition."""
    possible = [(a, b) for a, b in product(range(3), repeat=2) if a != b]
    for chosen in product((False, True), repeat=len(possible)):
        edges = [edge for edge, is_there in zip(possible, chosen, strict=True) if is_there]
        closure = set(edges)
        for middle, a, b in product(range(3), repeat=3):
            if {(a, middle), (middle, b)} <= closure:
                closure.add((a, b))
        own = {a for a, b in closure if a == b}
        assert {i for i in range(3) if cycle_of(edges, i)} == own
        assert {i for group in cycles(edges) for i in group} == own
        for start in range(3):
            assert set(reached(edges, [start]).service_ids) == {b for a, b in closure if a == start} - {start}


def test_a_chain_of_thousands_of_services_ends() -> None:
    chain = [(i, i + 1) for i in range(5_000)]
    assert len(reached(chain, [0]).through(5_000)) == 4_999
    assert cycles([*chain, (5_000, 0)]) == [tuple(range(5_001))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services: {}", {}),
        ("services:\n  a: [b, c]\n  b:\n  c: []\n", {"a": ["b", "c"], "b": [], "c": []}),
        # slugs are read as they are written
        ("services: {no: [on, 1, 1.0]}", {"no": ["on", "1", "1.0"]}),
        ("services: {søk: [決済]}", {"søk": ["決済"]}),
    ],
)
def test_a_file_is_read_and_written(text: str, expected: dict[str, list[str]]) -> None:
    assert dependency_yaml.read(text) == expected
    assert dependency_yaml.read(dependency_yaml.dump(expected)) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("- a", 1),
        ("service:\n  a: [b]", 1),
        ("services: {}\nteams: {}", 2),
        ("services:\n  a: b", 2),
        ("services:\n  a: [b]\n  a: [c]", 3),
        ("services:\n  a:\n  - {b: c}", 3),
        ("services:\n  [a]: [b]", 2),
        ("services:\n  a: &x [b]\n  c: *x", 2),
        ("services:\n  a: [b", 2),
        ("services:\n  a: !!python/object:x [b]", 2),
        ("services: " + "[" * 20_000, 1),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(Invalid) as refused:
        dependency_yaml.read(text)
    assert refused.value.message.startswith(f"Line {line}: ")
    assert refused.value.hint
