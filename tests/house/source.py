"""Where the source is, parsed."""

import ast
from functools import cache
from pathlib import Path

from tests import garbage

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "firebell"
TEMPLATES = sorted((SRC / "templates").rglob("*.html"))
GATHERING = {"account", "dashboard", "search", "setup", "undo"}
"""Slices above the others that gather from their insides for one screen; only `.importlinter` limits them."""
SLICES = frozenset(path.parent.name for path in SRC.glob("*/slice.py")) - GATHERING - {"kit"}
"""The slices that meet in their models and actions alone; a folder with a `slice.py` is one."""


@cache
def parsed(path: Path) -> ast.Module:
    """Return a module's tree."""
    return ast.parse(path.read_text())


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    """Return every module of the product with its tree."""
    with garbage.lasting():
        return [(path, parsed(path)) for path in sorted(SRC.rglob("*.py"))]


@cache
def nodes(tree: ast.AST) -> list[ast.AST]:
    """Return a tree and all that is below it, kept because walking through the product takes a second."""
    return list(ast.walk(tree))


def dotted(node: ast.expr) -> str:
    """Return an expression as its source; unparsing each attribute of the product takes seconds."""
    match node:
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case ast.Name():
            return node.id
        case _:
            return ast.unparse(node)
