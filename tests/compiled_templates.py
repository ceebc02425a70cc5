"""Compiled templates, shared by the processes of all runs: to compile all of them takes seconds."""

import hashlib
import shutil
import time
from functools import cache
from pathlib import Path

import jinja2

import firebell
from firebell.kit.web import html

_FOLDERS = Path(__file__).parent / "__pycache__"
_PREFIX = "templates-"
_KEPT_S = 24 * 3600
"""How long a folder is kept after it was created; another checkout of the source in between may need it again."""


@cache
def _folder() -> Path:
    """Return the folder for the present source: filters act in the compiler, so a change of any module counts."""
    root = Path(firebell.__file__).parent
    stats = [(str(path), path.stat()) for path in sorted(root.rglob("*.py"))]
    version = repr([jinja2.__version__, *((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)])
    return _FOLDERS / f"{_PREFIX}{hashlib.sha256(version.encode()).hexdigest()[:16]}"


def share() -> None:
    """Let this process read and write what is compiled for the present source."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    html._environment().bytecode_cache = jinja2.FileSystemBytecodeCache(str(folder))


def remove_old() -> None:
    """Remove what was compiled for earlier sources."""
    for folder in _FOLDERS.glob(f"{_PREFIX}*"):
        if folder != _folder() and time.time() - folder.stat().st_mtime > _KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)
