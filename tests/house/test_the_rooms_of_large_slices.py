"""A large slice has rooms: each imports only rooms below it, and only its edges gather from all of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.house.source import SRC, modules


@dataclass(frozen=True)
class LargeSlice:
    """The rooms of a slice and the files beside them, the lowest floor first.

    What shares a floor does not import one another. `edges` are how the names of modules end that serve requests:
    they gather from every room.
    """

    name: str
    floors: tuple[frozenset[str], ...]
    edges: tuple[str, ...]

    def floor(self, room: str) -> int:
        """Return the floor of a room; a file that has none fails the test."""
        floors = [number for number, rooms in enumerate(self.floors) if room in rooms]
        assert floors, f"{self.name}/{room} has no floor"
        return floors[0]

    def is_edge(self, name: str) -> bool:
        """Return True if a module serves requests or gathers for a page."""
        return name.endswith(self.edges)

    def modules(self) -> Iterator[tuple[str, str, ast.Module]]:
        """Yield the room, the name and the tree of each module."""
        for path, tree in modules():
            parts = path.relative_to(SRC).with_suffix("").parts
            if parts[0] == self.name and parts[-1] != "__init__":
                yield parts[1], parts[-1], tree

    def imports(self, room: str, name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
        """Yield the room and the module of each import within the slice, such as `("swaps", "covers")`."""
        package = f"firebell.{self.name}"
        for node in ast.walk(tree):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if not isinstance(node, ast.ImportFrom) or not f"{module}.".startswith(f"{package}."):
                continue
            parts = module.split(".")[2:]
            for alias in node.names:
                path = SRC.joinpath(self.name, *parts, alias.name)
                is_module = path.with_suffix(".py").is_file() or path.is_dir()
                inner = [*parts, alias.name] if is_module else parts
                assert inner, f"{self.name}/{room}/{name} imports {self.name} as a whole"
                yield inner[0], inner[-1]


def _floors(*floors: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(floor.split()) for floor in floors)


ONCALL = LargeSlice(
    "oncall",
    _floors(
        "model",
        "interval_limits search_store messages",
        "rota",
        "schedules",
        "swaps calendars",
        "checks notifications",
        "slice",
    ),
    ("web", "api", "schemas", "timeline_context"),
)
INCIDENTS = LargeSlice(
    "incidents",
    _floors(
        "model",
        "severity text_limits channel_names visibility_store",
        "measures",
        "store search_store",
        "lookup",
        "timeline_writer",
        "update_deadlines linked_pages",
        "timeline type_and_visibility",
        "canvas roles severity_changes closing",
        "phases custom_fields",
        "declaring relations customer_reports incident_list",
        "declaration_rules checks",
        "queries service_uses",
        "messages",
        "actions",
        "timers",
        "api web details_web visibility_api",
        "slice",
    ),
    ("web", "api", "part"),
)
POSTMORTEMS = LargeSlice(
    "postmortems",
    _floors(
        "model",
        "document blameless list_position deadlines",
        "drafting text_limits store search_store postmortem_list",
        "open_placeholders lookup guide similar",
        "editing checks reminders",
        "meeting several_incidents near_misses",
        "review external progress reader_feedback",
        "publication export",
        "actions queries",
        "api web",
        "slice",
    ),
    ("web", "api", "part"),
)
LARGE = pytest.mark.parametrize("large", [ONCALL, INCIDENTS, POSTMORTEMS], ids=lambda large: large.name)


@LARGE
def test_a_room_imports_only_rooms_below_it(large: LargeSlice) -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in large.modules()
        if not large.is_edge(name)
        for other, module in large.imports(room, name, tree)
        if other != room and large.floor(other) >= large.floor(room)
    ]
    assert wrong == []


@LARGE
def test_only_edges_and_the_declaration_import_edges(large: LargeSlice) -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in large.modules()
        if not large.is_edge(name) and name != "slice"
        for other, module in large.imports(room, name, tree)
        if large.is_edge(module)
    ]
    assert wrong == []


@LARGE
def test_every_folder_of_a_large_slice_is_a_room(large: LargeSlice) -> None:
    folders = {path.name for path in (SRC / large.name).iterdir() if path.is_dir() and path.name[0] != "_"}
    known = frozenset().union(*large.floors)
    assert folders <= known
    assert {room for room, _, _ in large.modules()} <= known
