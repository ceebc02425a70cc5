"""Where the source is, parsed."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "firebell"
TEMPLATES = sorted((SRC / "templates").rglob("*.html"))


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    """Return every module of the product with its tree."""
    return [(path, ast.parse(path.read_text())) for path in sorted(SRC.rglob("*.py"))]
