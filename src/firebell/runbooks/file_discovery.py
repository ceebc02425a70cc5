"""Runbooks in a folder or a repository: find the files, and the targets of their links that exist."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from firebell.runbooks.parse import read
from firebell.runbooks.sources.sync_plan import is_rule_file, is_runbook, is_scenario
from firebell.runbooks.text_checks import targets


@dataclass(frozen=True, slots=True)
class Root:
    """The repository that contains a file; links that begin with a slash start here."""

    path: Path

    def folder(self, file: Path) -> str:
        """Return the folder of a file relative to the root, separated by `/`."""
        return file.resolve().parent.relative_to(self.path).as_posix()


def gather(paths: Iterable[Path], *, for_push: bool = False, rules: Sequence[str] = ()) -> list[Path]:
    """Return the named files, and all `.md` files in named folders except README.md and _index.md.

    With `for_push`, include scenarios of drills, and rule files that match a pattern of `rules` below their repository.
    Raise `FileNotFoundError` for a path that does not exist, and for a folder without a runbook.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            below = [
                p
                for p in sorted(path.rglob("*"))
                if _is_read(p, for_push=for_push, rules=rules)
                and p.is_file()
                and not any(n.startswith(".") for n in p.relative_to(path).parts)
            ]
            if not below:
                raise FileNotFoundError(f"No runbooks in {path}: there are no .md files.")
            files |= dict.fromkeys(below)
        elif path.is_file():
            files[path] = None
        else:
            raise FileNotFoundError(f"File not found: {path}.")
    return list(files)


def _is_read(file: Path, *, for_push: bool, rules: Sequence[str]) -> bool:
    if file.name.endswith(".md"):
        return file.name.lower() not in ("readme.md", "_index.md")
    if not for_push:
        return False
    if is_scenario(file.name):
        return True
    # other YAML in a repository can hold secrets, so only files that match leave this machine
    return bool(rules) and is_rule_file(file.name) and is_runbook(path_below_root(file), rules)


def path_below_root(file: Path) -> str:
    """Return the path of a file below its repository, separated by `/`."""
    return file.resolve().relative_to(root_of(file).path).as_posix()


def root_of(file: Path) -> Root:
    """Return the nearest parent folder of a file that has a `.git`, else the root of the file system."""
    parents = file.resolve().parents
    return Root(next((p for p in parents if (p / ".git").exists()), parents[-1]))


def existing(file: Path, text: str, root: Root) -> frozenset[str]:
    """Return the targets of the runbook's links that exist, relative to the root."""
    return frozenset(t for t in targets(read(text), root.folder(file)) if (root.path / t).exists())
