"""The written practice as it is shipped: in the package when installed, in `skills/` of a checkout."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def _root() -> Traversable:
    """The package's own copy where there is one (a wheel has it), else the folder of the repository."""
    packaged = resources.files("firebell").joinpath("handbook", "skill")
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[3] / "skills" / "managing-incidents"


def _walk(folder: Traversable, prefix: str) -> list[str]:
    found: list[str] = []
    for entry in folder.iterdir():
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append(prefix + entry.name)
    return found


@cache
def _files() -> frozenset[str]:
    root = _root()
    return frozenset(_walk(root, "")) if root.is_dir() else frozenset()


def skill_files(under: str = "") -> list[str]:
    """The sorted paths below the folder `under`, relative to the root of the written practice."""
    prefix = f"{under.strip('/')}/" if under.strip("/") else ""
    return sorted(path for path in _files() if path.startswith(prefix))


@cache
def skill(path: str) -> str:
    """The text of one file by its path, such as `references/incident-roles.md`.

    Raises FileNotFoundError that names the path; a path that leads outside is not found.
    """
    if path not in _files():
        raise FileNotFoundError(f"the written practice has no file {path}")
    return _root().joinpath(*path.split("/")).read_text(encoding="utf-8")
