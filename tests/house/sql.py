"""Reads the SQL of the source: which statement reads, writes or locks which table."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from tests.house.source import SRC, modules, nodes

MIGRATIONS = sorted((SRC / "migrations").glob("*.sql"))
_TOKEN = re.compile(r"'(?:[^']|'')*'|--[^\n]*|[a-z_][a-z_0-9]*|\S", re.IGNORECASE)
_SQL = re.compile(
    r"\b(select|insert\s+into|update\s+\w+(\s+(as\s+)?\w+)?\s+set|delete\s+from|from|join|truncate|lock\s+table)\s",
    re.IGNORECASE,
)
_AFTER_A_TABLE = {
    *(
        "as",
        "set",
        "where",
        "on",
        "join",
        "left",
        "right",
        "inner",
        "cross",
        "full",
        "using",
        "order",
        "group",
    ),
    *(
        "limit",
        "for",
        "values",
        "select",
        "returning",
        "union",
        "having",
        "natural",
        "with",
        "default",
        "offset",
    ),
}


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a table by a statement; `how` is read, write or lock."""

    table: str
    how: str


@dataclass(slots=True)
class _Level:
    """What is known of the query inside one pair of parentheses: its tables by alias, and whether FROM goes on."""

    tables: dict[str, str]
    in_from: bool = False


@cache
def _tokens(sql: str) -> tuple[str, ...]:
    return tuple(token.lower() for token in _TOKEN.findall(sql) if not token.startswith(("'", "--")))


def uses(sql: str, relations: frozenset[str]) -> Iterator[Use]:
    """Yield how a statement uses tables and views, once for each mention."""
    tokens = [*_tokens(sql), "", "", ""]
    named = {tokens[i] for i in range(len(tokens) - 2) if tokens[i + 1] == "as" and tokens[i + 2] == "("}
    levels = [_Level({})]

    def table(at: int, how: str) -> Iterator[Use]:
        name = tokens[at]
        if name not in relations or name in named:
            return
        alias = tokens[at + 2] if tokens[at + 1] == "as" else tokens[at + 1]
        is_alias = alias.isidentifier() and alias not in _AFTER_A_TABLE
        levels[-1].tables[alias if is_alias else name] = name
        yield Use(name, how)

    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        match token:
            case "(":
                levels.append(_Level({}))
            case ")" if len(levels) > 1:
                levels.pop()
            case "from" if before not in ("delete", "distinct") and tokens[i - 3 : i - 2] != ["extract"]:
                levels[-1].in_from = True
                yield from table(i + 1, "read")
            case "join" | "using":
                yield from table(i + 1, "read")
            case "," if levels[-1].in_from:
                yield from table(i + 1, "read")
            case "where" | "group" | "order" | "limit" | "returning" | "union" | "on":
                levels[-1].in_from = False
            case "into" if before == "insert":
                yield from table(i + 1, "write")
            case "from" if before == "delete":
                yield from table(i + 1, "write")
            case "truncate":
                yield from table(i + 1, "write")
            case "lock" if tokens[i + 1] == "table":
                yield from table(i + 2, "lock")
            case "update" | "share" if before in ("for", "key") or tokens[i - 2 : i] == ["for", "no"]:
                locked = levels[-1].tables
                if tokens[i + 1] == "of":
                    locked = {alias: name for alias, name in locked.items() if alias in tokens[i + 2 :]}
                yield from (Use(name, "lock") for name in locked.values())
            case "update" if "set" in tokens[i + 2 : i + 5]:
                yield from table(i + 1, "write")


@cache
def relations() -> frozenset[str]:
    """Return the tables and views that the migrations make."""
    text = "\n".join(path.read_text() for path in MIGRATIONS)
    return frozenset(re.findall(r"^create (?:or replace )?(?:table|view) (\w+)", text, re.MULTILINE))


@cache
def functions() -> dict[str, str]:
    """Return the bodies of the functions that the migrations make, by name."""
    text = "\n".join(path.read_text() for path in MIGRATIONS)
    made = re.compile(r"^create (?:or replace )?function (\w+)\(.*?\$\$(.*?)\$\$;", re.MULTILINE | re.DOTALL)
    return dict(made.findall(text))


def calls(sql: str) -> set[str]:
    """Return the functions of the migrations that a statement calls."""
    tokens = _tokens(sql)
    return {name for name, after in pairwise(tokens) if after == "(" and name in functions()}


def statements(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each string that may be SQL; what f-strings insert becomes `inserted`."""
    inner: set[int] = set()
    for node in nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inner.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
            parts = [str(p.value) if isinstance(p, ast.Constant) else " inserted " for p in node.values]
            if _SQL.search(text := "".join(parts)):
                yield node.lineno, text
        elif id(node) not in inner and isinstance(node, ast.Constant) and _SQL.search(str(node.value)):
            yield node.lineno, str(node.value)


@cache
def table_uses() -> list[tuple[Path, int, Use]]:
    """Return every use of a table in the source, with its file and line."""
    return [
        (path, line, use)
        for path, tree in modules()
        for line, text in statements(tree)
        for use in uses(text, relations())
    ]
