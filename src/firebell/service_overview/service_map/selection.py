"""Which services have a place on the map (pure)."""

from collections import Counter
from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass

from firebell.catalog import dependencies as graph
from firebell.catalog.dependencies import Edge

MAX_SERVICES = 100
"""The most services on one map; people lose their way among more."""
MAX_EDGES = 1_000
"""The most dependencies on one map, which bounds how long it takes to draw."""
DEFAULT_STEPS, MAX_STEPS = 2, 10
"""How far from a service its map reaches."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The services of a map, the most important first, the dependencies between them, and how many are left out.

    `unconnected` counts those that match and have no place, because nothing depends on them and they on nothing.
    `affected` are those that depend on the service in focus, directly or through others.
    """

    service_ids: list[int]
    edges: list[Edge]
    not_shown: int
    unconnected: int
    affected: graph.Reach


def select(
    edges: Iterable[Edge],
    match_ids: Collection[int],
    unhealthy_ids: Container[int],
    *,
    is_filtered: bool,
    focus_id: int | None = None,
    steps: int = DEFAULT_STEPS,
    limit: int = MAX_SERVICES,
    edge_limit: int | None = MAX_EDGES,
) -> Selection:
    """Return the services of a map.

    Around a service these are the matches up to `steps` away and the services between, nearest first. Otherwise they
    are the matches, and if these are `is_filtered` also what they depend on directly and what depends on them. Matches
    come first, among them unhealthy ones, then those with the most direct dependents.
    """
    listed = list(edges)
    before = graph.reversed_edges(listed)
    dependents = Counter(depends_on_id for _, depends_on_id in listed)
    # two that depend on each other are listed twice
    near = graph.following_ids([*listed, *before])
    matches = set(match_ids)
    distance: dict[int, int] = {}
    affected = graph.Reach({})
    if focus_id is not None:
        distance, wanted, unconnected = {focus_id: 0}, {focus_id}, 0
        affected = graph.reached(before, [focus_id])
        for reach in (graph.reached(listed, [focus_id]), affected):
            for service_id, number in reach.steps.items():
                distance[service_id] = min(number, distance.get(service_id, number))
                if number <= steps and service_id in matches:
                    wanted |= {service_id, *reach.through(service_id)}
    else:
        wanted = {i for i in matches if i in near}
        unconnected = len(matches) - len(wanted)
        if is_filtered:
            wanted |= {other for i in wanted for other in near[i]}

    def rank(service_id: int) -> tuple[int, bool, bool, int, int]:
        return (
            distance.get(service_id, 0),
            service_id not in matches,
            service_id not in unhealthy_ids,
            -dependents[service_id],
            service_id,
        )

    chosen: dict[int, None] = {}
    number_of_edges = 0
    for service_id in sorted(wanted, key=rank):
        more = sum(other in chosen for other in near.get(service_id, ()))
        if len(chosen) == limit or (edge_limit is not None and number_of_edges + more > edge_limit):
            break
        chosen[service_id] = None
        number_of_edges += more
    return Selection(
        list(chosen),
        [edge for edge in listed if edge[0] in chosen and edge[1] in chosen],
        len(wanted) - len(chosen),
        unconnected,
        affected,
    )
