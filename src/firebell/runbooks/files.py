"""Runbooks in a folder or a repository: which files they are, and which of their links lead somewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firebell.runbooks.check import targets
from firebell.runbooks.parse import read


@dataclass(frozen=True, slots=True)
class Root:
    """The repository that a file lies in: where links that begin with a slash start."""

    path: Path

    def folder(self, file: Path) -> str:
        """Return the folder of a file relative to the root, with `/` between names."""
        return file.resolve().parent.relative_to(self.path).as_posix()


def gather(paths: Iterable[Path]) -> list[Path]:
    """Return the files: those that are named, and every `.md` but README.md below a folder.

    Raises `FileNotFoundError` for a path that is not there, and for a folder without a runbook.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = [
                p
                for p in sorted(path.rglob("*.md"))
                if p.name.lower() != "readme.md"
                and not any(n.startswith(".") for n in p.relative_to(path).parts)
            ]
            if not below:
                raise FileNotFoundError(f"No runbooks in {path}: there are no .md files.")
            found |= dict.fromkeys(below)
        elif path.is_file():
            found[path] = None
        else:
            raise FileNotFoundError(f"File not found: {path}.")
    return list(found)


def root_of(file: Path) -> Root:
    """Return the nearest folder above a file with a `.git` in it, else the top of the file system."""
    above = file.resolve().parents
    return Root(next((p for p in above if (p / ".git").exists()), above[-1]))


def existing(file: Path, text: str, root: Root) -> frozenset[str]:
    """Return those paths, relative to the root, to which links of the runbook lead and which are there."""
    return frozenset(t for t in targets(read(text), root.folder(file)) if (root.path / t).exists())
