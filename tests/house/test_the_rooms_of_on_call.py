"""On-call has rooms: each imports only rooms below it, and only its edges import web pages and API."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import SRC, modules

FLOORS = (
    {"model"},
    {"interval_limits", "search_store", "messages"},
    {"rota"},
    {"schedules"},
    {"swaps", "calendars"},
    {"checks", "notifications"},
    {"slice"},
)
"""The rooms and the files beside them, the lowest floor first; what shares a floor does not import one another."""
EDGES = ("web", "api", "schemas", "timeline_context")
"""How the names of modules end that serve requests: they gather from every room."""


def _imports(room: str, name: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the room and the module of each import of on-call, such as `("swaps", "covers")`."""
    package = SRC / "oncall"
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("firebell.oncall"):
            continue
        parts = (node.module or "").split(".")[2:]
        for alias in node.names:
            path = [*parts, alias.name]
            is_module = (
                package.joinpath(*path).with_suffix(".py").is_file() or package.joinpath(*path).is_dir()
            )
            inner = path if is_module else parts
            assert inner, f"{room}/{name} imports on-call as a whole"
            yield inner[0], inner[-1]


def _floor(room: str) -> int:
    floors = [number for number, rooms in enumerate(FLOORS) if room in rooms]
    assert floors, f"{room} has no floor"
    return floors[0]


def _is_edge(name: str) -> bool:
    return name.endswith(EDGES)


def _oncall() -> Iterator[tuple[str, str, ast.Module]]:
    """Yield the room, the name and the tree of each module of on-call."""
    for path, tree in modules():
        parts = path.relative_to(SRC).with_suffix("").parts
        if parts[0] == "oncall" and parts[-1] != "__init__":
            yield parts[1], parts[-1], tree


def test_a_room_imports_only_rooms_below_it() -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in _oncall()
        if not _is_edge(name)
        for other, module in _imports(room, name, tree)
        if other != room and _floor(other) >= _floor(room)
    ]
    assert wrong == []


def test_only_edges_and_the_declaration_import_edges() -> None:
    wrong = [
        f"{room}/{name} imports {other}/{module}"
        for room, name, tree in _oncall()
        if not _is_edge(name) and name != "slice"
        for other, module in _imports(room, name, tree)
        if _is_edge(module)
    ]
    assert wrong == []


def test_every_folder_of_on_call_is_a_room() -> None:
    folders = {path.name for path in Path(SRC / "oncall").iterdir() if path.is_dir() and path.name[0] != "_"}
    assert folders <= set().union(*FLOORS)
    assert {room for room, _, _ in _oncall()} <= set().union(*FLOORS)
