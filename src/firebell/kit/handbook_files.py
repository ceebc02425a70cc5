"""The shipped handbook files: inside the package when installed, in `skills/` in a checkout."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def _root() -> Traversable:
    """The package's copy if there is one (as in a wheel), else the folder of the repository."""
    packaged = resources.files("firebell").joinpath("handbook", "skill")
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[3] / "skills" / "managing-incidents"


def _walk(folder: Traversable, prefix: str) -> list[str]:
    paths: list[str] = []
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            paths += _walk(entry, f"{prefix}{entry.name}/")
        else:
            paths.append(prefix + entry.name)
    return paths


@cache
def _files() -> frozenset[str]:
    root = _root()
    return frozenset(_walk(root, "")) if root.is_dir() else frozenset()


def skill_files(under: str = "") -> list[str]:
    """Return the sorted paths below the folder `under`, relative to the root of the handbook files."""
    prefix = f"{under.strip('/')}/" if under.strip("/") else ""
    return sorted(path for path in _files() if path.startswith(prefix))


@cache
def skill(path: str) -> str:
    """Return the text of a file such as `references/incident-roles.md`.

    Raises FileNotFoundError naming the path, also for a path that leads outside.
    """
    if path not in _files():
        raise FileNotFoundError(f"the written practice has no file {path}")
    return _root().joinpath(*path.split("/")).read_text(encoding="utf-8")
